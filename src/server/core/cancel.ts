/** Cancel means cancel: queued, leased or running, in memory or only in the store; a later result finds no lease and is refused. */
import type { GrantId, Ranges } from '../../protocol/messages.ts';
import { outcomeCode } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import { type CoreClient, CoreTask } from './entities.ts';
import type { CoreEvent } from './events.ts';
import type { CoreState } from './state.ts';

export function cancel(state: CoreState, event: Extract<CoreEvent, { type: 'cancel' }>): void {
  const kill = new Map<CoreClient, (readonly [GrantId, Ranges])[]>();
  const stored = new Set<number>();
  const cancelled = (task: CoreTask): void => {
    state.end(task, task.endWithoutResult(outcomeCode.cancelled, state.time.wall, state.waited(task, 0)));
  };
  for (const n of event.numbers) {
    const task = state.tasks.get(n);
    if (task === undefined) continue;
    const { grant } = task;
    cancelled(task);
    if (grant === null) continue;
    const places = kill.get(grant.client) ?? [];
    places.push([grant.id, [n, n]]);
    kill.set(grant.client, places);
  }
  const ended = event.rows.length > 0 ? state.endedLately() : null;
  for (const row of event.rows) {
    if (state.tasks.has(row.n) || ended?.has(row.n)) continue;
    stored.add(row.n);
    const task = new CoreTask(row, state.time.now);
    task.state = taskState.waiting;
    cancelled(task);
  }
  state.window.forgetStored(stored);
  // Before `resume` is handled nothing may be sent: what is cancelled will be in its drop list.
  for (const [client, places] of kill) if (client.phase !== 'greeting') state.send(client.connection, ['cancel', places]);
}
