/**
 * Two connected ends in one process, and hands on what is between them: messages can be held, dropped, reordered, delivered one by one,
 * and the link can be cut. For tests and the simulation. Messages are copied through the codec, so that no end sees the other's
 * objects, and what the wire would refuse is refused here too.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { FrameDecoder, FramePacker } from '../protocol/codec.ts';
import { type Limits, limitsWith } from '../protocol/limits.ts';
import type { Message, PeerInfo } from '../protocol/messages.ts';
import type { Connection, ConnectionHandlers } from './connection.ts';
import { Inbox } from './inbox.ts';

export interface MemoryLinkOptions {
  readonly left: PeerInfo;
  readonly right: PeerInfo;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** `auto`: at the end of the tick, as the other carriers. `manual`: only by `deliver`. Default `auto`. */
  readonly delivery?: 'auto' | 'manual';
  /** False: the receiver gets the sender's own objects, at no cost. Default true. */
  readonly copy?: boolean;
}

/** What lies between the ends in one direction. */
export interface MemoryLane {
  /** Messages on their way. */
  readonly queued: readonly Message[];
  /** Hold everything back until `release`. */
  fence(): void;
  release(): void;
  /** Deliver up to so many messages, as far as the receiver takes them; returns how many. Works through a fence. */
  deliver(most?: number): number;
  /** Lose what the test picks; returns how many. No carrier does this; it is for rules that must hold in spite of it. */
  drop(which: (message: Message, place: number) => boolean): number;
  /** Put what is on its way into another order. */
  reorder(arrange: (messages: readonly Message[]) => readonly Message[]): void;
}

export interface MemoryLink {
  readonly left: Connection;
  readonly right: Connection;
  readonly toLeft: MemoryLane;
  readonly toRight: MemoryLane;
  /** Both ends lose the connection at once, with all that is on its way. */
  cut(): void;
}

interface Parcel {
  readonly message: Message;
  readonly size: number;
}

/** What an uncopied message counts as, in bytes. */
const nominalSize = 64;

/** One end. States as in the other carriers: *open*, *closing* (its last parcels travel), *over*. */
class MemoryEnd implements Connection, MemoryLane {
  readonly id: string = newId();
  readonly peer: PeerInfo;
  readonly inbox: Inbox;
  other!: MemoryEnd;
  state: 'open' | 'closing' | 'over' = 'open';
  /** On their way to this end. */
  parcels: Parcel[] = [];
  waiting = 0;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #auto: boolean;
  readonly #packer: FramePacker | null;
  readonly #decoder: FrameDecoder;
  #fenced = false;
  #due = false;
  #drainedOwed = false;
  #lastReceived: number;
  #lastSent = 0;
  #stopClose: (() => void) | null = null;

  constructor(peer: PeerInfo, options: MemoryLinkOptions, limits: Limits) {
    this.peer = peer;
    this.#limits = limits;
    this.#clock = options.clock ?? systemClock;
    this.#auto = options.delivery !== 'manual';
    this.#packer = options.copy === false ? null : new FramePacker(limits);
    this.#decoder = new FrameDecoder(limits);
    this.#lastReceived = this.#clock.now();
    this.inbox = new Inbox(() => this.schedule());
  }

  // ---- Connection ------------------------------------------------------------------------------------------------------

  get lastReceived(): number {
    return this.inbox.paused && this.state === 'open' ? this.#clock.now() : this.#lastReceived;
  }

  /** When `send` last took a message; heartbeats are only due after silence. */
  get lastSent(): number {
    return this.#lastSent;
  }

  get backlog(): number {
    return this.other.waiting;
  }

  start(handlers: ConnectionHandlers): void {
    this.#lastReceived = this.#clock.now();
    this.inbox.start(handlers);
    this.schedule();
  }

