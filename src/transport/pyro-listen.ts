/**
 * Listening for the wire protocol of Pyro, over TCP, TLS or a unix socket. Who does not finish the handshake of TLS in time, or breaks it, is cut off; nobody
 * else notices.
 */
import { chmodSync } from 'node:fs';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { formatAddress, type ParsedAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { defaultLimits } from '../protocol/limits.ts';
import { listenTls, type TlsChoice, tlsParts } from './certificate.ts';
import { peerCertificate } from './client-certificate.ts';
import { checkTlsFits } from './endpoint.ts';
import type { ServerTls } from './ipc-server.ts';
import { defaultKeyFolder } from './key-folder.ts';
import { bindTcp } from './listen.ts';
import { type PyroChannel, SocketChannel } from './pyro-channel.ts';
import { listenError } from './socket-errors.ts';
import { bindPath } from './unix-path.ts';

export interface PyroListenSetup {
  readonly address: ParsedAddress;
  /** Most connections at a time; one more is cut off. */
  readonly connections: number;
  /** Default: none. With `ca` who dials must show a certificate that it has signed. */
  readonly tls?: TlsChoice;
  onChannel(channel: PyroChannel): void;
}

export interface PyroListener {
  /** The bound one. */
  readonly address: ParsedAddress;
  close(): Promise<void>;
}

/**
 * TLS is laid over the accepted socket here, and not by `tls.Server`, whose sockets in their handshake outlive its end. OpenSSL finds a wrong certificate,
 * and lets it pass.
 */
function secure(raw: Socket, { context, asks }: ServerTls, ready: (socket: Socket) => void): void {
  const cut = (): void => void raw.destroy();
  raw.on('error', cut);
  const socket = new TLSSocket(raw, { isServer: true, secureContext: context, requestCert: asks, rejectUnauthorized: false });
  const stopTimer = systemClock.after(defaultLimits.handshakeTimeout, cut, { unref: true });
  raw.once('close', stopTimer);
  socket.on('error', cut);
  socket.once('secure', () => {
    stopTimer();
    try {
      if (asks) peerCertificate(socket);
    } catch {
      cut();
      return;
    }
    ready(socket);
  });
}

/** Listens. Errors: `ERR_ADDRESS`, `ERR_ADDRESS_IN_USE`, `ERR_ADDRESS_DENIED`, `ERR_TLS`. */
export async function listenPyro({ address, connections, tls: choice, onChannel }: PyroListenSetup): Promise<PyroListener> {
  const parts = tlsParts(choice);
  checkTlsFits(address, parts);
  const tls = parts === null || 'path' in address ? null : await listenTls(parts, defaultKeyFolder(), systemClock, address.host);
  const servers: Server[] = [];
  /** In their TLS handshake. */
  const unproven = new Set<Socket>();
  let open = 0;
  const bind = (where: ListenOptions): Promise<number> =>
    new Promise((resolve, reject) => {
      const server = createServer({ pauseOnConnect: true }, (socket) => {
        if (open >= connections) {
          socket.destroy();
          return;
        }
        open += 1;
        socket.once('close', () => {
          open -= 1;
        });
        const peer = socket.remoteAddress ?? 'a peer on this machine';
        const ready = (over: Socket): void => {
          unproven.delete(socket);
          onChannel(new SocketChannel(over, peer, systemClock));
        };
        if (tls === null) {
          ready(socket);
          return;
        }
        unproven.add(socket);
        socket.once('close', () => unproven.delete(socket));
        secure(socket, tls, ready);
      });
      server.once('error', reject);
      server.listen(where, () => {
        // Later errors are of single accepts.
        server.removeListener('error', reject).on('error', () => {});
        servers.push(server);
        const bound = server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  const close = async (): Promise<void> => {
    for (const server of servers.splice(0)) server.close();
    for (const socket of unproven) socket.destroy();
    // The handle is closed in the next round of the event loop; then the address is free.
    await new Promise((resolve) => setImmediate(resolve));
  };
  try {
    if ('path' in address) {
      await bindPath(address.path, systemClock, () => bind({ path: address.path }));
      chmodSync(address.path, 0o600);
      return { address, close };
    }
    const { host, port } = await bindTcp(address, bind, () => servers.pop()?.close());
    return { address: { host, port }, close };
  } catch (error) {
    await close();
    throw listenError(error, formatAddress(address));
  }
}
