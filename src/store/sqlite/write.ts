/**
 * One commit as one transaction, in the order of the fields of `Writes`.
 *
 * Ends are recorded with one statement, which passes over tasks that are done. Only if that changed fewer rows than it was given must
 * be known which ones: then the transaction is rolled back and made again with a look at the states first. It is rare (a result that
 * races a cancel), and the look would cost every commit a read per task.
 */
import { toRuns } from '../ranges.ts';
import type { AttemptEnd, Writes } from '../store.ts';
import { writeChanges } from './changes.ts';
import * as sql from './queries.ts';
import { type EndItem, endItem, inputPayload, quoted, taskItem, valuesOf } from './rows.ts';
import { writeRuns } from './runs.ts';
import type { Statements } from './statements.ts';

/** Ends in one row of `completion`: bounds what a cursor inside a row must read again. */
const chunk = 4_096;

export interface WriteFacts {
  /** Ends recorded before. */
  readonly ended: number;
  /** Null: unchanged. */
  readonly nextTask: number | null;
  /** Epoch ms. */
  readonly now: number;
  /** What must hold inside the transaction; throws. */
  check(): void;
}

/** Commit; returns how many ends were recorded. Throws with everything rolled back. */
export function write(statements: Statements, writes: Writes, { ended, nextTask, now, check }: WriteFacts): number {
  const attempt = (ends: readonly AttemptEnd[]): number | null => {
    statements.exec('begin immediate');
    try {
      check();
      writeOpening(statements, writes);
      if (writeEnds(statements, ends, ended, now) !== ends.length) {
        statements.rollback();
        return null;
      }
      writeChanges(statements, writes, ended + ends.length);
      writeClosing(statements, writes, nextTask);
      statements.exec('commit');
      return ends.length;
    } catch (error) {
      statements.rollback();
      throw error;
    }
  };
  const ends = firstOfEach(writes.ends);
  return attempt(ends) ?? attempt(stillOpen(statements, writes, ends)) ?? unreachable();
}

function writeOpening(statements: Statements, writes: Writes): void {
  const plain: unknown[][] = [];
  const ofLanes: unknown[] = [];
  const full: unknown[] = [];
  for (const task of writes.tasks) {
    const { item, form } = taskItem(task, writes.tasks.length === 1);
    if (form === 'alone') statements.run(sql.insertTask, ...valuesOf(item));
    else (form === 'plain' ? plain : form === 'lane' ? ofLanes : full).push(item);
    const input = task.task[2];
    if (input instanceof Uint8Array) statements.run(sql.putPayload, task.n, inputPayload, input);
  }
  writeRuns(statements, plain, sql.insertTasks, sql.insertTaskRun);
  statements.bulk(sql.insertTasksOfLanes, ofLanes);
  statements.bulk(sql.insertTasksInFull, full);
  statements.bulk(
    sql.putClients,
    writes.clients.map(({ n, id, host, joined }) => [n, joined ? [id, host, 1] : [id, host]]),
  );
  const live = writes.grants.filter((grant) => grant.tasks.length > 0);
  const over = writes.grants.filter((grant) => grant.tasks.length === 0);
  statements.bulk(
    sql.putGrants,
    live.map(({ id, client, attempt, tasks }) => [id, [client, attempt, tasks]]),
  );
  statements.bulk(
    sql.deleteGrants,
    over.map((grant) => grant.id),
  );
  statements.bulk(
    sql.moveTasks,
    writes.moves.map(({ n, state, group, rank, attempts, losses, readyAt }) => [n, state, group, rank, attempts, losses, readyAt]),
  );
  recordEnds(statements, writes.attempts, sql.insertAttempt, (items) => statements.bulk(sql.insertAttempts, items));
}

function writeEnds(statements: Statements, ends: readonly AttemptEnd[], ended: number, now: number): number {
  const changed = recordEnds(statements, ends, sql.endTask, (items) => writeRuns(statements, items, sql.endTasks, sql.endTaskRun));
  for (let i = 0; i < ends.length; i += chunk) {
    const numbers = ends.slice(i, i + chunk).map((end) => end.n);
    statements.run(sql.putCompletion, ended + i + 1, numbers.length, JSON.stringify(toRuns(numbers)), now);
  }
  return changed;
}

function writeClosing(statements: Statements, writes: Writes, nextTask: number | null): void {
  statements.bulk(
    sql.putSubmitters,
    writes.submitters.map(({ id, sequence, receipts, seenAt, open }) => [quoted(id), sequence, receipts, seenAt, open ? 1 : 0]),
  );
  statements.bulk(sql.deleteSubmitters, writes.departed.map(quoted));
  if (writes.counts !== null) statements.run(sql.putMeta, JSON.stringify(writes.counts), 'counts');
  if (nextTask !== null) statements.run(sql.putMeta, nextTask, 'next_task');
}

/** Long ones alone, all others as a list; the rows changed. */
function recordEnds(
  statements: Statements,
  ends: readonly AttemptEnd[],
  single: string,
  list: (items: readonly EndItem[]) => number,
): number {
  const items: EndItem[] = [];
  let changed = 0;
  for (const end of ends) {
    const { item, bytes, alone } = endItem(end, ends.length === 1);
    if (bytes !== null) statements.run(sql.putPayload, end.n, end.attempt, bytes);
    if (alone) changed += statements.run(single, ...valuesOf(item));
    else items.push(item);
  }
  return changed + list(items);
}

/** A task that is ended twice in one commit keeps the first end. */
function firstOfEach(ends: readonly AttemptEnd[]): readonly AttemptEnd[] {
  const seen = new Set<number>();
  for (const end of ends) seen.add(end.n);
  if (seen.size === ends.length) return ends;
  seen.clear();
  return ends.filter((end) => !seen.has(end.n) && seen.add(end.n));
}

/** The ends whose task is not done; tasks of this very commit are new and so not done. */
function stillOpen(statements: Statements, writes: Writes, ends: readonly AttemptEnd[]): readonly AttemptEnd[] {
  const rows = statements.all(sql.openTasks, JSON.stringify(ends.map((end) => end.n)));
  const open = new Set(rows.map((row) => Number(row.n)));
  for (const task of writes.tasks) open.add(task.n);
  return ends.filter((end) => open.has(end.n));
}

function unreachable(): never {
  throw new Error('the states of tasks changed inside a transaction: two programs write this file');
}
