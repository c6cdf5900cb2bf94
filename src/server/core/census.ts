/** Where tasks and clients stand now, by count; tasks of later groups count as waiting. */
import type { Progress } from '../../task/result.ts';
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
