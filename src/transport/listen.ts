/**
 * Listening on TCP, TLS or a unix socket through the hardened server of net-ipc. What goes wrong has a code and says what to do;
 * nothing that a peer sends can end the listener.
 */
import { chmodSync } from 'node:fs';
import type { ListenOptions } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import { limitsWith } from '../protocol/limits.ts';
import { listenTls, tlsParts } from './certificate.ts';
import type { Connection, Listener } from './connection.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { checkKey, checkReach, checkTlsFits, type EndpointOptions } from './endpoint.ts';
import { HardenedServer, type IpcServerSetup, type Remote } from './ipc-server.ts';
import { defaultKeyFolder, keyText, pathKeyName, removeSecret, sweepKeys, tcpKeyName, writeSecret } from './key-folder.ts';
import { newKey } from './secrets.ts';
import { listenError } from './socket-errors.ts';
import { bindPath } from './unix-path.ts';

export interface ListenSetup extends EndpointOptions {
  readonly address: Address;
  /** A peer has proved itself. Call `start` on its connection; until then it waits. */
  onConnection(connection: Connection): void;
  /** A peer was turned away, or an accept failed. For logs and counts. */
  onRefused?(error: MillraceError, remote: Remote): void;
}

export interface NetListener extends Listener {
  /** What dialling sides need as `auth`: the given key, or the random one. Keep it inside the process. */
  readonly key: string;
  /** SHA-256 of its certificate; null: no TLS. */
  readonly fingerprint: string | null;
}

/**
 * Listens. Resolves when the address is bound. `localhost` is both loopback addresses, as far as the machine has them.
 * Errors: `ERR_ADDRESS`, `ERR_ADDRESS_IN_USE`, `ERR_ADDRESS_DENIED`, `ERR_AUTH_REQUIRED`, `ERR_AUTH_WEAK`, `ERR_TLS`.
 */
export async function listen(setup: ListenSetup): Promise<NetListener> {
  const address = parseAddress(setup.address);
  const { auth = null, self, clock = systemClock, keyFolder = defaultKeyFolder() } = setup;
  const parts = tlsParts(setup.tls);
  checkReach(address, auth);
  checkTlsFits(address, parts);
  const key = auth === null ? newKey() : checkKey(auth);
  const tls = parts === null ? null : await listenTls(parts, keyFolder, clock, 'host' in address ? address.host : null);
  const fingerprint = tls?.fingerprint ?? null;
  const limits = limitsWith(setup.limits);
  const doorkeeper = new Doorkeeper(limits, clock);
  const shared: IpcServerSetup = {
    key: () => key,
    self,
    limits,
    clock,
    tls,
    doorkeeper,
    onConnection: (connection) => setup.onConnection(connection),
    onRefused: (error, remote) => setup.onRefused?.(error, remote),
  };
  const servers: HardenedServer[] = [];
  const secrets: string[] = [];
  const text = auth === null ? keyText(key) : '';
  const leaveKey = (): void => {
    if (secrets.length > 0) sweepKeys(keyFolder);
    for (const name of secrets) writeSecret(keyFolder, name, text);
  };
  const close = async (): Promise<void> => {
    for (const server of servers.splice(0)) server.unlisten();
    doorkeeper.pace.close();
    for (const name of secrets.splice(0)) removeSecret(keyFolder, name, text);
    // The handle is closed in the next round of the event loop; then the address is free.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const bind = async (where: ListenOptions): Promise<number> => {
    const server = new HardenedServer(shared);
    const port = await server.listen(where);
    servers.push(server);
    return port;
  };
  try {
    if ('path' in address) {
      await bindPath(address.path, clock, () => bind({ path: address.path }));
      chmodSync(address.path, 0o600);
      if (auth === null) secrets.push(pathKeyName(address.path));
      leaveKey();
      return { address, key, fingerprint, close };
    }
    const { host, port, bound } = await bindTcp(address, bind, () => servers.pop()?.unlisten());
    if (auth === null) secrets.push(...bound.map((ip) => tcpKeyName(ip, port)));
    leaveKey();
    return { address: { host, port }, key, fingerprint, close };
  } catch (error) {
    await close();
    throw listenError(error, formatAddress(address));
  }
}

interface Bound {
  readonly host: string;
  readonly port: number;
  /** The IP addresses. */
  readonly bound: readonly string[];
}

export async function bindTcp(
  wanted: { host: string; port: number },
  bind: (where: ListenOptions) => Promise<number>,
  unbindLast: () => void,
): Promise<Bound> {
  if (wanted.host !== 'localhost') {
    const port = await bind(wanted);
    // However it was written, the peer of a connection to it is seen as `::1`.
    return { host: wanted.host, port, bound: [/^[0:]*:0*1$/.test(wanted.host) ? '::1' : wanted.host] };
  }
  for (let attempt = 0; ; attempt++) {
    const port = await bind({ host: '127.0.0.1', port: wanted.port });
    try {
      await bind({ host: '::1', port, ipv6Only: true });
      return { host: 'localhost', port, bound: ['127.0.0.1', '::1'] };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return { host: 'localhost', port, bound: ['127.0.0.1'] };
      // A port that is free on one of the two only: any other will do when any was asked for.
      if (code !== 'EADDRINUSE' || wanted.port !== 0 || attempt === 9) throw error;
      unbindLast();
    }
  }
}
