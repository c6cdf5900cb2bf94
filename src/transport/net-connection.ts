/**
 * The port over a socket whose handshake is done: packs what is sent in one tick into frames, reads only while the role wants to hear,
 * and ends peers that break the protocol, read too slowly or fall silent.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { endBody, FrameDecoder, FramePacker } from '../protocol/codec.ts';
import { type FrameParser, frameOf, rawHead, rawStart } from '../protocol/frame.ts';
import type { Limits } from '../protocol/limits.ts';
import type { Message, PeerInfo } from '../protocol/messages.ts';
import { frameMemory } from '../protocol/msgpack-write.ts';
import type { Connection, ConnectionHandlers, PeerCertificate } from './connection.ts';
import { Inbox } from './inbox.ts';
import { Inflow } from './inflow.ts';
import { Landings } from './landings.ts';
import { BrokenFrame, slowPeer } from './peer-faults.ts';

export interface NetConnectionSetup {
  readonly id: string;
  readonly peer: PeerInfo;
  readonly certificate: PeerCertificate | null;
  readonly socket: Socket;
  /** Holds what came after the last frame of the handshake. */
  readonly parser: FrameParser;
  readonly limits: Limits;
  readonly clock: Clock;
}

/**
 * States. *open*: both directions work. *closing* (`close`): what was queued is on its way, what comes in is thrown away, at most
 * `closeTimeout` long. *destroyed* (`destroy`, a broken frame, a limit): nothing moves. *closed* (the socket's close event): the inbox
 * says so to the role. A peer that ends in good order is marked by `#ended` in any of them.
 */
export class NetConnection implements Connection {
  readonly id: string;
  readonly peer: PeerInfo;
  readonly certificate: PeerCertificate | null;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #packer: FramePacker;
  readonly #decoder: FrameDecoder;
  readonly #inbox: Inbox;
  readonly #inflow: Inflow;
  readonly #landings: Landings;
  #state: 'open' | 'closing' | 'destroyed' | 'closed' = 'open';
  #ended = false;
  #error: MillraceError | null = null;
  #flushDue = false;
  #drainedOwed = false;
  #lastReceived: number;
  #lastSent = 0;
  #written = 0;
  #reading = false;
  #stopStall: (() => void) | null = null;
  #stopIdle: (() => void) | null = null;
  #stopClose: (() => void) | null = null;

