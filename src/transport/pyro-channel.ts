/**
 * Plain bytes to and from one peer, for the wire protocol of Pyro, which is cut and read elsewhere (`remote/pyro`). What is written in one tick leaves
 * together; who does not read what it asked for is cut off.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { formatAddress, type ParsedAddress } from '../base/address.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { defaultLimits } from '../protocol/limits.ts';
import { checkFingerprint, dialTls, type TlsChoice, tlsParts } from './certificate.ts';
import { localLookup } from './dial.ts';
import { checkTlsFits } from './endpoint.ts';
import { defaultKeyFolder } from './key-folder.ts';
import { dialError } from './socket-errors.ts';

export interface ChannelHandlers {
  data(bytes: Buffer): void;
  /** Called once, last. `error` is null when either side closed in good order. */
  closed(error: MillraceError | null): void;
  /** What was queued is out, after `backlog` had passed the high-water mark. */
  drained(): void;
}

export interface PyroChannel {
  /** The peer, for people. */
  readonly peer: string;
  /** Bytes that were written but not yet taken by the system. */
  readonly backlog: number;
  /** Begin to deliver. Called once. */
  start(handlers: ChannelHandlers): void;
  write(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes; bounded by the limit `closeTimeout`. */
  close(): void;
  /** At once; `closed` gets the error, without one ERR_CONNECTION_CLOSED. */
  destroy(error?: MillraceError): void;
}

/** ms in which a TCP connection must stand. */
const connectTimeout = 10_000;
const { queued, highWater, closeTimeout } = defaultLimits;

/** Over a socket that is connected, and whose TLS handshake is done. */
export class SocketChannel implements PyroChannel {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #handlers: ChannelHandlers | null = null;
  #error: MillraceError | null = null;
  #wrote = false;
  #ending = false;

  constructor(socket: Socket, peer: string, clock: Clock) {
    this.#socket = socket;
    this.peer = peer;
    this.#clock = clock;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('error', (error) => {
      this.#error ??= new MillraceError('ERR_CONNECTION_CLOSED', `the connection to ${peer} was lost: ${error.message}`, { cause: error });
    });
    socket.pause();
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#socket.on('data', (bytes: Buffer) => handlers.data(bytes));
    this.#socket.on('drain', () => handlers.drained());
    if (this.#socket.closed) handlers.closed(this.#error);
    else {
      this.#socket.once('close', () => handlers.closed(this.#error));
      this.#socket.resume();
    }
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || this.#socket.destroyed) return;
    if (this.backlog > queued) {
      this.destroy(new MillraceError('ERR_SLOW_PEER', `${this.peer} does not read what it is sent: ${this.backlog} bytes wait for it`));
      return;
    }
    // The first of a tick leaves at once, so that a call alone does not wait; those behind it leave together.
    if (!this.#wrote) {
      this.#wrote = true;
      process.nextTick(() => {
        this.#wrote = false;
        this.#socket.uncork();
      });
    } else if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#handlers !== null) this.#socket.resume();
  }

  close(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#socket.end();
    // The end of the other side is seen only by reading on.
    this.#socket.resume();
    const stop = this.#clock.after(closeTimeout, () => this.#socket.destroy(), { unref: true });
    this.#socket.once('close', stop);
  }

  destroy(error?: MillraceError): void {
    this.#ending = true;
    this.#error ??= error ?? new MillraceError('ERR_CONNECTION_CLOSED', `the connection to ${this.peer} was closed`);
    this.#socket.destroy();
  }
}

/** Whether so much waits to be sent that the sender should wait too. */
export function isFull(channel: PyroChannel): boolean {
  return channel.backlog > highWater;
}

export interface PyroDialOptions {
  readonly tls?: TlsChoice;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** Errors: `ERR_ADDRESS`, `ERR_CONNECTION_CLOSED` (nobody listens), `ERR_CONNECT_TIMEOUT`, `ERR_TLS`, `ERR_ABORTED`. */
export function dialPyro(address: ParsedAddress, { tls, signal, clock = systemClock }: PyroDialOptions): Promise<PyroChannel> {
  const shown = formatAddress(address);
  const parts = tlsParts(tls);
  checkTlsFits(address, parts);
  const where = 'path' in address ? address : { ...address, autoSelectFamily: true, lookup: localLookup };
  return new Promise((resolve, reject) => {
    const socket =
      parts === null || 'path' in address
        ? connect(where)
        : connectTls({ ...where, ...dialTls(parts, address.host, defaultKeyFolder(), clock) });
    const fail = (error: unknown): void => {
      over();
      socket.destroy();
      reject(dialError(error, shown));
    };
    const onAbort = (): void => fail(new MillraceError('ERR_ABORTED', 'connecting was aborted', { cause: signal?.reason }));
    const late = new MillraceError('ERR_CONNECT_TIMEOUT', `nobody answered on ${shown} within ${connectTimeout} ms`);
    const stopTimer = clock.after(connectTimeout, () => fail(late));
    const over = (): void => {
      stopTimer();
      signal?.removeEventListener('abort', onAbort);
    };
    socket.once('error', fail);
    socket.once(parts === null ? 'connect' : 'secureConnect', () => {
      const refused = parts === null ? null : checkFingerprint(parts)(socket as TLSSocket);
      if (refused !== null) {
        fail(refused);
        return;
      }
      over();
      socket.removeListener('error', fail);
      resolve(new SocketChannel(socket, shown, clock));
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
