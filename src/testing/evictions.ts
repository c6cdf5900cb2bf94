/** What a tick of the server's core of a simulation evicts: told, compared with what was heard, and every lease that it ended noted, so that a second run of its task has a reason. */
import type { ServerCore } from '../server/core/core.ts';
import { broken } from './broken.ts';
import type { Hearing } from './hearing.ts';
import type { World } from './world.ts';

/** Times of `evictAfter` after which nobody may hold a lease whose client was silent: time in which the server stood still may be forgiven twice. */
const late = 3;

/** Before a tick; what is returned is called after it. */
export function watchEvictions(core: ServerCore, hearing: Hearing, { count, tell, ledger, options }: World): () => void {
  const holders = core.clients().filter((client) => client.leased > 0);
  const leases = holders.map((client) => ({
    client,
    grants: [...client.grants.values()].map(({ id, tasks }) => ({ id, tasks: [...tasks] })),
  }));
  return () => {
    for (const { client, grants } of leases) {
      if (client.leased > 0) {
        const { ms } = hearing.silence(client.id);
        if (ms > late * options.evictAfter) throw broken('eviction', `${client.id} was not evicted after a silence of ${ms.toFixed(1)} ms`);
        continue;
      }
      count('eviction');
      const { ms, closed } = hearing.silence(client.id);
      const due = closed ? Math.min(options.reconnectGrace, options.evictAfter) : options.evictAfter;
      tell(`${client.id} is evicted`);
      // When exactly it was frozen a server cannot know: it looks every eighth of `evictAfter`.
      if (ms + options.evictAfter / 8 < due)
        throw broken('eviction', `${client.id} was evicted after a silence of ${ms.toFixed(1)} ms, ${due} are due`);
      for (const { id, tasks } of grants) for (const task of tasks) if (task !== null) ledger.leaseEnded(id, task.n, 'evicted');
    }
  };
}
