/** What a server found in its database when it started, in the words of its users. */
import type { Logger } from '../base/log.ts';
import type { Recovered } from '../control/events.ts';
import type { Recovery } from '../store/store.ts';

/** Null: nothing, it is new. */
export function recoveredOf({ epoch, endedCleanly, counts, ready, waiting, grants, clients, submitters }: Recovery): Recovered | null {
  if (epoch === 1 && counts.submitted === 0) return null;
  const leased = new Map<number, number>();
  for (const { client, tasks } of grants) leased.set(client, (leased.get(client) ?? 0) + tasks.length);
  return {
    epoch,
    endedCleanly: endedCleanly ?? null,
    ready,
    waiting: waiting.length,
    leased: [...leased].map(([n, tasks]) => {
      const client = clients.find((known) => known.n === n);
      return { clientId: client?.id ?? '', clientHost: client?.host ?? '', tasks };
    }),
    ended: counts.outcomes.slice(1).reduce((sum, count) => sum + count, 0),
    submitters: submitters.filter(({ open }) => open).length,
  };
}

/** One line; a warning where the last one did not close the database. */
export function logRecovered(found: Recovered | null, logger: Logger): void {
  if (found === null) return;
  const { leased, ...facts } = found;
  const clients = leased.map(({ clientId, clientHost, tasks }) => `${clientId} on ${clientHost}: ${tasks}`).join(', ');
  const details = { ...facts, leased: leased.reduce((sum, { tasks }) => sum + tasks, 0), clients };
  if (found.endedCleanly === false)
    logger.warn(details, 'the database was left by a server that did not end cleanly; all that it recorded is there');
  else logger.info(details, 'the database holds what an earlier server left');
}
