/**
 * Forgets finished tasks, those whose ends were recorded first: the front of `completion` is read, row by row, never the table of tasks.
 *
 * A record may be over: its task was queued again or removed. Such records go with the others and are not counted.
 */
import { eachNumber, toRuns } from '../ranges.ts';
import { addStale, removeTasks } from './changes.ts';
import * as sql from './queries.ts';
import type { Statements } from './statements.ts';

export interface RetainLimits {
  readonly count: number | null;
  readonly before: number | null;
}

/** Rows of `completion` in one look. */
const rowsAtOnce = 512;

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

/** One transaction; how many tasks were forgotten. `ended`: ends recorded so far. */
export function retain(statements: Statements, { count, before }: RetainLimits, most: number, ended: number): number {
  const first = firstRecord(statements);
  if (first === null || most < 1) return 0;
  const kept = ended - first + 1 - Number(statements.all(sql.getStale)[0]?.value ?? 0);
  const excess = count === null ? 0 : Math.max(0, kept - count);
  const front = readFront(statements, { excess, before: before ?? Number.NEGATIVE_INFINITY, most, until: ended });
  if (front === null) return 0;
  statements.transaction(() => removeFront(statements, front, ended));
  return front.live.length;
}

/** The records up to `until` that are beyond `excess` or were made before `before`, at most so many; null: none. */
export function readFront(statements: Statements, limits: { excess: number; before: number; most: number; until: number }): Front | null {
  const first = firstRecord(statements);
  if (first === null) return null;
  const { before, most, until } = limits;
  let excess = limits.excess;
  const live: number[] = [];
  const over: number[] = [];
  let next = first;
  let rest: Front['rest'] = null;
  let latest: number | null = null;
  const full = (): boolean => live.length >= most || over.length >= mostOver;
  reading: while (!full()) {
    const rows = statements.all(sql.completionsFrom, next, rowsAtOnce);
    for (const row of rows) {
      const endedAt = row.ended_at === null ? null : Number(row.ended_at);
      const ordinal = Number(row.ordinal);
      const old = endedAt !== null && endedAt < before;
      if (ordinal > until || (!old && excess === 0)) break reading;
      const numbers: number[] = [];
      eachNumber(JSON.parse(String(row.tasks)) as number[], (n) => numbers.push(n));
      let alive: ReadonlySet<number> = new Set();
      let looked = 0;
      let i = 0;
      for (; i < numbers.length && !full() && (old || excess > 0); i++) {
        if (i === looked) {
          looked += most;
          alive = liveOf(statements, ordinal + i, numbers.slice(i, looked));
        }
        const n = numbers[i] as number;
        if (!alive.has(ordinal + i)) over.push(n);
        else {
          live.push(n);
          if (excess > 0) excess--;
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

/** The ordinals, from `first` on, whose record is not over. */
function liveOf(statements: Statements, first: number, numbers: readonly number[]): Set<number> {
  const records = JSON.stringify(numbers.map((n, i) => [n, first + i]));
  return new Set(statements.all(sql.liveRecords, records).map((row) => Number(row.ordinal)));
}

/** Take the front off, with its tasks but `keep`; inside a transaction. */
export function removeFront(statements: Statements, front: Front, ended: number, keep: ReadonlySet<number> = new Set()): void {
  const { live, over, next, rest } = front;
  removeTasks(statements, keep.size === 0 ? live : live.filter((n) => !keep.has(n)));
  statements.run(sql.removeCompletions, next);
  // The last row stays, also when it is empty: the ordinals go on from it.
  if (rest !== null) statements.run(sql.putCompletion, next, rest.numbers.length, JSON.stringify(toRuns(rest.numbers)), rest.endedAt);
  else if (next > ended) statements.run(sql.putCompletion, next, 0, '[]', null);
  if (over.length > 0) statements.run(sql.removeReopenedBefore, next, JSON.stringify(over));
  addStale(statements, -over.length);
}

/** The ordinal of the oldest record; null: nothing has ended yet. */
export function firstRecord(statements: Statements): number | null {
  const first = statements.all(sql.firstCompletion)[0]?.ordinal;
  return first === undefined || first === null ? null : Number(first);
}
