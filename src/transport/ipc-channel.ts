/**
 * A socket from its first byte to the end of the handshake: reads nothing but handshake frames of at most 64 KiB, then hands the socket
 * over to a `NetConnection` and stays as the one place to which socket events come.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { FrameParser, frameOf, rawHead } from '../protocol/frame.ts';
import type { HandshakeStep } from '../protocol/handshake.ts';
import { decodeHandshake, encodeHandshake } from '../protocol/handshake-body.ts';
import type { Limits } from '../protocol/limits.ts';
import type { PeerCertificate } from './connection.ts';
import { NetConnection } from './net-connection.ts';

export interface IpcChannelSetup {
  readonly socket: Socket;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The name of the connection on this side. */
  readonly id: string;
  readonly handshake: { receive(frame: unknown): HandshakeStep };
  /** True on the side that accepted: net-ipc's first three bytes come before all frames. */
  readonly expectsPreamble: boolean;
  /** Asked before the peer's proof is judged: calls `go` at once or later. Absent: at once. */
  judge?(go: () => void): void;
  /** What TLS verified of the peer; null: nothing. */
  readonly certificate?: PeerCertificate | null;
  succeeded(connection: NetConnection): void;
  /** Called once when it ends without success. */
  failed(error: MillraceError): void;
}

const preamble = Buffer.from('IPC');
const tlsHandshake = 0x16;
const tlsAlert = 0x15;
/** A TLS record: fatal alert, protocol version. Without it the TLS of the dialler only knows that it was cut off, and tries again. */
const protocolAlert = Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x46);

/** Of the frames of the side that dials: the one by which it proves itself. */
const proofFrame = 2;

/**
 * States. *preamble*: three bytes are due. *handshake*: frames go to the state machine. *held*: a proof waits to be judged, nothing may
 * come. *open*: everything goes to the connection.
 * *refused*: a last frame is on its way, what comes is thrown away. *closed*: the socket is gone.
 */
export class IpcChannel {
  readonly #setup: IpcChannelSetup;
  readonly #parser: FrameParser;
  #state: 'preamble' | 'handshake' | 'held' | 'open' | 'refused' | 'closed';
  #head: Buffer = Buffer.alloc(0);
  #connection: NetConnection | null = null;
  #first = true;
  #firstBytes = true;
  #frames = 0;
  #socketError: Error | null = null;
  #stopRefused: (() => void) | null = null;

  constructor(setup: IpcChannelSetup) {
    this.#setup = setup;
    this.#state = setup.expectsPreamble ? 'preamble' : 'handshake';
    this.#parser = new FrameParser(() => (this.#state === 'open' ? setup.limits.frame : setup.limits.handshakeFrame), {
      head: rawHead,
      find: (head, length) => this.#connection?.landing(head, length) ?? null,
    });
  }

  /** Send a frame of the handshake. */
  say(frame: unknown): void {
    const { socket } = this.#setup;
    if (socket.writable) socket.write(frameOf(encodeHandshake(this.#first ? 0 : 1, frame)));
    this.#first = false;
  }

  readable(): void {
    if (this.#state === 'open') {
      this.#connection!.readable();
      return;
    }
    const { socket, succeeded } = this.#setup;
    // Reading is how one learns that the other side has left: it must not keep its place among those that wait.
    if (this.#state === 'held' && socket.read() !== null) this.refuse(spokeTooEarly());
    try {
      while (this.#state === 'preamble' || this.#state === 'handshake') {
        const body = this.#parser.next();
        if (body !== null) {
          this.#frame(body);
          continue;
        }
        const chunk: Buffer | null = socket.read();
        if (chunk === null) return;
        this.#take(chunk);
      }
    } catch (error) {
      this.refuse(MillraceError.from(error, 'ERR_PROTOCOL'));
    }
    if (this.#state === 'refused') while (socket.read() !== null);
    // Outside of the guard above: what the role throws is not the peer's fault.
    if (this.#connection !== null) succeeded(this.#connection);
  }

  drain(): void {
    this.#connection?.drain();
  }

  errored(error: Error): void {
    this.#socketError ??= error;
  }

  closed(): void {
    const before = this.#state;
    this.#state = 'closed';
    this.#stopRefused?.();
    if (this.#connection !== null) this.#connection.closed(this.#socketError);
    else if (before !== 'refused' && before !== 'closed') this.#setup.failed(lost(this.#socketError));
  }

  /** End the handshake with an error; the socket follows, after what was written is out, within a second. */
  refuse(error: MillraceError): void {
    if (this.#state === 'refused' || this.#state === 'closed' || this.#state === 'open') return;
    this.#state = 'refused';
    const { socket, clock, limits, failed } = this.#setup;
    if (socket.writable) socket.end();
    this.#stopRefused = clock.after(limits.closeTimeout, () => socket.destroy(), { unref: true });
    failed(error);
  }

  /** End it at once. */
  abort(error: MillraceError): void {
    this.refuse(error);
    this.#setup.socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#state === 'preamble') {
      const head = Buffer.concat([this.#head, chunk.subarray(0, preamble.length - this.#head.length)]);
      const rest = chunk.subarray(head.length - this.#head.length);
      this.#head = head;
      if (head[0] === tlsHandshake) {
        if (this.#setup.socket.writable) this.#setup.socket.write(protocolAlert);
        throw new MillraceError('ERR_TLS', 'it was dialled with TLS but listens without: set `tls` on the server');
      }
      if (!preamble.subarray(0, head.length).equals(head))
        throw new MillraceError('ERR_PROTOCOL', 'the first bytes are not of this protocol');
      if (head.length < preamble.length) return;
      this.#state = 'handshake';
      this.#parser.push(rest);
      return;
    }
    if (this.#firstBytes && !this.#setup.expectsPreamble && chunk[0] === tlsAlert)
      throw new MillraceError('ERR_TLS', 'the server listens with TLS: set `tls` on this side too');
    this.#firstBytes = false;
    this.#parser.push(chunk);
  }

  #frame(body: Uint8Array): void {
    const { judge, handshake } = this.#setup;
    if (++this.#frames !== proofFrame || judge === undefined) {
      this.#follow(handshake.receive(decodeHandshake(body)));
      return;
    }
    this.#state = 'held';
    let later = false;
    judge(() => {
      if (this.#state !== 'held') return;
      this.#state = 'handshake';
      try {
        this.#follow(handshake.receive(decodeHandshake(body)));
      } catch (error) {
        this.refuse(MillraceError.from(error, 'ERR_PROTOCOL'));
      }
      if (later) this.readable();
    });
    later = true;
  }

  #follow({ send, result, error }: HandshakeStep): void {
    for (const frame of send) this.say(frame);
    if (error !== null) this.refuse(error);
    if (result === null) return;
    const { socket, limits, clock, id, certificate = null } = this.#setup;
    this.#state = 'open';
    this.#connection = new NetConnection({ id, peer: result.peer, certificate, socket, parser: this.#parser, limits, clock });
  }
}

function spokeTooEarly(): MillraceError {
  return new MillraceError('ERR_PROTOCOL', 'the other side went on before its proof was answered');
}

function lost(cause: Error | null): MillraceError {
  const why = cause === null ? '' : `: ${cause.message}`;
  return new MillraceError('ERR_CONNECTION_CLOSED', `the connection ended during the handshake${why}`, { cause: cause ?? undefined });
}
