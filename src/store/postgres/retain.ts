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
  let excess = count === null ? 0 : Math.max(0, ended - first + 1 - stale - count);
  const live: number[] = [];
  const over: number[] = [];
  const full = (): boolean => live.length >= most || over.length >= mostOver;
  let next = first;
  let rest: { numbers: number[]; endedAt: number | null } | null = null;
  reading: while (!full()) {
    const rows = await driver.query(sql.completionsFrom, [next, rowsAtOnce]);
    for (const row of rows) {
      const endedAt = row.ended_at === null ? null : Number(row.ended_at);
      const ordinal = Number(row.ordinal);
      const old = before !== null && endedAt !== null && endedAt < before;
      if (!old && excess === 0) break reading;
      const numbers: number[] = [];
      eachNumber(numbersOf(row.tasks), (n) => numbers.push(n));
      let alive: ReadonlySet<number> = new Set();
      let looked = 0;
      let i = 0;
      for (; i < numbers.length && !full() && (old || excess > 0); i++) {
        if (i === looked) {
          looked += most;
          const some = numbers.slice(i, looked);
          alive = await liveOf(
            driver,
            sql,
            some,
            some.map((_, place) => ordinal + i + place),
          );
        }
        const n = numbers[i]!;
        if (!alive.has(ordinal + i)) over.push(n);
        else {
          live.push(n);
          if (excess > 0) excess--;
        }
      }
      next = ordinal + i;
      if (i < numbers.length) {
        rest = { numbers: numbers.slice(i), endedAt };
        break reading;
      }
    }
    if (rows.length < rowsAtOnce) break;
  }
  if (next === first) return 0;
  for (const query of [sql.removeTasks, sql.removeAttempts, sql.removeReopened])
    if (live.length > 0) await driver.query(query, [listOf(live)]);
  await driver.query(sql.removeCompletions, [next]);
  // The last row stays, also when it is empty: readers go on from it.
  if (rest !== null) await driver.query(sql.putCompletion, [next, rest.numbers.length, listOf(toRuns(rest.numbers)), rest.endedAt]);
  else if (next > ended) await driver.query(sql.putCompletion, [next, 0, '{}', null]);
  if (over.length > 0) {
    await driver.query(sql.removeReopenedBefore, [next, listOf(over)]);
    await driver.query(sql.addStale, [-over.length]);
  }
  return live.length;
}
