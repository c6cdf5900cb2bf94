/** Cancel means cancel: queued, leased or running, in memory or only in the store; a later result finds no lease and is refused. */
import type { GrantId, Ranges } from '../../protocol/messages.ts';
import type { StoredTask } from '../../store/store.ts';
import { outcomeCode } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import { type CoreClient, CoreTask, type Grant } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState } from './state.ts';

/** What clients are to drop and kill, in one message each. */
export class Kills {
  readonly #byClient: Map<CoreClient, (readonly [GrantId, Ranges])[]> = new Map();

  add(grant: Grant, n: number): void {
    const places = this.#byClient.get(grant.client) ?? [];
    places.push([grant.id, [n, n]]);
    this.#byClient.set(grant.client, places);
  }

  /** Before `resume` is handled nothing may be sent: what is cancelled will be in its drop list. */
  send(state: CoreState): void {
    for (const [client, places] of this.#byClient) if (client.phase !== 'greeting') state.send(client.connection, ['cancel', places]);
  }
}

export function cancel(state: CoreState, event: Extract<CoreEvent, { type: 'cancel' }>): void {
  const kills = new Kills();
  for (const n of event.numbers) cancelHeld(state, n, kills);
  cancelStored(state, event.rows);
  kills.send(state);
}

/** Cancel a task in memory; false: there is none, or it was queued again in this turn, which counts as later. */
export function cancelHeld(state: CoreState, n: number, kills: Kills): boolean {
  const task = state.tasks.get(n);
  if (task === undefined || state.lately.reopened.has(n)) return false;
  const { grant } = task;
  endAsCancelled(state, task);
  if (grant !== null) kills.add(grant, n);
  return true;
}

/** Cancel tasks that only the store holds; the numbers of those that it were. */
export function cancelStored(state: CoreState, rows: readonly StoredTask[]): ReadonlySet<number> {
  const stored = new Set<number>();
  const ended = rows.length > 0 ? state.endedLately() : null;
  for (const row of rows) {
    const { n } = row;
    if (state.tasks.has(n) || ended?.has(n) || stored.has(n) || state.lately.wasRemoved(n)) continue;
    stored.add(n);
    const task = new CoreTask(row, state.time);
    task.state = taskState.waiting;
    endAsCancelled(state, task);
  }
  state.window.forgetStored(stored);
  return stored;
}

function endAsCancelled(state: CoreState, task: CoreTask): void {
  state.end(task, task.endWithoutResult(outcomeCode.cancelled, state.time.wall, state.waited(task, 0)));
}
