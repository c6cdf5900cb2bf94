/** What a client says of itself in a hello, and how much of its time tasks may use. Loaded by its handle and by its thread: no option parser here. */
import { hostName } from '../base/ids.ts';
import type { ClientConfig } from '../config/client-options.ts';
import { walltimeMargin } from '../config/defaults.ts';
import type { PeerInfo } from '../protocol/messages.ts';

/**
 * How long after its start a client with a `walltime` stops what runs (ms): so early that a command which minds nothing but KILL is gone in time.
 * null: it never does.
 */
export function usableTime({ walltime, taskSignalwait }: Pick<ClientConfig, 'walltime' | 'taskSignalwait'>): number | null {
  return walltime === null ? null : Math.max(0, walltime - 2 * taskSignalwait - walltimeMargin);
}

/**
 * `left`: for so long tasks may run from now on (ms); null: for ever. By default it has just been started. `token`: of its id; a client that is joined
 * to a server in its process needs none.
 */
export function clientPeer(config: ClientConfig, id: string, token: string | null, left: number | null = usableTime(config)): PeerInfo {
  const { numTasks: slots, cores, memory, resources, tags } = config;
  const client = { slots, cores, memory, resources, tags, ...(left === null ? {} : { walltime: Math.max(0, left) }) };
  return { role: 'client', id, host: hostName(), pid: process.pid, ...(token === null ? {} : { token }), client };
}
