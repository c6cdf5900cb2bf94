/**
 * What a name server decides: which names are good, which of two registrations counts, which names are dead. Time is a parameter, what is kept is asked
 * for before.
 */
import { MillraceError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';

/** A name as it is kept. */
export interface NameRow {
  readonly name: string;
  readonly uri: string;
  readonly metadata: readonly string[];
  /** ms that it lives after `renewedAt`; null: until it is removed. */
  readonly lease: number | null;
  /** ms since the epoch, by the name server's clock. */
  readonly renewedAt: number;
}

export interface NameFilter {
  readonly prefix?: string;
  readonly metadataAll?: readonly string[];
  readonly metadataAny?: readonly string[];
}

const longest = 1_024;
const mostTags = 1_000;

/** A name: text without spaces and '@', so that it fits into a URI. @throws ERR_NAME */
export function checkName(name: unknown): string {
  if (typeof name === 'string' && name.length <= longest && /^[^\s@]+$/.test(name)) return name;
  throw new MillraceError('ERR_NAME', `a name is a text of at most ${longest} characters without spaces and '@'`);
}

/** @throws ERR_NAME */
export function checkTags(tags: unknown): readonly string[] {
  if (
    Array.isArray(tags) &&
    tags.length <= mostTags &&
    tags.every((tag) => typeof tag === 'string' && tag.length <= longest && /^[^\s,@]+$/.test(tag))
  )
    return [...new Set(tags as string[])];
  throw new MillraceError('ERR_NAME', `metadata is a list of at most ${mostTags} tags: texts without spaces, ',' and '@'`);
}

/** Whether a name still stands: its lease runs from the last renewal, or from the start of its server, whatever is later. */
export function isAlive({ lease, renewedAt }: NameRow, now: number, startedAt: number): boolean {
  return lease === null || now < Math.max(renewedAt, startedAt) + lease;
}

export interface Registering {
  readonly uri: string;
  readonly safe: boolean;
  readonly metadata: unknown;
  readonly lease: number | null;
}

/** The row that takes the place of `known`, whose tags stay when none are given. @throws ERR_NAME for a name that is kept, when `safe` */
export function registered(name: string, known: NameRow | null, { uri, safe, metadata, lease }: Registering, now: number): NameRow {
  if (known !== null && safe)
    throw new MillraceError(
      'ERR_NAME',
      `the name '${name}' is kept already, for ${known.uri}: remove it first, or register without \`safe\``,
    );
  return { name, uri, metadata: metadata === undefined ? (known?.metadata ?? []) : checkTags(metadata), lease, renewedAt: now };
}

/** The row of a renewal; null: the name has gone to another place meanwhile, and stays there. */
export function renewed(known: NameRow | null, row: NameRow): NameRow | null {
  return known === null || known.uri === row.uri ? row : null;
}

/** @throws ERR_NAME */
export function checkFilter(filter: unknown): NameFilter {
  const { prefix, metadataAll, metadataAny } = (filter ?? {}) as Record<string, unknown>;
  if (prefix !== undefined && typeof prefix !== 'string') throw new MillraceError('ERR_NAME', 'the prefix of names is a text');
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(metadataAll === undefined ? {} : { metadataAll: checkTags(metadataAll) }),
    ...(metadataAny === undefined ? {} : { metadataAny: checkTags(metadataAny) }),
  };
}

/** By name, ascending. */
export function matching(rows: readonly NameRow[], { prefix = '', metadataAll = [], metadataAny }: NameFilter = {}): NameRow[] {
  return rows
    .filter(
      ({ name, metadata }) =>
        name.startsWith(prefix) &&
        metadataAll.every((tag) => metadata.includes(tag)) &&
        (metadataAny === undefined || metadataAny.some((tag) => metadata.includes(tag))),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function unknownName(name: string, rows: readonly NameRow[]): MillraceError {
  const names = rows.map((row) => row.name);
  return new MillraceError('ERR_NAME', `no object has the name '${name.slice(0, 200)}'.${didYouMean(name, names)}`);
}

/** The URIs of those that have all of these tags. @throws ERR_NAME when there are none */
export function tagged(rows: readonly NameRow[], tags: unknown): string[] {
  const wanted = checkTags(tags);
  const found = matching(rows, { metadataAll: wanted }).map(({ uri }) => uri);
  if (found.length > 0) return found;
  throw new MillraceError('ERR_NAME', `no object has the tags ${wanted.join(', ')}`);
}
