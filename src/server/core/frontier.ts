/** Frontiers: up to where tasks are in memory, and the questions to the store for what is beyond. */
import type { LaneChoice, QueueKey } from '../../store/store.ts';
import type { CoreTask } from './entities.ts';
import type { LaneKind } from './kind.ts';
import { before } from './order.ts';

/** A question to the store. */
export interface Refill {
  readonly after: QueueKey | null;
  readonly limit: number;
  readonly lanes: LaneChoice | null;
}

/** Before every task: no group is below 0. Not below by infinity, which is no small number: V8 would then hold the groups of all such keys, and of what is read after them, for others. */
export const start: QueueKey = { group: -1, rank: 0, n: 0 };

export function keyOf({ group, rank, n }: QueueKey): QueueKey {
  return { group, rank, n };
}

/** As the store is asked. */
export function questionAfter(frontier: QueueKey): QueueKey | null {
  return frontier.group < 0 ? null : frontier;
}

/** A task of a detached kind stays in the store: under its own lane it will come with its lane, under another one it must be looked for. */
export function strayed(kind: LaneKind, task: CoreTask): void {
  if (task.storedLane !== kind.text && (kind.astray === null || before(task, kind.astray))) kind.astray = keyOf(task);
}
