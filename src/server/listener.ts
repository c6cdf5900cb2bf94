/** Where a server listens, and how others of this user find it: beside its database. */
import { hostName } from '../base/ids.ts';
import type { ServerConfig } from '../config/server-options.ts';
import type { Limits } from '../protocol/limits.ts';
import type { TaskStore } from '../store/store.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import type { ServerParts } from './messages.ts';
import { ServerObjects } from './objects.ts';
import { RefusalLog } from './refusal-log.ts';

function connectionLimits({ connectionLimits: given }: ServerConfig): Partial<Limits> {
  const { total, perAddress, unauthenticated, unauthenticatedPerAddress } = given;
  return {
    ...(total === undefined ? {} : { connections: total }),
    ...(perAddress === undefined ? {} : { connectionsPerAddress: perAddress }),
    ...(unauthenticated === undefined ? {} : { unauthenticated }),
    ...(unauthenticatedPerAddress === undefined ? {} : { unauthenticatedPerAddress }),
  };
}

/** null: it opens no port. @throws ERR_ADDRESS…, ERR_AUTH_REQUIRED, ERR_TLS */
export async function openListener(
  { config, clock, listens, id, logger }: ServerParts,
  onConnection: (connection: Connection) => void,
): Promise<NetListener | null> {
  if (!listens) return null;
  // Sockets and TLS take 50 ms to load, and `runLocal` needs neither.
  const { listen } = await import('../transport/listen.ts');
  const refusals = new RefusalLog(logger, clock);
  return listen({
    address: config.address,
    auth: config.auth,
    tls: config.tls,
    self: { role: 'server', id, host: hostName(), pid: process.pid },
    clock,
    limits: connectionLimits(config),
    onConnection,
    onRefused: (error, remote) => refusals.refused(error, remote),
  });
}

/** A listener of a server that leads: remote objects at its address end with it. */
export interface LeadingListener extends NetListener {
  readonly objects: ServerObjects;
}

/** Remote objects at this listener, and word for others, by the store, of where it is. */
export async function leadAt(parts: ServerParts, store: TaskStore, listener: NetListener): Promise<LeadingListener> {
  const { address, key, fingerprint } = listener;
  const objects = new ServerObjects(parts, store, () => listener);
  await store.announce?.({ address, key: parts.config.auth === null ? key : null, fingerprint });
  return {
    ...listener,
    objects,
    async close() {
      await listener.close();
      await objects.close();
    },
  };
}
