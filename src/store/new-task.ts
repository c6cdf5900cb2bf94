/** The row of a task that was just accepted, whoever accepts it: a server, or a submitter that holds the store. */
import { rankOf } from '../task/rank.ts';
import type { WireTask } from '../task/task.ts';
import { type StoredTask, storedState } from './store.ts';

export function newTaskRow(n: number, submittedAt: number, task: WireTask, wall: number): StoredTask {
  const attributes = task[3];
  const { group = 0, priority = 0, startAfter, startDelay } = attributes ?? {};
  const due = startAfter ?? (startDelay === undefined ? null : submittedAt + startDelay);
  const waits = due !== null && due > wall;
  return {
    n,
    submittedAt,
    task,
    lane: null,
    state: waits ? storedState.waiting : storedState.ready,
    group,
    rank: rankOf(priority, false, false),
    attempts: 0,
    losses: 0,
    readyAt: waits ? due : null,
  };
}
