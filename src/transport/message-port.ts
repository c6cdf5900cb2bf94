/**
 * The carrier between a host and its own worker threads: frames of the same codec, handed over without copying. There is no handshake; each
 * end is told who the other is when it is made.
 *
 * A port has no back-pressure of its own, so each end tells the other how many bytes it has taken, with every frame that
 * goes the other way and at least every 64 KiB.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { FrameDecoder, FramePacker } from '../protocol/codec.ts';
import { type Limits, limitsWith } from '../protocol/limits.ts';
import type { Message, PeerInfo } from '../protocol/messages.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { Inbox } from './inbox.ts';

export interface MessagePortSetup {
  readonly port: MessagePort;
  /** Who is at the other end. */
  readonly peer: PeerInfo;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** What comes is only passed on: bytes stay in the frame that brought them. */
  readonly passesOn?: boolean;
}

/** What crosses: a frame's body with the bytes taken so far, these bytes alone, the end, and its confirmation. */
type Parcel = readonly [body: Uint8Array, taken: number] | number | 'end' | 'ended';

/** Parcels that are asked for before the first event: a peer that sends without end must not hold this thread. */
const mostEarly = 64;

/** Bytes that may be taken without telling. */
const untold = 64 * 1024;

/**
 * States. *open*: both directions work. *closing* (`close`): everything sent lies in the port, `ended` is awaited, what comes is thrown away.
 * *over*: the port is closed. `#ended`: the peer has sent its end; when all before it is delivered this end confirms and is over.
 */
export class MessagePortConnection implements Connection {
  readonly id: string = newId();
  readonly peer: PeerInfo;
  readonly #port: MessagePort;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #packer: FramePacker;
  readonly #decoder: FrameDecoder;
  readonly #inbox: Inbox;
  #state: 'open' | 'closing' | 'over' = 'open';
  #ended = false;
  #bodies: Uint8Array[] = [];
  #flushDue = false;
  #drainedOwed = false;
  #sent = 0;
  #taken = 0;
  #told = 0;
  #takenByPeer = 0;
  #lastReceived: number;
  #lastSent = 0;
  #stopClose: (() => void) | null = null;

