/**
 * Forgets finished tasks, those whose ends were recorded first: the front of `completion` is read, row by row, never the table of tasks.
 *
 * A record may be over: its task was queued again or removed. Such records go with the others and are not counted.
 */
import { type Front, type FrontLimits, findFront, type RetainLimits } from '../front.ts';
import { toRuns } from '../ranges.ts';
import { firstRecord, liveOf } from './completed.ts';
import { type Driver, listOf, type Row } from './driver.ts';
import type { Queries } from './queries.ts';
import { numbersOf } from './rows.ts';

/** Rows of `completion` in one look. */
const rowsAtOnce = 64;

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
export async function readFront(driver: Driver, sql: Queries, first: number, limits: FrontLimits): Promise<Front | null> {
  const finding = findFront(first, limits, rowsAtOnce);
  let step = finding.next();
  while (step.done !== true) {
    const question = step.value;
    if (question.ask === 'rows') {
      const rows = await driver.query(sql.completionsFrom, [question.from, rowsAtOnce]);
      step = finding.next(rows.map((row) => ({ ordinal: Number(row.ordinal), runs: numbersOf(row.tasks), endedAt: endedAtOf(row) })));
    } else {
      const { first: ordinal, numbers } = question;
      const ordinals = numbers.map((_, place) => ordinal + place);
      step = finding.next(await liveOf(driver, sql, numbers, ordinals));
    }
  }
  return step.value;
}

function endedAtOf({ ended_at: endedAt }: Row): number | null {
  return endedAt === null ? null : Number(endedAt);
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
