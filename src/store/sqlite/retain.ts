/**
 * Forgets finished tasks, those whose ends were recorded first: the front of `completion` is read, row by row, never the table of tasks.
 *
 * A record may be over: its task was queued again or removed. Such records go with the others and are not counted.
 */
import { type EndRecord, type Front, type FrontLimits, findFront, type RetainLimits } from '../front.ts';
import { toRuns } from '../ranges.ts';
import { addStale, removeTasks } from './changes.ts';
import * as sql from './queries.ts';
import type { Statements } from './statements.ts';

/** Rows of `completion` in one look. */
const rowsAtOnce = 512;

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

/** The records from the first on that are beyond the limits; null: none. */
export function readFront(statements: Statements, limits: FrontLimits): Front | null {
  const first = firstRecord(statements);
  if (first === null) return null;
  const finding = findFront(first, limits, rowsAtOnce);
  let step = finding.next();
  while (step.done !== true) {
    const question = step.value;
    step = finding.next(
      question.ask === 'rows' ? recordsFrom(statements, question.from) : liveOf(statements, question.first, question.numbers),
    );
  }
  return step.value;
}

function recordsFrom(statements: Statements, first: number): EndRecord[] {
  return statements.all(sql.completionsFrom, first, rowsAtOnce).map((row) => ({
    ordinal: Number(row.ordinal),
    runs: JSON.parse(String(row.tasks)) as number[],
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  }));
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
