/**
 * Kinds of tasks and the units of limits that they share. Tasks of one *kind* need the same of a client and share the same limits. A *unit* is
 * one value of one limit: it counts its leases and its tokens; lanes that it stops are parked in it and come back when a lease ends or a
 * token is due, so what is stopped costs nothing.
 */
import type { LimitConfig } from '../../config/server-options.ts';
import type { QueueKey } from '../../store/store.ts';
import type { Demand } from './demand.ts';
import { Heap, type HeapItem } from './heap.ts';
import { before } from './order.ts';

export class LaneKind {
  /** As `task/lane.ts` writes it; null: needs nothing, shares nothing. */
  readonly text: string | null;
  readonly demand: Demand | null;
  readonly units: readonly LimitUnit[];
  /** Tasks and bytes of it in the window. */
  size = 0;
  weight = 0;
  /** It holds a part of the window of its own, up to a frontier of its own: see `window.ts`. */
  detached = false;
  frontier: QueueKey | null = null;
  /** The first of its tasks that was passed over and does not stand under its lane in the store; null: none is. */
  astray: QueueKey | null = null;

  constructor(text: string | null, demand: Demand | null, units: readonly LimitUnit[]) {
    this.text = text;
    this.demand = demand;
    this.units = units;
  }
}

/** The kind of tasks that need and share nothing. */
export const plainKind: LaneKind = new LaneKind(null, null, []);

/** A lane as its unit sees it: by its first task. */
export interface StoppedLane extends HeapItem, Readonly<QueueKey> {
  readonly kind: LaneKind;
  /** Back among the lanes that may be taken from. */
  unpark(): void;
}

/** Who holds leases. */
export interface Holder {
  /** Units all of whose leases it holds. */
  readonly units: Set<LimitUnit>;
  /** Leases of limited tasks. */
  limited: number;
}

export class LimitUnit implements HeapItem {
  readonly limit: LimitConfig;
  readonly value: string | number | boolean | null;
  readonly parked: Heap<StoppedLane> = new Heap<StoppedLane>(before);
  leases = 0;
  /** The client that holds all its leases; null: none does. */
  holder: Holder | null = null;
  /** Place among the units that wait for a token. */
  at = -1;
  readonly #burst: number;
  #tokens: number;
  #since: number;

  constructor(limit: LimitConfig, value: LimitUnit['value'], now: number) {
    this.limit = limit;
    this.value = value;
    // One second's worth may start at once.
    this.#burst = limit.rate === null ? Number.POSITIVE_INFINITY : Math.max(1, (limit.rate.starts * 1_000) / limit.rate.per);
    this.#tokens = this.#burst;
    this.#since = now;
  }

  /** Whether one more may be leased now. */
  room(now: number): boolean {
    return !this.full && this.due <= now;
  }

  get full(): boolean {
    return this.limit.concurrency !== null && this.leases >= this.limit.concurrency;
  }

  /** When its rate lets the next one start (monotonic, ms). */
  get due(): number {
    const { rate } = this.limit;
    // A millionth: sums of fractions must not miss the whole.
    if (rate === null || this.#tokens >= 1 - 1e-6) return Number.NEGATIVE_INFINITY;
    return this.#since + ((1 - this.#tokens) * rate.per) / rate.starts;
  }

  /** As if nothing of it had ever run. */
  idle(now: number): boolean {
    return this.leases === 0 && this.parked.size === 0 && (this.limit.rate === null || this.#available(now) >= this.#burst - 1e-6);
  }

  lease(client: Holder, now: number): void {
    if (this.leases === 0) {
      this.holder = client;
      client.units.add(this);
    } else if (this.holder !== client) this.#letGo();
    this.leases++;
    if (this.limit.rate === null) return;
    this.#tokens = this.#available(now) - 1;
    this.#since = now;
  }

  release(): void {
    if (--this.leases === 0) this.#letGo();
  }

  /** A lease ended that was never begun. */
  refund(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }

  #letGo(): void {
    this.holder?.units.delete(this);
    this.holder = null;
  }

  #available(now: number): number {
    const { rate } = this.limit;
    if (rate === null) return this.#tokens;
    return Math.min(this.#burst, this.#tokens + ((now - this.#since) * rate.starts) / rate.per);
  }
}
