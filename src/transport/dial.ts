/**
 * One attempt to connect over TCP, TLS or a unix socket, through the hardened client of net-ipc. Trying again is the business of
 * `reconnect.ts`.
 */
import { lookup } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { onAbort } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { limitsWith } from '../protocol/limits.ts';
import { checkFingerprint, dialTls, tlsParts } from './certificate.ts';
import type { Connection } from './connection.ts';
import { checkKey, checkTlsFits, type EndpointOptions } from './endpoint.ts';
import { HardenedClient } from './ipc-client.ts';
import { defaultKeyFolder, keyIn, pathKeyName, readSecret, tcpKeyName } from './key-folder.ts';
import { dialError } from './socket-errors.ts';

export interface DialOptions extends EndpointOptions {
  /** ms for the whole attempt. Default: the limit `handshakeTimeout`. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** `localhost` without a resolver: some machines have none, and some resolve it to one address only. */
export const localLookup: LookupFunction = (name, options, done) => {
  if (name !== 'localhost') return lookup(name, options, done);
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) done(null, both);
  else done(null, '127.0.0.1', 4);
};

/**
 * One attempt to connect and to prove both sides to each other.
 * Errors: `ERR_ADDRESS`, `ERR_CONNECTION_CLOSED` (nobody listens, or it went away), `ERR_CONNECT_TIMEOUT`, `ERR_AUTH`, `ERR_AUTH_WEAK`,
 * `ERR_VERSION`, `ERR_PROTOCOL`, `ERR_TLS`, `ERR_ABORTED`.
 */
export async function dial(to: Address, options: DialOptions): Promise<Connection> {
  const address = parseAddress(to);
  const { auth = null, self, clock = systemClock, keyFolder = defaultKeyFolder(), signal } = options;
  const limits = limitsWith(options.limits);
  const parts = tlsParts(options.tls);
  const shown = formatAddress(address);
  checkTlsFits(address, parts);
  if ('port' in address && address.port === 0)
    throw new MillraceError('ERR_ADDRESS', `${shown} has port 0, which is for listening: give the bound port`);
  if (auth !== null) checkKey(auth);
  if (signal?.aborted) throw aborted(signal);
  const client = new HardenedClient({
    self,
    limits,
    clock,
    secure: parts !== null,
    checkCertificate: parts === null ? () => null : checkFingerprint(parts),
    where:
      'path' in address
        ? address
        : {
            ...address,
            autoSelectFamily: true,
            lookup: localLookup,
            ...(parts === null ? {} : dialTls(parts, address.host, keyFolder, clock)),
          },
    key: (socket) => auth ?? foundKey(socket, 'path' in address ? address.path : null, keyFolder, shown),
  });
  const timeout = options.timeout ?? limits.handshakeTimeout;
  const stopTimer = clock.after(timeout, () =>
    client.abort(new MillraceError('ERR_CONNECT_TIMEOUT', `no server answered on ${shown} within ${timeout} ms`)),
  );
  const unhear = signal === undefined ? null : onAbort(signal, () => client.abort(aborted(signal)));
  try {
    return await client.open();
  } catch (error) {
    throw dialError(error, shown);
  } finally {
    stopTimer();
    unhear?.();
  }
}

function aborted(signal: AbortSignal | undefined): MillraceError {
  return new MillraceError('ERR_ABORTED', 'connecting was aborted', { cause: signal?.reason });
}

/** The key that a server of this user has left for the address that was really reached. */
function foundKey(socket: Socket, path: string | null, folder: string, shown: string): string {
  const name = path === null ? tcpKeyName(socket.remoteAddress ?? '', socket.remotePort ?? 0) : pathKeyName(path);
  const text = readSecret(folder, name);
  if (text !== null) return keyIn(text);
  throw new MillraceError('ERR_AUTH', `the server on ${shown} has left no key for this user: give the \`auth\` that it was started with`);
}
