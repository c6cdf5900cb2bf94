/** Where tasks and clients stand now, by count; tasks of later groups count as waiting. And which tasks stand where. */
import type { Progress } from '../../task/result.ts';
import { taskState } from '../../task/state.ts';
import type { CoreState } from './state.ts';

export type Census = Pick<Progress, 'waiting' | 'ready' | 'leased' | 'running' | 'clients' | 'slots'>;

export function census(state: CoreState): Census {
  const { leases, window, counts } = state;
  let leased = 0;
  let running = 0;
  let clients = 0;
  let slots = 0;
  for (const client of leases.clients.values()) {
    leased += client.unstarted;
    running += client.running;
    if (client.phase === 'absent') continue;
    clients++;
    slots += client.capacity.slots;
  }
  const active = counts.activeGroup;
  let later = 0;
  for (const [group, count] of counts.groups) if (active !== null && group > active) later += count;
  const ready = Math.max(0, window.total - later);
  return { waiting: counts.pending - ready - leased - running, ready, leased, running, clients, slots };
}

/** Those that are leased or run are few, and found by their grants; the others are in memory by the ten thousand. */
export function numbersIn({ leases, tasks }: CoreState, wanted: number): number[] {
  const numbers: number[] = [];
  if (wanted !== taskState.leased && wanted !== taskState.running) {
    for (const { n, state } of tasks.values()) if (state === wanted) numbers.push(n);
    return numbers;
  }
  for (const { grants } of leases.clients.values())
    for (const grant of grants.values()) for (const task of grant.tasks) if (task?.state === wanted) numbers.push(task.n);
  return numbers;
}
