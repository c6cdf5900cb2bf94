/**
 * Long searches in stretches, so that none holds the thread for long: an adapter answers at once, and a question about 5,000,000 tasks takes
 * seconds. A stretch is a range of task numbers (`after`, `upTo`); between two of them the thread is free for others.
 *
 * Measured on a SQLite file: a stretch takes 1-20 ms where SQL decides, 25 ms where each row must be read (`~`).
 */
import { type Clock, pauseFor } from '../base/clock.ts';
import { extraSize, taskSize } from '../task/size.ts';
import { sortRows } from './order.ts';
import type { TaskFilter, TaskRow, TaskStore } from './store.ts';

/** Task numbers in a stretch; fewer where the store cannot decide by columns. */
const longStretch = 8_192;
const shortStretch = 4_096;

/** So long (ms) stretches may follow each other: a pause alone takes a millisecond. */
const longestHold = 4;

/** Rows of a page at most, and of the first one; then as many as have about so many bytes: a row may have 2 MiB of output, and a page is in memory. */
const page = 1_000;
const firstPage = 16;
const pageBytes = 4 * 2 ** 20;

/**
 * What `find` finds, in pages that are not empty. In another order than by number the one page is put together from the best rows of each
 * stretch; without a limit it holds everything that was found.
 * @param first Rows of the first page.
 */
export async function* searchTasks(
  store: TaskStore,
  filter: TaskFilter,
  clock: Clock,
  first: number = firstPage,
): AsyncGenerator<TaskRow[], void, undefined> {
  const { orderBy = 'n', desc = false } = filter;
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  if (orderBy !== 'n') {
    let best: TaskRow[] = [];
    for await (const part of stretches(store, filter, clock)) {
      // Sorted are numbers, not rows, where only the first ones are wanted: a tenth of the time.
      const which = Number.isFinite(left) ? { numbers: await store.numbers(part), light: part.light === true } : part;
      best.push(...(await store.find(which)));
      best = sortRows(best, orderBy, desc);
      if (best.length > left) best.length = left;
    }
    if (best.length > 0) yield best;
    return;
  }
  let size = Math.min(page, first);
  for await (const part of stretches(store, filter, clock)) {
    let after = part.after;
    for (;;) {
      const limit = Math.min(size, left);
      const rows = await store.find({ ...part, ...(after === undefined ? {} : { after }), limit });
      if (rows.length > 0) yield rows;
      size = nextSize(size, rows);
      left -= rows.length;
      if (left <= 0) return;
      if (rows.length < limit) break;
      after = rows[rows.length - 1]?.n;
    }
  }
}

function nextSize(size: number, rows: readonly TaskRow[]): number {
  let bytes = 1;
  for (const { task, end } of rows) bytes += 200 + taskSize(task) + (end === null ? 0 : extraSize(end.extra));
  return Math.max(1, Math.min(page, size * 4, Math.floor((pageBytes * Math.max(1, rows.length)) / bytes)));
}

/** What `numbers` finds, in pages that are not empty; by number, whatever the filter's order. */
export async function* searchNumbers(store: TaskStore, filter: TaskFilter, clock: Clock): AsyncGenerator<number[], void, undefined> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  const { orderBy: _, ...byNumber } = filter;
  for await (const part of stretches(store, byNumber, clock)) {
    const numbers = await store.numbers(Number.isFinite(left) ? { ...part, limit: left } : part);
    if (numbers.length > 0) yield numbers;
    left -= numbers.length;
    if (left <= 0) return;
  }
}

/** What `count` counts. */
export async function countTasks(store: TaskStore, filter: TaskFilter, clock: Clock): Promise<number> {
  const limit = filter.limit ?? Number.POSITIVE_INFINITY;
  let count = 0;
  for await (const part of stretches(store, filter, clock)) {
    count += await store.count(part);
    if (count >= limit) return limit;
  }
  return count;
}

/** The filter, narrowed to one stretch after the other in the order of the answer. */
async function* stretches(store: TaskStore, filter: TaskFilter, clock: Clock): AsyncGenerator<TaskFilter, void, undefined> {
  const named = filter.numbers ?? filter.ids ?? filter.keys;
  const stretch = filter.where === undefined ? longStretch : shortStretch;
  if (named !== undefined && named.length <= stretch) {
    yield filter;
    return;
  }
  const edge = async (last: boolean): Promise<number | undefined> => (await store.numbers({ desc: last, limit: 1 }))[0];
  const { desc = false, after, upTo } = filter;
  const near = await edge(desc);
  if (near === undefined) return;
  const first = desc ? Math.min(near, (after ?? near + 1) - 1) : Math.max(near, (after ?? near - 1) + 1);
  const past = (at: number, last: number): boolean => (desc ? at < last : at > last);
  let last = upTo;
  let isKnown = false;
  if (last !== undefined && past(first, last)) return;
  let since = clock.now();
  for (let at = first; ; ) {
    const end = desc ? at - stretch + 1 : at + stretch - 1;
    const upToNow = last === undefined || past(last, end) ? end : last;
    yield { ...filter, after: desc ? at + 1 : at - 1, upTo: upToNow };
    // The first stretch answers most questions: where the last one ends is looked up when it did not.
    if (!isKnown) {
      const far = await edge(!desc);
      if (far === undefined) return;
      last = upTo === undefined || past(upTo, far) ? far : upTo;
      isKnown = true;
    }
    at += desc ? -stretch : stretch;
    if (past(at, last!)) return;
    if (clock.now() - since < longestHold) continue;
    await pauseFor(clock, 0);
    since = clock.now();
  }
}
