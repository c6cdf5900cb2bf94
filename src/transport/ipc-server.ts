/**
 * net-ipc's Server and Connection with every guard that they lack: own tables per instance, no blind unlink of a path, port 0, errors of
 * accept that do not end it, a doorkeeper before the handshake, and a connection that hands every socket event to its channel.
 */
import { createServer, type ListenOptions, type Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { ListeningHandshake } from '../protocol/handshake.ts';
import type { Limits } from '../protocol/limits.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import { peerCertificate } from './client-certificate.ts';
import type { PeerCertificate } from './connection.ts';
import type { Doorkeeper, Visitor } from './doorkeeper.ts';
import { exporterOf } from './exporter.ts';
import { IpcChannel } from './ipc-channel.ts';
import type { NetConnection } from './net-connection.ts';
import { BaseConnection, BaseServer } from './net-ipc.ts';
import { originOf } from './origin.ts';
import { readAhead } from './read-ahead.ts';
import { newNonce } from './secrets.ts';

/** Where a refused peer came from; null: a unix socket, or it was gone already. */
export type Remote = { readonly host: string; readonly port: number } | null;

export interface ServerTls {
  readonly context: SecureContext;
  /** Who dials must show a certificate that this context trusts. */
  readonly asks: boolean;
}

export interface IpcServerSetup {
  /** Asked at every handshake. */
  readonly key: () => string;
  readonly self: PeerInfo;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Null: no TLS. */
  readonly tls: ServerTls | null;
  /** Of all the addresses together. */
  readonly doorkeeper: Doorkeeper;
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
interface Candidate extends Visitor {
  readonly raw: Socket;
  readonly stopTimer: () => void;
  /** It waits no longer to be judged; true: it did. */
  stopWaiting: () => boolean;
  /** Null: its TLS handshake is not done. */
  channel: IpcChannel | null;
  /** Its failure is counted beforehand. */
  charged: boolean;
  state: 'waiting' | 'accepted' | 'refused';
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
    const { limits, clock, tls, doorkeeper } = this.#setup;
    const late = (): void => this.#refuse(candidate, new MillraceError('ERR_TIMEOUT', `no handshake within ${limits.handshakeTimeout} ms`));
    const stopTimer = clock.after(limits.handshakeTimeout, late, { unref: true });
    const candidate: Candidate = {
      raw,
      origin: originOf(raw.remoteAddress),
      turnAway: (error) => this.#refuse(candidate, error),
      stopTimer,
      stopWaiting: () => false,
      channel: null,
      charged: false,
      state: 'waiting',
    };
    this.#candidates.add(candidate);
    raw.on('error', () => {});
    raw.once('close', () => this.#release(candidate));
    doorkeeper.arrive(candidate);
    if (candidate.state === 'refused') return;
    if (tls === null) this.#shakeHands(candidate, raw);
    else this.#admitToTls(candidate, tls);
  }

  #admitToTls(candidate: Candidate, tls: ServerTls): void {
    const { raw } = candidate;
    let putBack: (() => boolean) | null = null;
    let begun = false;
    this.#admit(candidate, () => {
      begun = true;
      if (putBack?.() ?? true) this.#secure(candidate, tls);
    });
    if (!begun) putBack = readAhead(raw, this.#setup.limits.handshakeFrame);
  }

  /** In its turn: at once, but for those whose address keeps failing. */
  #admit(candidate: Candidate, go: () => void): void {
    if (candidate.charged) {
      go();
      return;
    }
    candidate.stopWaiting = this.#setup.doorkeeper.pace.admit(candidate.origin, (charged) => {
      candidate.charged = charged;
      if (candidate.state === 'waiting' && !candidate.raw.destroyed) go();
    });
  }

  /** TLS is laid over the accepted socket here, and not by `tls.Server`, which does not tell which of its errors belongs to which socket. */
  #secure(candidate: Candidate, { context, asks }: ServerTls): void {
    const { raw } = candidate;
    // A certificate that is wrong is refused after the handshake, where the other side can be told so.
    const socket = new TLSSocket(raw, { isServer: true, secureContext: context, requestCert: asks, rejectUnauthorized: false });
    let error: NodeJS.ErrnoException | null = null;
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
      let certificate: PeerCertificate | null = null;
      let refusal: MillraceError | null = null;
      try {
        if (asks) certificate = peerCertificate(socket);
      } catch (thrown) {
        refusal = MillraceError.from(thrown, 'ERR_TLS');
      }
      this.#shakeHands(candidate, socket, certificate, refusal);
    });
  }

  #shakeHands(
    candidate: Candidate,
    socket: Socket,
    certificate: PeerCertificate | null = null,
    refusal: MillraceError | null = null,
  ): void {
    const { key, self, limits, clock, tls, doorkeeper, onConnection, onRefused } = this.#setup;
    const remote = remoteOf(socket);
    const id = newId();
    const channel = new IpcChannel({
      socket,
      limits,
      clock,
      id,
      expectsPreamble: true,
      certificate,
      handshake: new ListeningHandshake({ self, id, key: key(), nonce: newNonce(), channel: exporterOf(socket, tls !== null), refusal }),
      judge: (go) => {
        const full = doorkeeper.full(candidate.origin);
        if (full === null) {
          this.#admit(candidate, go);
          return;
        }
        // Not his fault.
        candidate.state = 'refused';
        onRefused(full, remote);
        channel.abort(full);
      },
      succeeded: (connection) => {
        candidate.state = 'accepted';
        doorkeeper.pace.succeeded(candidate.origin, candidate.charged);
        candidate.charged = false;
        this.#release(candidate);
        socket.once('close', doorkeeper.enter(candidate.origin));
        if (this.server === null) connection.destroy();
        else onConnection(connection);
      },
      failed: (error) => this.#failed(candidate, error, remote),
    });
    candidate.channel = channel;
    new HardenedConnection(socket, this).carry(channel);
  }

  #refuse(candidate: Candidate, error: MillraceError): void {
    if (candidate.state === 'refused') return;
    if (candidate.channel !== null) candidate.channel.abort(error);
    else {
      this.#failed(candidate, error, remoteOf(candidate.raw));
      candidate.raw.destroy();
    }
  }

  /** Counted and reported once, however its end is noticed. */
  #failed(candidate: Candidate, error: MillraceError, remote: Remote): void {
    if (candidate.state !== 'waiting') return;
    candidate.state = 'refused';
    const { doorkeeper, onRefused } = this.#setup;
    if (!candidate.stopWaiting()) doorkeeper.pace.failed(candidate.origin, candidate.charged);
    onRefused(error, remote);
  }

  #release(candidate: Candidate): void {
    candidate.stopTimer();
    candidate.stopWaiting();
    this.#candidates.delete(candidate);
    this.#setup.doorkeeper.leave(candidate);
  }
}
