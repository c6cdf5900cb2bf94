/**
 * The network of a simulation, with what a TCP stream may really do, and no more: a connection neither doubles nor reorders what is sent on it, nor loses
 * the middle of it. It delays; it ends at any byte, and then a tail of what was sent is lost, of which the sender knows nothing; its two ends learn of that
 * end at different times, so that what was on its way on an old connection may arrive after its sender has begun a new one; and in a silent partition, of one
 * direction or both, what is sent waits (as in the buffers of a socket) until it heals or the connection is given up. What comes twice was sent
 * twice, on two connections: bundles and results that were not acknowledged.
 */
import type { Message } from '../protocol/messages.ts';
import type { VirtualClock } from './clock.ts';
import type { Random } from './random.ts';

/** `up`: from a client or submitter to the server. */
export type Direction = 'up' | 'down';

export interface End {
  receive(link: Link, message: Message): void;
  closed(link: Link): void;
}

interface Lane {
  readonly queue: { message: Message | null; at: number }[];
  last: number;
  /** Nothing of it arrives before. */
  hold: number;
  scheduled: boolean;
}

export class Network {
  readonly clock: VirtualClock;
  /** Slowest delivery, ms. */
  readonly delay: number;
  /** Each delivery takes 1 ms. */
  readonly prompt: boolean;
  readonly links: Set<Link> = new Set();
  readonly #chance: (name: string) => Random;
  readonly #blocked: Map<string, Set<Direction>> = new Map();
  readonly #counts: Map<string, number> = new Map();

  constructor(clock: VirtualClock, chance: (name: string) => Random, delay: number, prompt: boolean = false) {
    this.clock = clock;
    this.#chance = chance;
    this.delay = delay;
    this.prompt = prompt;
  }

  connect(part: string, up: End, down: End): Link {
    const count = (this.#counts.get(part) ?? 0) + 1;
    this.#counts.set(part, count);
    const id = `${part}#${count}`;
    const link = new Link(this, id, part, this.#chance(`link ${id}`), up, down);
    this.links.add(link);
    return link;
  }

  /** Whether this is the last connection that its part has made. */
  isNewest({ id, part }: Link): boolean {
    return id === `${part}#${this.#counts.get(part)}`;
  }

  /** From now on nothing of this part gets through in these directions. */
  block(part: string, directions: readonly Direction[]): void {
    this.#blocked.set(part, new Set(directions));
  }

  heal(part: string): void {
    this.#blocked.delete(part);
    for (const link of this.links) if (link.part === part) link.healed();
  }

  isBlocked(part: string, direction: Direction): boolean {
    return this.#blocked.get(part)?.has(direction) ?? false;
  }

  reachable(part: string): boolean {
    return !this.#blocked.has(part);
  }
}

/** One connection. `up` is the end that dialled, `down` the server's. */
export class Link {
  readonly id: string;
  readonly part: string;
  readonly #network: Network;
  readonly #random: Random;
  readonly #ends: Record<Direction, End>;
  readonly #lanes: Record<Direction, Lane> = { up: emptyLane(), down: emptyLane() };
  /** Ends that are still open, by the direction in which they send. */
  readonly #open: Record<Direction, boolean> = { up: true, down: true };

  #broken = false;

  /** `dialler` receives what goes down, `server` what goes up. */
  constructor(network: Network, id: string, part: string, random: Random, dialler: End, server: End) {
    this.#network = network;
    this.#random = random;
    this.id = id;
    this.part = part;
    this.#ends = { up: server, down: dialler };
  }

  send(direction: Direction, message: Message): void {
    if (this.#open[direction] && !this.#broken) this.#queue(direction, message);
  }

  /** The end that sends in this direction closes: the other end learns of it after what is on its way. */
  close(direction: Direction): void {
    if (!this.#open[direction]) return;
    this.#open[direction] = false;
    this.#queue(direction, null);
    this.#tidy();
  }

  /**
   * The connection breaks: a part of what is on its way still arrives, the rest is lost, both ends learn of it. `late`: what goes in that direction, and the
   * news of the end, is so many ms longer on its way, while the other end may have begun a new connection.
   */
  cut(late: { readonly direction: Direction; readonly ms: number } | null = null): void {
    if (this.#broken) return;
    for (const direction of ['up', 'down'] as const) {
      const lane = this.#lanes[direction];
      lane.queue.splice(this.#random.below(lane.queue.length + 1));
      if (late?.direction === direction) lane.hold = this.#network.clock.now() + late.ms;
      this.#queue(direction, null);
    }
    this.#broken = true;
  }

  /** The process at this end is gone with its buffers. */
  drop(direction: Direction): void {
    const { queue } = this.#lanes[direction];
    queue.splice(this.#random.below(queue.length + 1));
    this.#open[direction] = false;
    this.#queue(direction, null);
    this.#tidy();
  }

  healed(): void {
    for (const direction of ['up', 'down'] as const) this.#schedule(direction);
  }

  #queue(direction: Direction, message: Message | null): void {
    const lane = this.#lanes[direction];
    const { clock, delay, prompt } = this.#network;
    lane.last = Math.max(lane.last, clock.now() + (prompt ? 1 : this.#random.next() ** 3 * delay));
    lane.queue.push({ message, at: lane.last });
    this.#schedule(direction);
  }

  #schedule(direction: Direction): void {
    const lane = this.#lanes[direction];
    const first = lane.queue[0];
    if (first === undefined || lane.scheduled || this.#network.isBlocked(this.part, direction)) return;
    lane.scheduled = true;
    this.#network.clock.after(Math.max(first.at, lane.hold) - this.#network.clock.now(), () => {
      lane.scheduled = false;
      if (lane.hold > this.#network.clock.now()) this.#schedule(direction);
      else if (!this.#network.isBlocked(this.part, direction)) this.#deliver(direction);
    });
  }

  #deliver(direction: Direction): void {
    const item = this.#lanes[direction].queue.shift();
    if (item === undefined) return;
    const receiver = direction === 'up' ? 'down' : 'up';
    if (item.message !== null) {
      if (this.#open[receiver]) this.#ends[direction].receive(this, item.message);
    } else if (this.#open[receiver]) {
      this.#open[receiver] = false;
      this.#ends[direction].closed(this);
      this.#tidy();
    }
    this.#schedule(direction);
  }

  #tidy(): void {
    if (!this.#open.up && !this.#open.down) this.#network.links.delete(this);
  }
}

function emptyLane(): Lane {
  return { queue: [], last: 0, hold: 0, scheduled: false };
}