  send(message: Message): boolean {
    if (this.state !== 'open') return false;
    const parcel = this.#copy(message);
    this.#lastSent = this.#clock.now();
    this.other.parcels.push(parcel);
    this.other.waiting += parcel.size;
    this.other.schedule();
    if (this.backlog <= this.#limits.highWater) return true;
    this.#drainedOwed = true;
    if (this.backlog > this.#limits.queued)
      this.destroy(new MillraceError('ERR_SLOW_PEER', `the other side reads too slowly: ${this.backlog} bytes wait for it`));
    return false;
  }

  pause(): void {
    this.inbox.pause();
  }

  resume(): void {
    if (this.inbox.paused) this.#lastReceived = this.#clock.now();
    this.inbox.resume();
  }

  close(): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.inbox.drop();
    this.parcels = [];
    this.waiting = 0;
    this.#stopClose = this.#clock.after(this.#limits.closeTimeout, () => this.#farewell(), { unref: true });
    this.other.schedule();
  }

  destroy(error?: MillraceError): void {
    if (this.state === 'over') return;
    const { other } = this;
    this.finish(error ?? new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was cut on this side'));
    other.finish(new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was lost'));
  }

  // ---- MemoryLane -----------------------------------------------------------------------------------------------------

  get queued(): readonly Message[] {
    return this.parcels.map(({ message }) => message);
  }

  fence(): void {
    this.#fenced = true;
  }

  release(): void {
    this.#fenced = false;
    this.schedule();
  }

  deliver(most: number = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    while (delivered < most && this.parcels.length > 0 && this.inbox.hungry && this.state === 'open') {
      const batch = this.parcels.splice(0, Math.min(most - delivered, this.parcels.length));
      for (const { size } of batch) this.waiting -= size;
      delivered += batch.length;
      this.#lastReceived = this.#clock.now();
      this.inbox.push(batch.map(({ message }) => message));
    }
    this.other.tellDrained();
    if (this.parcels.length === 0 && this.other.state === 'closing' && this.inbox.hungry) this.other.#farewell();
    return delivered;
  }

  drop(which: (message: Message, place: number) => boolean): number {
    const before = this.parcels.length;
    this.#replace(this.parcels.filter(({ message }, place) => !which(message, place)));
    return before - this.parcels.length;
  }

  reorder(arrange: (messages: readonly Message[]) => readonly Message[]): void {
    const parcels = new Map(this.parcels.map((parcel) => [parcel.message, parcel]));
    this.#replace(arrange(this.queued).map((message) => parcels.get(message) ?? { message, size: nominalSize }));
  }

  // ---- inside ---------------------------------------------------------------------------------------------------------------

  schedule(): void {
    if (!this.#auto || this.#fenced || this.#due) return;
    this.#due = true;
    process.nextTick(() => {
      this.#due = false;
      if (!this.#fenced) this.deliver();
    });
  }

  tellDrained(): void {
    if (!this.#drainedOwed || this.state !== 'open' || this.backlog > this.#limits.lowWater) return;
    this.#drainedOwed = false;
    this.inbox.drained();
  }

  finish(error: MillraceError | null): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.#stopClose?.();
    this.parcels = [];
    this.waiting = 0;
    if (error !== null) this.inbox.drop();
    // Never from within a call of the role.
    process.nextTick(() => this.inbox.end(error));
  }

  /** This end closed: the other has got, or at least now holds, all that was sent; both are over. */
  #farewell(): void {
    if (this.state !== 'closing') return;
    const { other } = this;
    other.inbox.push(other.queued);
    other.finish(null);
    this.finish(null);
  }

  #copy(message: Message): Parcel {
    if (this.#packer === null) return { message, size: nominalSize };
    this.#packer.add(message);
    const { bytes, bodyAt } = this.#packer.take()[0]!;
    const decoded = this.#decoder.decode(bytes.subarray(bodyAt));
    if (decoded.kind !== 'messages') throw new MillraceError('ERR_INTERNAL', 'a message became the end of a connection');
    return { message: decoded.messages[0]!, size: bytes.length };
  }

  #replace(parcels: Parcel[]): void {
    this.parcels = parcels;
    this.waiting = parcels.reduce((sum, { size }) => sum + size, 0);
  }
}

/** Two ends; `left` is what the left end says of itself, so the right end's `peer`. */
export function memoryLink(options: MemoryLinkOptions): MemoryLink {
  const limits = limitsWith(options.limits);
  const left = new MemoryEnd(options.right, options, limits);
  const right = new MemoryEnd(options.left, options, limits);
  left.other = right;
  right.other = left;
  return { left, right, toLeft: left, toRight: right, cut: () => cut(left, right) };
}

function cut(left: MemoryEnd, right: MemoryEnd): void {
  left.finish(new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was lost'));
  right.finish(new MillraceError('ERR_CONNECTION_CLOSED', 'the connection was lost'));
}
