/**
 * net-ipc's Server and Connection with every guard that they lack: own tables per instance, no blind unlink of a path, port 0, errors of
 * accept that do not end it, a bound on connections that have not proved themselves, and a connection that hands every socket
 * event to its channel.
 */
import { createServer, type ListenOptions, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { ListeningHandshake } from '../protocol/handshake.ts';
import type { Limits } from '../protocol/limits.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { exporterOf } from './exporter.ts';
import { IpcChannel } from './ipc-channel.ts';
import type { NetConnection } from './net-connection.ts';
import { BaseConnection, BaseServer } from './net-ipc.ts';
import { newNonce } from './secrets.ts';

/** Where a refused peer came from; null: a unix socket, or it was gone already. */
export type Remote = { readonly host: string; readonly port: number } | null;

export interface IpcServerSetup {
  /** Asked at every handshake. */
  readonly key: () => string;
  readonly self: PeerInfo;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Null: no TLS. */
  readonly tls: SecureContext | null;
  onConnection(connection: NetConnection): void;
  onRefused(error: MillraceError, remote: Remote): void;
}

/** An accepted socket on its way through net-ipc's events to its channel. */
class HardenedConnection extends BaseConnection {
  #channel: IpcChannel | null = null;

  carry(channel: IpcChannel): void {
    this.#channel = channel;
    channel.readable();
  }

  override _init(): void {
    this.#channel?.readable();
  }

  override _drain(): void {
    this.#channel?.drain();
  }

  override _onerror(error: Error): void {
    this.#channel?.errored(error);
  }

  override _onclose(): void {
    this.connection = null;
    this.#channel?.closed();
  }
}

/** A socket that has not proved itself; under TLS the raw one, from accept on. */
interface Candidate {
  readonly raw: Socket;
  readonly stopTimer: () => void;
  /** Null: its TLS handshake is not done. */
  channel: IpcChannel | null;
  refused: boolean;
}

/** A TLS record: fatal alert, protocol version. */
const protocolAlert = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 0x46);

const remoteOf = (socket: Socket): Remote =>
  socket.remoteAddress === undefined ? null : { host: socket.remoteAddress, port: socket.remotePort ?? 0 };

/** One bound address. */
export class HardenedServer extends BaseServer {
  readonly #setup: IpcServerSetup;
  /** Oldest first. */
  readonly #candidates: Set<Candidate> = new Set();

  constructor(setup: IpcServerSetup) {
    // Its constructor wants a port or a path, and maps neither; listening is done here.
    super({ path: 'unused' });
    this.options.path = undefined;
    this.#setup = setup;
  }

  /** Resolves with the bound port (0 for a path); rejects with the system's error. */
  listen(where: ListenOptions): Promise<number> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    this.server = server;
    server.on('connection', (socket: Socket) => this._onconnection(socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.removeListener('error', reject);
        // An accept that fails (EMFILE) loses that one peer; the next is accepted as ever.
        server.on('error', (error) => {
          const message = `a connection could not be accepted: ${error.message}`;
          this.#setup.onRefused(new MillraceError('ERR_CONNECTION_CLOSED', message, { cause: error }), null);
        });
        const bound = server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  /** Takes the address back at once. Connections live on; who has not proved itself is cut. */
  unlisten(): void {
    const server = this.server;
    this.server = null;
    server?.close();
    for (const { raw } of this.#candidates) raw.destroy();
  }

  override _onconnection(raw: Socket): void {
    const { limits, clock, tls } = this.#setup;
    const late = (): void => this.#refuse(candidate, new MillraceError('ERR_TIMEOUT', `no handshake within ${limits.handshakeTimeout} ms`));
    const stopTimer = clock.after(limits.handshakeTimeout, late, { unref: true });
    const candidate: Candidate = { raw, stopTimer, channel: null, refused: false };
    this.#candidates.add(candidate);
    raw.once('close', () => this.#release(candidate));
    if (tls === null) this.#shakeHands(candidate, raw);
    else this.#secure(candidate, tls);
    if (this.#candidates.size <= limits.unauthenticated) return;
    for (const oldest of this.#candidates) {
      this.#refuse(oldest, new MillraceError('ERR_PROTOCOL', `more than ${limits.unauthenticated} connections without a handshake`));
      this.#release(oldest);
      break;
    }
  }

  /** TLS is laid over the accepted socket here, and not by `tls.Server`, which does not tell which of its errors belongs to which socket. */
  #secure(candidate: Candidate, secureContext: SecureContext): void {
    const { raw } = candidate;
    const socket = new TLSSocket(raw, { isServer: true, secureContext });
    let error: NodeJS.ErrnoException | null = null;
    raw.on('error', () => {});
    const onError = (cause: NodeJS.ErrnoException): void => {
      error ??= cause;
      // OpenSSL tells a peer that spoke no TLS at all nothing: it would take the server for a dead one and try again.
      if (raw.writable && cause.code?.startsWith('ERR_SSL_')) raw.write(protocolAlert);
    };
    const onClose = (): void => {
      const why = error?.message ?? 'the other side broke it off';
      this.#refuse(candidate, new MillraceError('ERR_TLS', `the TLS handshake failed: ${why}`, { cause: error }));
    };
    socket.on('error', onError).once('close', onClose);
    socket.once('secure', () => {
      socket.removeListener('error', onError).removeListener('close', onClose);
      this.#shakeHands(candidate, socket);
    });
  }

  #shakeHands(candidate: Candidate, socket: Socket): void {
    const { key, self, limits, clock, tls, onConnection, onRefused } = this.#setup;
    const remote = remoteOf(socket);
    const id = newId();
    const channel = new IpcChannel({
      socket,
      limits,
      clock,
      id,
      expectsPreamble: true,
      handshake: new ListeningHandshake({ self, id, key: key(), nonce: newNonce(), channel: exporterOf(socket, tls !== null) }),
      succeeded: (connection) => {
        this.#release(candidate);
        if (this.server === null) connection.destroy();
        else onConnection(connection);
      },
      failed: (error) => onRefused(error, remote),
    });
    candidate.channel = channel;
    new HardenedConnection(socket, this).carry(channel);
  }

  /** Reported once, however its end is noticed. */
  #refuse(candidate: Candidate, error: MillraceError): void {
    if (candidate.refused) return;
    candidate.refused = true;
    if (candidate.channel !== null) candidate.channel.abort(error);
    else {
      this.#setup.onRefused(error, remoteOf(candidate.raw));
      candidate.raw.destroy();
    }
  }

  #release(candidate: Candidate): void {
    candidate.stopTimer();
    this.#candidates.delete(candidate);
  }
}
