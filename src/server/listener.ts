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
  parts: ServerParts,
  store: TaskStore,
  onConnection: (connection: Connection) => void,
): Promise<NetListener | null> {
  const { config, clock, listens, id, logger } = parts;
  if (!listens) return null;
  // Sockets and TLS take 50 ms to load, and `runLocal` needs neither.
  const { listen } = await import('../transport/listen.ts');
  const refusals = new RefusalLog(logger, clock);
  const objects = new ServerObjects(parts, store, () => listener);
  const listener = await listen({
    address: config.address,
    auth: config.auth,
    tls: config.tls,
    self: { role: 'server', id, host: hostName(), pid: process.pid },
    clock,
    limits: connectionLimits(config),
    onConnection: (connection) => (connection.peer.role === 'caller' ? objects.accept(connection) : onConnection(connection)),
    onRefused: (error, remote) => refusals.refused(error, remote),
  });
  const { address, key, fingerprint } = listener;
  await store.announce?.({ address, key: config.auth === null ? key : null, fingerprint });
  return {
    ...listener,
    async close() {
      await listener.close();
      await objects.close();
    },
  };
}
