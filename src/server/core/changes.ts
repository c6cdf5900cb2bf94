/**
 * Changes of stored tasks: their tags, back to the queue, gone. Each task is where the core holds it (waiting, ready, leased), or only in the
 * store, ready or done; rows of the store may be older than what the last two turns did, and what those did counts.
 *
 * Of two requests that come in one turn, one that queues a task again counts as the later one: in a transaction a new life begins after all ends.
 */
import type { TaskChange } from '../../data/change.ts';
import { requeuedRow, revertedRow, withTags } from '../../store/reopen.ts';
import type { StoredTask, TaskRow } from '../../store/store.ts';
import { outcomeCode } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import type { WireTask } from '../../task/task.ts';
import { cancelHeld, cancelStored, Kills } from './cancel.ts';
import type { CoreTask } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState } from './state.ts';

type ChangeEvent = Extract<CoreEvent, { type: 'change' }>;

export function change(state: CoreState, event: ChangeEvent): void {
  if (state.phase === 'finished') return;
  const kills = new Kills();
  switch (event.change.kind) {
    case 'update':
      update(state, event, event.change);
      break;
    case 'revert':
      for (const n of event.numbers) revertHeld(state, n, kills);
      reopen(state, event.done, revertedRow);
      break;
    case 'requeue':
      reopen(state, event.done, requeuedRow);
      break;
    case 'delete':
      remove(state, event, kills);
  }
  kills.send(state);
}

function update(state: CoreState, event: ChangeEvent, tags: Extract<TaskChange, { kind: 'update' }>): void {
  const retag = (n: number, wire: WireTask): WireTask | null => {
    const changed = withTags(wire, tags.tags, tags.removeTags);
    if (changed === null) return null;
    state.changes++;
    state.writes.changed.push({ n, attributes: changed[3] });
    return changed;
  };
  for (const n of event.numbers) {
    const task = state.tasks.get(n);
    if (task === undefined) continue;
    const wire = retag(n, state.retagged.get(n) ?? task.wire);
    if (wire === null) continue;
    // What runs keeps what it was given.
    if (task.grant !== null) state.retagged.set(n, wire);
    else {
      state.retagged.delete(n);
      state.replace(task, { task: wire });
    }
  }
  for (const { n, task } of event.rows) if (!state.tasks.has(n) && !state.lately.wasRemoved(n)) retag(n, task);
  for (const { n, task } of event.done)
    if (!state.tasks.has(n) && !state.lately.wasRemoved(n) && !state.lately.wasReopened(n)) retag(n, task);
}

/** What is leased or runs is taken back without charge; what waits for a back-off waits no more. */
function revertHeld(state: CoreState, n: number, kills: Kills): void {
  const task = state.tasks.get(n);
  if (task === undefined) return;
  const { grant } = task;
  if (grant !== null) {
    kills.add(grant, n);
    state.giveBack(task);
  } else if (backsOff(task)) state.wake(state.replace(task, { readyAt: null }));
  else return;
  state.changes++;
}

function backsOff(task: CoreTask): boolean {
  return task.state === taskState.waiting && task.readyAt !== null && task.attempts > 0;
}

function reopen(state: CoreState, done: readonly TaskRow[], again: typeof revertedRow): void {
  let reopened = false;
  for (const row of done) {
    const { n, end } = row;
    if (end === null || state.tasks.has(n) || state.lately.wasReopened(n) || state.lately.wasRemoved(n)) continue;
    const stored = again(row, state.time.wall, state.limits.keys);
    if (stored === null) continue;
    state.changes++;
    reopened = true;
    if (stored.task[3] !== row.task[3]) state.writes.changed.push({ n, attributes: stored.task[3] });
    state.reopen({ ...stored, lane: storedLane(state, stored) }, again === revertedRow, end.outcome);
  }
  // Once for all of them: a thousand clients have thousands of grants.
  if (reopened) state.leases.rewriteAll();
}

/** Under which lane the store has it: that of its acceptance, which its tags may no longer tell where there are limits on tags. */
function storedLane(state: CoreState, { lane, task }: StoredTask): string | null {
  return state.limits.keys.length > 0 && task[3]?.tags !== undefined ? 'unknown' : lane;
}

/** What is not done is cancelled first. */
function remove(state: CoreState, event: ChangeEvent, kills: Kills): void {
  const cancelled: { n: number; group: number }[] = [];
  for (const n of event.numbers) {
    const group = state.tasks.get(n)?.group;
    if (group !== undefined && cancelHeld(state, n, kills)) cancelled.push({ n, group });
  }
  const stored = cancelStored(state, event.rows);
  for (const { n, group } of event.rows) if (stored.has(n)) cancelled.push({ n, group });
  for (const { n, group } of cancelled) state.remove(n, group, outcomeCode.cancelled);
  state.changes += cancelled.length;
  for (const { n, group, end } of event.done) {
    if (end === null || state.tasks.has(n)) continue;
    if (state.lately.wasReopened(n) || state.lately.wasRemoved(n)) continue;
    state.remove(n, group, end.outcome);
    state.changes++;
  }
}
