/**
 * Task numbers in another order than by number: what is sorted are pairs of key and number (16 bytes a task), never rows, and the thread is free for others
 * every few ms: the rows come in stretches, and the sort is a merge with pauses.
 */
import { type Clock, pauseFor } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { sortValue } from '../store/order.ts';
import { searchTasks } from '../store/search.ts';
import type { TaskFilter, TaskStore } from '../store/store.ts';

/** What one answer may name: about 10 MB on the wire. */
const mostOrdered = 2_000_000;

/** What is asked for is found among the best of each stretch up to here. */
const mostBest = 1_000;

/** Steps of a merge between two pauses: about 5 ms. */
const stepsBetweenPauses = 262_144;

/** A sorted run: keys (NaN: none) and numbers. */
interface Run {
  readonly keys: Float64Array;
  readonly numbers: Float64Array;
}

/**
 * The numbers of the tasks that a filter means, in its order; tasks without a value come last.
 * @throws ERR_QUERY when they are more than 2,000,000
 */
export async function orderedNumbers(store: TaskStore, filter: TaskFilter, clock: Clock): Promise<Float64Array> {
  const { orderBy = 'n', desc = false, limit = Number.POSITIVE_INFINITY, ...which } = filter;
  if (limit <= mostBest) {
    // Of each stretch the store gives the best alone: of a million tasks the first fifty are known after a tenth of the time.
    for await (const rows of searchTasks(store, { ...filter, light: true }, clock)) return Float64Array.from(rows, ({ n }) => n);
    return new Float64Array(0);
  }
  const pause = (): Promise<void> => pauseFor(clock, 0);
  const before = (x: number, n: number, y: number, m: number): boolean => {
    if (Number.isNaN(x) || Number.isNaN(y)) {
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(y);
    } else if (x !== y) return desc ? x > y : x < y;
    return desc ? n > m : n < m;
  };
  const merge = async (a: Run, b: Run): Promise<Run> => {
    const length = Math.min(limit, a.keys.length + b.keys.length);
    const merged: Run = { keys: new Float64Array(length), numbers: new Float64Array(length) };
    let i = 0;
    let j = 0;
    for (let at = 0; at < length; at++) {
      const first = j >= b.keys.length || (i < a.keys.length && before(a.keys[i]!, a.numbers[i]!, b.keys[j]!, b.numbers[j]!));
      const run = first ? a : b;
      const from = first ? i++ : j++;
      merged.keys[at] = run.keys[from]!;
      merged.numbers[at] = run.numbers[from]!;
      if (at % stepsBetweenPauses === stepsBetweenPauses - 1) await pause();
    }
    return merged;
  };
  // Runs of about equal length are merged at once, as in a binary counter: at most 20 are held.
  const runs: Run[] = [];
  let total = 0;
  for await (const rows of searchTasks(store, { ...which, light: true }, clock)) {
    const pairs = rows.map((row) => [sortValue(row, orderBy) ?? Number.NaN, row.n] as const);
    pairs.sort(([x, n], [y, m]) => (before(x, n, y, m) ? -1 : 1));
    let run: Run = { keys: Float64Array.from(pairs, ([key]) => key), numbers: Float64Array.from(pairs, ([, n]) => n) };
    total += pairs.length;
    if (Math.min(total, limit) > mostOrdered)
      throw new MillraceError(
        'ERR_QUERY',
        `more than ${mostOrdered} tasks cannot be put in order: give a limit or conditions, or leave out orderBy`,
      );
    for (let last = runs[runs.length - 1]; last !== undefined && last.keys.length <= run.keys.length; last = runs[runs.length - 1]) {
      runs.pop();
      run = await merge(last, run);
    }
    runs.push(run);
  }
  let all: Run = { keys: new Float64Array(0), numbers: new Float64Array(0) };
  while (runs.length > 0) all = await merge(runs.pop()!, all);
  return all.numbers.length > limit ? all.numbers.slice(0, limit) : all.numbers;
}
