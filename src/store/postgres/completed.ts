/** Reads the record of ends from a cursor on: which tasks, in the order of recording. What is over (queued again, removed) is passed over. */
import { eachNumber } from '../ranges.ts';
import { type Driver, listOf } from './driver.ts';
import type { Queries } from './queries.ts';
import { numbersOf } from './rows.ts';

/** No numbers: nothing more yet. */
export async function completedNumbers(
  driver: Driver,
  sql: Queries,
  after: number,
  limit: number,
): Promise<{ numbers: number[]; cursor: number }> {
  // A reader that stayed behind goes on with the oldest end that is left.
  const first = await firstRecord(driver, sql);
  let cursor = Math.max(after, (first ?? 1) - 1);
  for (;;) {
    const numbers: number[] = [];
    const ordinals: number[] = [];
    for (const row of await driver.query(sql.completions, [cursor, limit])) {
      let ordinal = Number(row.ordinal) - 1;
      eachNumber(numbersOf(row.tasks), (n) => {
        if (++ordinal <= cursor || numbers.length >= limit) return;
        numbers.push(n);
        ordinals.push(ordinal);
      });
    }
    const last = ordinals[ordinals.length - 1];
    if (last === undefined) return { numbers: [], cursor };
    cursor = last;
    const live = await liveOf(driver, sql, numbers, ordinals);
    const alive = numbers.filter((_, i) => live.has(ordinals[i]!));
    if (alive.length > 0) return { numbers: alive, cursor };
  }
}

/** The ordinals whose record is not over. */
export async function liveOf(driver: Driver, sql: Queries, numbers: readonly number[], ordinals: readonly number[]): Promise<Set<number>> {
  const rows = await driver.query(sql.liveRecords, [listOf(numbers), listOf(ordinals)]);
  return new Set(rows.map((row) => Number(row.ordinal)));
}

/** The ordinal of the oldest record; null: nothing has ended yet. */
export async function firstRecord(driver: Driver, sql: Queries): Promise<number | null> {
  const [first] = await driver.query(sql.firstCompletion);
  return first === undefined ? null : Number(first.ordinal);
}
