/** A name server of Pyro as its users have it, in the same words as one of ours (`NameServer`). */
import { MillraceError } from '../../base/errors.ts';
import type { Remote } from '../caller.ts';
import { control } from '../control.ts';
import type { NameFilter } from '../core/names.ts';
import { checkOptions } from '../options.ts';
import { type ProxyOptions, proxy } from '../proxy.ts';
import { URI } from '../uri.ts';
import { textOf } from './core/text.ts';
import { type Kwargs, kwargs } from './kwargs.ts';

interface Registering {
  /** Refuse a name that is kept already. */
  readonly safe?: boolean;
  readonly metadata?: readonly string[];
}

/** What a list is narrowed to: one of these. */
interface PyroNameFilter extends NameFilter {
  /** Tried on each name on this side. */
  readonly regex?: RegExp;
}

/** The object of Python. */
interface PythonNames {
  register(name: string, uri: string, safe: boolean, metadata: readonly string[] | null): void;
  lookup(name: string, withMetadata?: boolean): unknown;
  list(filter: Kwargs): Record<string, unknown>;
  remove(name: string): number;
  set_metadata(name: string, metadata: readonly string[]): void;
  count(): number;
  ping(): void;
}

export class PyroNameServer implements AsyncDisposable {
  readonly #remote: Remote<PythonNames>;

  /** By `locateNS`. */
  constructor(remote: Remote<PythonNames>) {
    this.#remote = remote;
  }

  get uri(): string {
    return control(this.#remote).uri;
  }

  /** Keeps a name for a URI; an earlier one is replaced with its metadata, but for `safe`. @throws ERR_NAME, ERR_URI */
  async register(name: string, uri: string | URI, options?: Registering): Promise<void> {
    const { safe = false, metadata = null } = checkOptions(options, ['safe', 'metadata'], 'register()');
    const place = new URI(uri);
    if (!place.isPyro) throw new MillraceError('ERR_URI', `a name server of Pyro keeps URIs of Pyro; '${place.toString()}' is none`);
    await this.#remote.register(name, place.toString(), safe, metadata);
  }

  /** @throws ERR_NAME */
  async lookup(name: string): Promise<URI> {
    return uriOf(await this.#remote.lookup(name), name);
  }

  /** The tags of a name. @throws ERR_NAME */
  async metadata(name: string): Promise<readonly string[]> {
    const found = await this.#remote.lookup(name, true);
    const tags: unknown = Array.isArray(found) ? found[1] : null;
    if (!Array.isArray(tags)) throw new MillraceError('ERR_PROTOCOL', 'the answer of a name server is malformed');
    return tags.map(textOf);
  }

  /** Names with their URIs, ascending. @throws ERR_OPTION for two filters */
  async list(filter: PyroNameFilter = {}): Promise<Map<string, string>> {
    const { prefix, regex, metadataAll, metadataAny } = checkOptions<PyroNameFilter>(
      filter,
      ['prefix', 'regex', 'metadataAll', 'metadataAny'],
      'list()',
    );
    if (Object.keys(filter).length > 1)
      throw new MillraceError('ERR_OPTION', 'list() takes one filter: prefix, regex, metadataAll or metadataAny');
    const named = Object.entries({ prefix, metadata_all: metadataAll, metadata_any: metadataAny }).filter(
      ([, value]) => value !== undefined,
    );
    const found = (await this.#remote.list(kwargs(Object.fromEntries(named)))) as object;
    const names = Object.entries(found).map(([name, uri]): [string, string] => [name, textOf(uri)]);
    return new Map(names.filter(([name]) => regex === undefined || name.search(regex) >= 0).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** False: there was no such name. */
  async remove(name: string): Promise<boolean> {
    return (await this.#remote.remove(name)) === 1;
  }

  /** @throws ERR_NAME */
  async setMetadata(name: string, metadata: readonly string[]): Promise<void> {
    await this.#remote.set_metadata(name, metadata);
  }

  /** How many names it has. */
  async count(): Promise<number> {
    return Number(await this.#remote.count());
  }

  /** Resolves when it answers. */
  async ping(): Promise<void> {
    await this.#remote.ping();
  }

  /** Closes the connection; the next call connects again. */
  release(): void {
    control(this.#remote).release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }
}

function uriOf(found: unknown, name: string): URI {
  if (found instanceof URI || typeof found === 'string') return new URI(found);
  throw new MillraceError('ERR_PROTOCOL', `the answer of a name server for '${name}' is no URI`);
}

/** The name server of a URI (`PYRO:Pyro.NameServer@host:port`). Rejects when none answers there. */
export async function locatePyroNS(uri: string, options?: ProxyOptions): Promise<PyroNameServer> {
  const names = new PyroNameServer(proxy<PythonNames>(uri, options));
  try {
    await names.ping();
  } catch (error) {
    names.release();
    throw error;
  }
  return names;
}
