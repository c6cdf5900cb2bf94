/**
 * What changes tasks beyond their way through the queue: queued again after their end, new attributes, removed. All of it inside the
 * transaction of a commit, and rare: each looks first at how its tasks stand.
 *
 * Records of ends in `completion` are not searched for: those that are over are counted (`meta.stale`), and passed over by their reader
 * (`reopened`, or the task is gone).
 */
import type { Reopened, Writes } from '../store.ts';
import * as sql from './queries.ts';
import type { Statements } from './statements.ts';

/** @param ended Ends recorded so far, those of this commit included. */
export function writeChanges(statements: Statements, { reopened, changed, removed }: Writes, ended: number): void {
  if (reopened.length > 0) reopen(statements, reopened, ended);
  statements.bulk(
    sql.changeTasks,
    changed.map(({ n, attributes }) => [n, attributes]),
  );
  if (removed.length > 0) {
    const over = finishedOf(statements, removed);
    removeTasks(statements, removed);
    addStale(statements, over.size);
  }
}

function reopen(statements: Statements, reopened: readonly Reopened[], ended: number): void {
  const open = finishedOf(
    statements,
    reopened.map((task) => task.n),
  );
  const moves: Reopened[] = [];
  for (const task of reopened) if (open.delete(task.n)) moves.push(task);
  const numbers = (forget: boolean): number[] => moves.filter((move) => move.forget === forget).map((move) => move.n);
  statements.bulk(sql.keepEnds, numbers(false));
  statements.bulk(sql.removeAttempts, numbers(true));
  statements.bulk(sql.removeOutputs, numbers(true));
  statements.bulk(
    sql.putReopened,
    moves.map((move) => [move.n, ended]),
  );
  statements.bulk(
    sql.reopenTasks,
    moves.map(({ n, state, group, rank, attempts, losses, readyAt }) => [n, state, group, rank, attempts, losses, readyAt]),
  );
  addStale(statements, moves.length);
}

/** Every trace of these tasks but their records in `completion`. */
export function removeTasks(statements: Statements, numbers: readonly number[]): void {
  for (const query of [sql.removeRows, sql.removeAttempts, sql.removePayloads, sql.removeReopened]) statements.bulk(query, numbers);
}

export function addStale(statements: Statements, count: number): void {
  if (count !== 0) statements.run(sql.addStale, count);
}

function finishedOf(statements: Statements, numbers: readonly number[]): Set<number> {
  return new Set(statements.all(sql.finishedTasks, JSON.stringify(numbers)).map((row) => Number(row.n)));
}
