/**
 * Rows on their way to a reader: without what no reader is shown (input and environment of the task), and cut into lists that fit into a
 * message. A list has about 1 MiB at most, or a single row.
 */
import type { AttemptEnd, TaskRow } from '../store/store.ts';
import { extraSize } from '../task/size.ts';

/** Results after a cursor, for a reader of them. */
export interface ResultPage {
  rows: TaskRow[];
  /** Where the next page begins: after so many recorded ends, or after the task with this number where results come in the order of acceptance. */
  cursor: number;
  /** No more will come. */
  ended: boolean;
}

/** Estimated bytes of one list. */
export const mostListBytes: number = 2 ** 20;

/**
 * Rows of the first look into the store for a list; each further one takes as many as there are: 40 rows of 900 kB would else be read
 * 40 times.
 */
export const fewestRows: number = 2;

/** What a row or an attempt has beside its texts. */
const rowBase = 200;

/** About the bytes of a row that is lean. */
export function rowSize(row: TaskRow): number {
  return rowBase + row.task[1].length + (row.end === null ? 0 : extraSize(row.end.extra));
}

export function attemptSize(end: AttemptEnd): number {
  return rowBase + extraSize(end.extra);
}

/** The row without the input and the environment of its task. */
export function leanRow(row: TaskRow): TaskRow {
  const [kind, args, input, attributes] = row.task;
  if (input === null && attributes?.env === undefined) return row;
  if (attributes?.env === undefined) return { ...row, task: [kind, args, null, attributes] };
  const { env: _, ...others } = attributes;
  return { ...row, task: [kind, args, null, others] };
}

/** The same without what it wrote and returned: a line of a list. */
export function lightRow(row: TaskRow): TaskRow {
  const lean = leanRow(row);
  const extra = lean.end?.extra ?? null;
  if (lean.end === null || extra === null) return lean;
  const { stdout: _out, stderr: _err, value: _value, ...rest } = extra;
  return { ...lean, end: { ...lean.end, extra: rest } };
}

/** How many of these, from the first on, fit beside what has `used` bytes of the list; at least one when nothing is in it. */
export function fitting<T>(items: readonly T[], size: (item: T) => number, used = 0): { count: number; bytes: number } {
  let bytes = used;
  let count = 0;
  for (const item of items) {
    const more = size(item);
    if (bytes > 0 && bytes + more > mostListBytes) break;
    bytes += more;
    count++;
  }
  return { count, bytes };
}

/** All rows, in lists that fit into a message each. */
export function* listsOf(rows: readonly TaskRow[]): Iterable<{ rows: readonly TaskRow[]; bytes: number }> {
  let from = 0;
  while (from < rows.length) {
    const rest = from === 0 ? rows : rows.slice(from);
    const { count, bytes } = fitting(rest, rowSize);
    yield { rows: count === rest.length ? rest : rest.slice(0, count), bytes };
    from += count;
  }
}
