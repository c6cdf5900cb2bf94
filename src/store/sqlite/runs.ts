/**
 * Lists whose items have neighbouring numbers go to SQLite without the numbers, and without what all of them share: its JSON functions take longer to
 * pick values out of an item than to write it. Of tasks that arrive and end in order nearly all go so.
 */
import type { Value } from './driver.ts';
import type { Statements } from './statements.ts';

/** Below that a statement costs more than it spares. */
const shortest = 8;

/** One item of a list: its number, values that the items of a run have in common, and at its end what is its own. */
export type RunItem = readonly unknown[];

/** Write a list: runs of it by `run` (params: list, first number, what they share), the others by `list`; the rows changed. */
export function writeRuns(statements: Statements, items: readonly RunItem[], list: string, run: string): number {
  let changed = 0;
  const rest: RunItem[] = [];
  let to = 0;
  for (let from = 0; from < items.length; from = to) {
    const first = items[from]!;
    to = from + 1;
    while (to < items.length && continues(first, items[to]!, to - from)) to++;
    if (to - from < shortest) {
      for (let i = from; i < to; i++) rest.push(items[i]!);
      continue;
    }
    const own = items.slice(from, to).map((item) => item[item.length - 1]);
    changed += statements.bulkFrom(run, numberOf(first), own, ...(first.slice(1, -1) as Value[]));
  }
  return changed + statements.bulk(list, rest);
}

const numberOf = (item: RunItem): number => item[0] as number;

function continues(first: RunItem, item: RunItem, distance: number): boolean {
  if (numberOf(item) !== numberOf(first) + distance) return false;
  for (let i = 1; i < first.length - 1; i++) if (item[i] !== first[i]) return false;
  return true;
}
