/**
 * What a name server knows: names with the URI that each stands for and its tags. The port `NameStore` is what the server needs of it; this one is in
 * memory and lasts as long as its daemon.
 */
import { MillraceError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';

export interface NameEntry {
  readonly uri: string;
  readonly metadata: readonly string[];
}

export interface NameStore {
  get(name: string): NameEntry | undefined;
  set(name: string, entry: NameEntry): void;
  delete(name: string): boolean;
  entries(): Iterable<readonly [name: string, entry: NameEntry]>;
}

export interface NameFilter {
  readonly prefix?: string;
  readonly metadataAll?: readonly string[];
  readonly metadataAny?: readonly string[];
}

const longest = 1_024;

/** A name: text without spaces and '@', so that it fits into a URI. @throws ERR_NAME */
function checkName(name: unknown): string {
  if (typeof name === 'string' && name.length <= longest && /^[^\s@]+$/.test(name)) return name;
  throw new MillraceError('ERR_NAME', `a name is a text of at most ${longest} characters without spaces and '@'`);
}

function checkTags(tags: unknown): readonly string[] {
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && /^[^\s,@]+$/.test(tag))) return [...new Set(tags as string[])];
  throw new MillraceError('ERR_NAME', "metadata is a list of tags: texts without spaces, ',' and '@'");
}

export class Names {
  readonly #store: NameStore;

  constructor(store: NameStore = new Map<string, NameEntry>()) {
    this.#store = store;
  }

  /** Takes the place of an earlier one of the name, whose tags stay when none are given; `safe`: refuses to. @throws ERR_NAME */
  register(name: unknown, uri: string, { safe = false, metadata }: { safe?: boolean; metadata?: unknown } = {}): void {
    const known = this.#store.get(checkName(name));
    if (known !== undefined && safe)
      throw new MillraceError(
        'ERR_NAME',
        `the name '${String(name)}' is kept already, for ${known.uri}: remove it first, or register without \`safe\``,
      );
    const tags = metadata === undefined ? (known?.metadata ?? []) : checkTags(metadata);
    this.#store.set(name as string, { uri, metadata: tags });
  }

  /** @throws ERR_NAME */
  lookup(name: unknown): NameEntry {
    const found = this.#store.get(checkName(name));
    if (found !== undefined) return found;
    const names = [...this.#store.entries()].map(([known]) => known);
    throw new MillraceError('ERR_NAME', `no object has the name '${String(name).slice(0, 200)}'.${didYouMean(String(name), names)}`);
  }

  /** The URIs of those that have all of these tags. @throws ERR_NAME when there are none */
  tagged(tags: unknown): string[] {
    const wanted = checkTags(tags);
    const found = this.list({ metadataAll: wanted }).map(([, { uri }]) => uri);
    if (found.length > 0) return found;
    throw new MillraceError('ERR_NAME', `no object has the tags ${wanted.join(', ')}`);
  }

  /** By name, ascending. */
  list({ prefix = '', metadataAll = [], metadataAny }: NameFilter = {}): (readonly [name: string, entry: NameEntry])[] {
    return [...this.#store.entries()]
      .filter(
        ([name, { metadata }]) =>
          name.startsWith(prefix) &&
          metadataAll.every((tag) => metadata.includes(tag)) &&
          (metadataAny === undefined || metadataAny.some((tag) => metadata.includes(tag))),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** False: there was none. */
  remove(name: unknown): boolean {
    return this.#store.delete(checkName(name));
  }

  /** @throws ERR_NAME */
  setMetadata(name: unknown, metadata: unknown): void {
    this.#store.set(checkName(name), { uri: this.lookup(name).uri, metadata: checkTags(metadata) });
  }
}
