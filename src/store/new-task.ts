/** The row of a task that was just accepted, whoever accepts it: a server, or a submitter that holds the store. */
import { nextRun } from '../task/cron.ts';
import { laneOf } from '../task/lane.ts';
import { rankOf } from '../task/rank.ts';
import type { TaskAttributes, WireTask } from '../task/task.ts';
import { type StoredTask, storedState } from './store.ts';

/** `limitKeys`: the tags that limits are on, as far as one knows here. */
export function newTaskRow(n: number, submittedAt: number, task: WireTask, wall: number, limitKeys: readonly string[] = []): StoredTask {
  const attributes = task[3];
  const { group = 0, priority = 0, parents } = attributes ?? {};
  const due = attributes === null ? null : dueTime(attributes, submittedAt, wall);
  // In the order in which stores name the fields when they give it back: else it is another shape to V8, for which what was compiled is thrown away.
  return {
    group,
    rank: rankOf(priority, false, false),
    n,
    submittedAt,
    lane: laneOf(attributes, limitKeys),
    task,
    state: due !== null || parents?.length ? storedState.waiting : storedState.ready,
    attempts: 0,
    losses: 0,
    readyAt: due,
  };
}

/** Until when a new task waits (epoch ms): its start time, and if it repeats the first match from then on; null: not by time. */
function dueTime({ startAfter, startDelay, cron, timezone }: TaskAttributes, submittedAt: number, wall: number): number | null {
  const start = startAfter ?? (startDelay === undefined ? null : submittedAt + startDelay);
  if (cron !== undefined) return nextRun(cron, timezone, Math.max(start ?? wall, wall));
  return start !== null && start > wall ? start : null;
}
