/**
 * Forgets finished tasks, those whose ends were recorded first: the front of `completion` is read, row by row, never the table of tasks.
 *
 * A record may be over: its task was queued again or removed. Such records go with the others and are not counted.
 */
import { eachNumber, toRuns } from '../ranges.ts';
import { firstRecord, liveOf } from './completed.ts';
import { type Driver, listOf } from './driver.ts';
import type { Queries } from './queries.ts';
import { numbersOf } from './rows.ts';

export interface RetainLimits {
  readonly count: number | null;
  readonly before: number | null;
}

/** Rows of `completion` in one look. */
const rowsAtOnce = 64;

/** Records that are over in one call: a million tasks that were queued again must not be one long transaction. */
const mostOver = 16_384;

/** The front of the record: what of it goes. */
export interface Front {
  /** Tasks whose end is recorded there. */
  readonly live: readonly number[];
  /** Tasks whose record there is over. */
  readonly over: readonly number[];
  /** The ordinal behind it, and what is left of the row that it ends in. */
  readonly next: number;
  readonly rest: { readonly numbers: readonly number[]; readonly endedAt: number | null } | null;
  /** When the last of it was recorded. */
  readonly endedAt: number | null;
}

export interface FrontLimits {
  /** So many that are too many; and all that ended before this time. */
  readonly excess: number;
  readonly before: number;
  /** At most so many. */
  readonly most: number;
  /** What stays, and all behind it. */
  readonly stays?: (n: number) => boolean;
}

/** Inside a transaction that holds the queue; how many tasks were forgotten. `ended`: ends recorded so far. */
export async function retain(
  driver: Driver,
  sql: Queries,
  { count, before }: RetainLimits,
  most: number,
  { ended, stale }: { ended: number; stale: number },
): Promise<number> {
  const first = await firstRecord(driver, sql);
  if (first === null || most < 1) return 0;
  const excess = count === null ? 0 : Math.max(0, ended - first + 1 - stale - count);
  const front = await readFront(driver, sql, first, { excess, before: before ?? Number.NEGATIVE_INFINITY, most });
  if (front === null) return 0;
  await removeFront(driver, sql, front, ended);
  return front.live.length;
}

/** The records from the first on that are beyond the limits; null: none. */
export async function readFront(
  driver: Driver,
  sql: Queries,
  first: number,
  { excess, before, most, stays }: FrontLimits,
): Promise<Front | null> {
  const live: number[] = [];
  const over: number[] = [];
  let left = excess;
  const full = (): boolean => live.length >= most || over.length >= mostOver;
  let next = first;
  let rest: Front['rest'] = null;
  let latest: number | null = null;
  reading: while (!full()) {
    const rows = await driver.query(sql.completionsFrom, [next, rowsAtOnce]);
    for (const row of rows) {
      const endedAt = row.ended_at === null ? null : Number(row.ended_at);
      const ordinal = Number(row.ordinal);
      const old = endedAt !== null && endedAt < before;
      if (!old && left === 0) break reading;
      const numbers: number[] = [];
      eachNumber(numbersOf(row.tasks), (n) => numbers.push(n));
      let alive: ReadonlySet<number> = new Set();
      let looked = 0;
      let i = 0;
      for (; i < numbers.length && !full() && (old || left > 0); i++) {
        if (i === looked) {
          looked += most;
          const some = numbers.slice(i, looked);
          const ordinals = some.map((_, place) => ordinal + i + place);
          alive = await liveOf(driver, sql, some, ordinals);
        }
        const n = numbers[i]!;
        if (!alive.has(ordinal + i)) over.push(n);
        else if (stays?.(n) === true) break;
        else {
          live.push(n);
          if (left > 0) left--;
        }
      }
      next = ordinal + i;
      if (i > 0) latest = endedAt;
      if (i < numbers.length) {
        rest = { numbers: numbers.slice(i), endedAt };
        break reading;
      }
    }
    if (rows.length < rowsAtOnce) break;
  }
  return next === first ? null : { live, over, next, rest, endedAt: latest };
}

/** Take the front off, with its tasks. */
export async function removeFront(driver: Driver, sql: Queries, { live, over, next, rest }: Front, ended: number): Promise<void> {
  for (const query of [sql.removeTasks, sql.removeAttempts, sql.removeReopened])
    if (live.length > 0) await driver.query(query, [listOf(live)]);
  await driver.query(sql.removeCompletions, [next]);
  // The last row stays, also when it is empty: readers go on from it.
  if (rest !== null) await driver.query(sql.putCompletion, [next, rest.numbers.length, listOf(toRuns(rest.numbers)), rest.endedAt]);
  else if (next > ended) await driver.query(sql.putCompletion, [next, 0, '{}', null]);
  if (over.length === 0) return;
  await driver.query(sql.removeReopenedBefore, [next, listOf(over)]);
  await driver.query(sql.addStale, [-over.length]);
}