  constructor({ id, peer, certificate, socket, parser, limits, clock }: NetConnectionSetup) {
    this.id = id;
    this.peer = peer;
    this.certificate = certificate;
    this.#socket = socket;
    this.#parser = parser;
    this.#limits = limits;
    this.#clock = clock;
    this.#packer = new FramePacker(limits, frameMemory);
    this.#decoder = new FrameDecoder(limits);
    this.#inbox = new Inbox(() => this.readable());
    this.#inflow = new Inflow(socket, {
      wanted: () => (this.#state === 'open' ? this.#inbox.hungry : this.#state === 'closing'),
      take: (chunk) => this.#take(chunk),
    });
    this.#landings = new Landings(() => parser.abandon());
    this.#lastReceived = clock.now();
    if (limits.idleTimeout > 0) this.#watchIdle(limits.idleTimeout);
  }

  /** While this side pauses it cannot hear its peer, so it does not count as silence. */
  get lastReceived(): number {
    return this.#inbox.paused && this.#state === 'open' ? this.#clock.now() : this.#lastReceived;
  }

  /** When the last frame left; heartbeats are only due after silence. */
  get lastSent(): number {
    return this.#lastSent;
  }

  get backlog(): number {
    return this.#state === 'closed' ? 0 : this.#socket.writableLength + this.#packer.pending;
  }

  start(handlers: ConnectionHandlers): void {
    this.#lastReceived = this.#clock.now();
    this.#inbox.start(handlers);
  }

  send(message: Message): boolean {
    if (this.#state !== 'open') return false;
    this.#packer.add(message);
    if (!this.#flushDue) {
      this.#flushDue = true;
      if (!this.#reading) process.nextTick(flushLater, this);
    }
    return this.#hasRoom();
  }

  /** After all that was sent before. */
  sendBytes(id: number, bytes: Uint8Array, sent: () => void): boolean {
    if (bytes.length + rawHead > this.#limits.frame)
      throw new MillraceError('ERR_FRAME_TOO_LARGE', `an answer of ${bytes.length} bytes is over the limit of ${this.#limits.frame}`);
    if (this.#state !== 'open' || !this.#write() || !this.#socket.writable) {
      sent();
      return false;
    }
    const start = rawStart(id, bytes.length);
    this.#written += start.length + bytes.length;
    this.#socket.cork();
    this.#socket.write(start);
    this.#socket.write(bytes, () => sent());
    this.#socket.uncork();
    this.#wrote();
    return this.#hasRoom();
  }

  receiveInto(id: number, place: Uint8Array | null): void {
    this.#landings.set(id, place);
  }

  flush(): void {
    if (this.#flushDue && !this.#reading) this.#flush();
  }

  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    if (this.#inbox.paused) this.#lastReceived = this.#clock.now();
    this.#inbox.resume();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#flush();
    this.#state = 'closing';
    this.#inbox.drop();
    if (this.#socket.writable) this.#socket.end(frameOf(endBody));
    this.#stopClose = this.#clock.after(this.#limits.closeTimeout, () => {
      const waiting = this.#socket.writableLength;
      if (waiting > 0) this.#error = slowPeer(`${waiting} bytes could not be delivered before the connection was closed`);
      this.#socket.destroy();
    });
    this.readable();
  }

  destroy(error?: MillraceError): void {
    if (this.#state === 'destroyed' || this.#state === 'closed') return;
    this.#state = 'destroyed';
    this.#error ??= error ?? new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was cut on this side');
    this.#inbox.drop();
    this.#socket.destroy();
  }

  // ---- called by the carrier -----------------------------------------------------------------------------------------

  /** The role wants more, or none of what comes is wanted any more. */
  readable(): void {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#state === 'open' && this.#inbox.hungry && this.#readFrame());
    } catch (error) {
      if (!(error instanceof BrokenFrame)) throw error;
      this.destroy(MillraceError.from(error.cause, 'ERR_PROTOCOL'));
    } finally {
      this.#reading = false;
      // What could be answered at once does not wait for the end of the tick.
      if (this.#flushDue) this.#flush();
    }
    this.#inflow.steer();
  }

  /** Where the rest of a body goes that begins like this. */
  landing(head: Uint8Array, length: number): Uint8Array | null {
    return this.#landings.find(head, length);
  }

  /** The socket's buffer ran empty. */
  drain(): void {
    this.#tellDrained();
  }

  /** The socket is closed; `cause` is its error, if it had one. */
  closed(cause: Error | null): void {
    if (this.#state === 'closed') return;
    const orderly = this.#ended || (this.#state === 'closing' && this.#error === null);
    this.#state = 'closed';
    for (const stop of [this.#stopStall, this.#stopIdle, this.#stopClose]) stop?.();
    if (this.#error === null && !orderly)
      this.#error = new MillraceError('ERR_CONNECTION_CLOSED', `the connection was lost${cause === null ? '' : `: ${cause.message}`}`, {
        cause,
      });
    this.#inbox.end(this.#error);
  }

  // ---- inside ---------------------------------------------------------------------------------------------------------------

  #take(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#lastReceived = this.#clock.now();
    this.#parser.push(chunk);
    this.readable();
  }

  /** One frame; false: no whole one is here. Throws `BrokenFrame` for what the peer did wrong, and only for that. */
  #readFrame(): boolean {
    let decoded: ReturnType<FrameDecoder['decode']>;
    try {
      const body = this.#parser.next();
      if (body === null) return false;
      if (this.#ended) return true;
      decoded = this.#landings.take() ?? this.#decoder.decode(body);
    } catch (cause) {
      throw new BrokenFrame(cause);
    }
    if (decoded.kind === 'end') this.#ended = true;
    else this.#inbox.push(decoded.messages);
    return true;
  }

  #hasRoom(): boolean {
    const { backlog } = this;
    if (backlog <= this.#limits.highWater) return true;
    this.#drainedOwed = true;
    if (backlog > this.#limits.queued) this.destroy(slowPeer(`${backlog} bytes wait for it`));
    return false;
  }

  #flush(): void {
    this.#flushDue = false;
    if (this.#state !== 'open' || !this.#write()) return;
    this.#wrote();
  }

  /** False: nobody takes it. */
  #write(): boolean {
    this.#packer.takeTo(this.#writeFrame);
    return this.#socket.writable;
  }

  /** True: the system has all of it. */
  readonly #writeFrame = (bytes: Buffer): boolean => {
    if (!this.#socket.writable) return false;
    this.#written += bytes.length;
    this.#socket.write(bytes);
    return this.#socket.writableLength === 0;
  };

  #wrote(): void {
    this.#lastSent = this.#clock.now();
    if (this.#stopStall === null && this.#socket.writableLength > 0) this.#watchStall();
    if (this.#drainedOwed) this.#tellDrained();
  }

  #tellDrained(): void {
    if (!this.#drainedOwed || this.#state !== 'open' || this.backlog > this.#limits.lowWater) return;
    this.#drainedOwed = false;
    this.#inbox.drained();
  }

  #watchStall(): void {
    const gone = this.#written - this.#socket.writableLength;
    const heard = this.#lastReceived;
    const look = (): void => {
      this.#stopStall = null;
      const waiting = this.#socket.writableLength;
      if (waiting === 0 || this.#state !== 'open') return;
      if (this.#written - waiting === gone && this.lastReceived === heard)
        this.destroy(slowPeer(`it took nothing for ${this.#limits.stallTimeout} ms`));
      else this.#watchStall();
    };
    this.#stopStall = this.#clock.after(this.#limits.stallTimeout, look, { unref: true });
  }

  #watchIdle(ms: number): void {
    const look = (): void => {
      const silent = this.#clock.now() - this.lastReceived;
      if (silent >= ms) this.destroy(new MillraceError('ERR_CONNECTION_CLOSED', `the other side was silent for ${Math.round(silent)} ms`));
      else this.#stopIdle = this.#clock.after(ms - silent, look, { unref: true });
    };
    this.#stopIdle = this.#clock.after(ms, look, { unref: true });
  }
}

function flushLater(connection: NetConnection): void {
  connection.flush();
}
