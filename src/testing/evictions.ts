/** What a tick of the server's core of a simulation evicts: told, and every lease that it ended noted, so that a second run of its task has a reason. */
import type { ServerCore } from '../server/core/core.ts';
import type { World } from './world.ts';

/** Before a tick; what is returned is called after it. */
export function watchEvictions(core: ServerCore, { count, tell, ledger }: World): () => void {
  const holders = core.clients().filter((client) => client.leased > 0);
  const leases = holders.map((client) => ({
    client,
    grants: [...client.grants.values()].map(({ id, tasks }) => ({ id, tasks: [...tasks] })),
  }));
  return () => {
    for (const { client, grants } of leases) {
      if (client.leased > 0) continue;
      count('eviction');
      tell(`client ${client.id} is evicted`);
      for (const { id, tasks } of grants) for (const task of tasks) if (task !== null) ledger.leaseEnded(id, task.n, 'evicted');
    }
  };
}