  constructor({ port, peer, limits, clock = systemClock, passesOn = false }: MessagePortSetup) {
    this.peer = peer;
    this.#port = port;
    this.#limits = limitsWith(limits);
    this.#clock = clock;
    this.#packer = new FramePacker(this.#limits);
    this.#decoder = new FrameDecoder(this.#limits, true, passesOn);
    this.#inbox = new Inbox(() => this.#takeBodies());
    this.#lastReceived = clock.now();
    port.on('message', (parcel: Parcel) => this.#receive(parcel));
    port.on('messageerror', (cause: Error) =>
      this.destroy(new MillraceError('ERR_PROTOCOL', `a message could not cross: ${cause.message}`, { cause })),
    );
    port.on('close', () => this.#portClosed());
  }

  get lastReceived(): number {
    return this.#inbox.paused && this.#state === 'open' ? this.#clock.now() : this.#lastReceived;
  }

  /** When the last frame left; heartbeats are only due after silence. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** Lags by up to 64 KiB. */
  get backlog(): number {
    return this.#state === 'over' ? 0 : this.#sent - this.#takenByPeer + this.#packer.pending;
  }

  start(handlers: ConnectionHandlers): void {
    this.#lastReceived = this.#clock.now();
    this.#inbox.start(handlers);
    // What was sent before this thread ran, before all that it begins by itself: left to the event, a host that asked for results missed the first of them.
    process.nextTick(() => {
      for (let i = 0; i < mostEarly; i++) {
        const early = this.#earlier();
        if (early === undefined) return;
        this.#receive(early);
      }
    });
  }

  send(message: Message): boolean {
    if (this.#state !== 'open') return false;
    this.#packer.add(message);
    if (!this.#flushDue) {
      this.#flushDue = true;
      process.nextTick(() => this.#flush());
    }
    const { backlog } = this;
    if (backlog <= this.#limits.highWater) return true;
    this.#drainedOwed = true;
    if (backlog > this.#limits.queued)
      this.destroy(new MillraceError('ERR_SLOW_PEER', `the other side reads too slowly: ${backlog} bytes wait for it`));
    return false;
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
    this.#bodies = [];
    this.#post('end');
    this.#stopClose = this.#clock.after(this.#limits.closeTimeout, () => this.#over(null));
  }

  destroy(error?: MillraceError): void {
    if (this.#state === 'over') return;
    this.#inbox.drop();
    this.#over(error ?? new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was cut on this side'));
  }

  #earlier(): Parcel | undefined {
    return this.#state === 'over' ? undefined : receiveMessageOnPort(this.#port)?.message;
  }

  #receive(parcel: Parcel): void {
    if (this.#state === 'over') return;
    this.#lastReceived = this.#clock.now();
    if (parcel === 'ended') this.#over(null);
    else if (parcel === 'end') {
      this.#ended = true;
      if (this.#state === 'closing') this.#over(null);
      else this.#takeBodies();
    } else if (typeof parcel === 'number') this.#peerTook(parcel);
    else {
      this.#peerTook(parcel[1]);
      if (this.#state !== 'open') return;
      this.#bodies.push(parcel[0]);
      this.#takeBodies();
    }
  }

  #peerTook(bytes: number): void {
    this.#takenByPeer = bytes;
    if (!this.#drainedOwed || this.#state !== 'open' || this.backlog > this.#limits.lowWater) return;
    this.#drainedOwed = false;
    this.#inbox.drained();
  }

  #takeBodies(): void {
    while (this.#inbox.hungry && this.#bodies.length > 0) {
      const body = this.#bodies.shift()!;
      this.#taken += body.length;
      const decoded = this.#decoder.decode(body);
      if (decoded.kind === 'messages') this.#inbox.push(decoded.messages);
    }
    if (this.#state === 'open' && this.#taken - this.#told >= untold) {
      this.#told = this.#taken;
      this.#post(this.#taken);
    }
    if (!this.#ended || this.#bodies.length > 0 || !this.#inbox.hungry || this.#state !== 'open') return;
    this.#post('ended');
    this.#over(null);
  }

  #flush(): void {
    this.#flushDue = false;
    if (this.#state !== 'open') return;
    this.#lastSent = this.#clock.now();
    for (const { bytes, bodyAt } of this.#packer.take()) {
      const body = new Uint8Array(bytes.buffer, bytes.byteOffset + bodyAt, bytes.length - bodyAt);
      this.#sent += body.length;
      this.#told = this.#taken;
      // The packer's buffers are never pooled, so the whole of it may change hands.
      this.#port.postMessage([body, this.#taken] satisfies Parcel, [bytes.buffer as ArrayBuffer]);
    }
  }

  #post(parcel: number | 'end' | 'ended'): void {
    this.#port.postMessage(parcel);
  }

  #portClosed(): void {
    const orderly = this.#ended || this.#state === 'closing';
    if (!orderly) this.#inbox.drop();
    // What the peer sent before its end is still to be delivered, however late this side resumes.
    else if (this.#state === 'open') for (const body of this.#bodies.splice(0)) this.#pushHeld(body);
    this.#over(orderly ? null : new MillraceError('ERR_CONNECTION_CLOSED', 'the thread at the other end is gone'));
  }

  #pushHeld(body: Uint8Array): void {
    const decoded = this.#decoder.decode(body);
    if (decoded.kind === 'messages') this.#inbox.push(decoded.messages);
  }

  #over(error: MillraceError | null): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#stopClose?.();
    this.#port.close();
    // Never from within a call of the role.
    process.nextTick(() => this.#inbox.end(error));
  }
}
