/**
 * The network of a simulation: ordered, reliable connections until they are cut; random delays; silent partitions of a part, in one
 * direction or both, in which what is sent waits (as in a socket's buffers) until they heal or the connection is given up.
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
  scheduled: boolean;
}

export class Network {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Slowest delivery, ms. */
  readonly delay: number;
  readonly links: Set<Link> = new Set();
  readonly #blocked: Map<string, Set<Direction>> = new Map();
  #count = 0;

  constructor(clock: VirtualClock, random: Random, delay: number) {
    this.clock = clock;
    this.random = random;
    this.delay = delay;
  }

  connect(part: string, up: End, down: End): Link {
    const link = new Link(this, `${part}#${++this.#count}`, part, up, down);
    this.links.add(link);
    return link;
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
  readonly #ends: Record<Direction, End>;
  readonly #lanes: Record<Direction, Lane> = { up: emptyLane(), down: emptyLane() };
  /** Ends that are still open, by the direction in which they send. */
  readonly #open: Record<Direction, boolean> = { up: true, down: true };

  #broken = false;

  /** `dialler` receives what goes down, `server` what goes up. */
  constructor(network: Network, id: string, part: string, dialler: End, server: End) {
    this.#network = network;
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

  /** The connection breaks: a part of what is on its way still arrives, the rest is lost, both ends learn of it. */
  cut(): void {
    for (const direction of ['up', 'down'] as const) {
      const { queue } = this.#lanes[direction];
      queue.splice(this.#network.random.below(queue.length + 1));
      this.#queue(direction, null);
    }
    this.#broken = true;
  }

  /** The process at this end is gone with its buffers. */
  drop(direction: Direction): void {
    const { queue } = this.#lanes[direction];
    queue.splice(this.#network.random.below(queue.length + 1));
    this.#open[direction] = false;
    this.#queue(direction, null);
    this.#tidy();
  }

  healed(): void {
    for (const direction of ['up', 'down'] as const) this.#schedule(direction);
  }

  #queue(direction: Direction, message: Message | null): void {
    const lane = this.#lanes[direction];
    const { clock, random, delay } = this.#network;
    lane.last = Math.max(lane.last, clock.now() + random.next() ** 3 * delay);
    lane.queue.push({ message, at: lane.last });
    this.#schedule(direction);
  }

  #schedule(direction: Direction): void {
    const lane = this.#lanes[direction];
    const first = lane.queue[0];
    if (first === undefined || lane.scheduled || this.#network.isBlocked(this.part, direction)) return;
    lane.scheduled = true;
    this.#network.clock.after(first.at - this.#network.clock.now(), () => {
      lane.scheduled = false;
      if (!this.#network.isBlocked(this.part, direction)) this.#deliver(direction);
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
  return { queue: [], last: 0, scheduled: false };
}
