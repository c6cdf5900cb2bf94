/**
 * Limits on tasks that share the value of a tag: so many leases at a time, so many leases in a time. Here is known which kinds and units there
 * are, and which of those that stop lanes may have room again.
 *
 * `concurrency` counts leases over all clients. Where one client holds all leases of a unit it may get more of them than may run (a chain): it
 * begins at most `concurrency` of them at a time, which saves a round trip for each task. Only `concurrency` 1, or a single client, chains: with
 * more, a second client could run what the first one only holds.
 */
import type { LimitConfig } from '../../config/server-options.ts';
import type { ChainLimit } from '../../protocol/messages.ts';
import { laneOf } from '../../task/lane.ts';
import type { TaskAttributes } from '../../task/task.ts';
import { demandOf } from './demand.ts';
import { Heap } from './heap.ts';
import { type Holder, LaneKind, LimitUnit, plainKind } from './kind.ts';
import type { Lane } from './lane.ts';

/** Kinds are looked through for unused ones when they have doubled, but not below this number. */
const leastSweep = 4_096;

/** What clients must keep of these limits; absent: nothing. */
export function chainLimits(configs: readonly LimitConfig[]): { limits?: ChainLimit[] } {
  const limits = configs.flatMap(({ key, concurrency }): ChainLimit[] => (concurrency === null ? [] : [[key, concurrency]]));
  return limits.length === 0 ? {} : { limits };
}

export class Limits {
  readonly keys: readonly string[];
  readonly #configs: readonly LimitConfig[];
  readonly #units: Map<string, LimitUnit>[];
  readonly #kinds: Map<string, LaneKind> = new Map();
  /** Units with parked lanes that may have room again. */
  readonly #open: Set<LimitUnit> = new Set();
  /** Units with parked lanes that wait for a token. */
  readonly #timed: Heap<LimitUnit> = new Heap((a, b) => a.due < b.due);
  /** Holders of units of which, or of whose lanes, something changed. */
  #stirred: Set<Holder> = new Set();
  #sweepAt = leastSweep;

  constructor(configs: readonly LimitConfig[]) {
    this.#configs = configs;
    this.keys = configs.map(({ key }) => key);
    this.#units = configs.map(() => new Map());
  }

  /** The kind of a task with these attributes, under the limits of now. */
  kindOf(attributes: TaskAttributes | null, now: number): LaneKind {
    const text = laneOf(attributes, this.keys);
    if (text === null) return plainKind;
    let kind = this.#kinds.get(text);
    if (kind === undefined) {
      if (this.#kinds.size >= this.#sweepAt) this.#sweep(now);
      kind = new LaneKind(text, demandOf(attributes), this.unitsOf(attributes, now));
      this.#kinds.set(text, kind);
    }
    return kind;
  }

  kind(text: string): LaneKind | undefined {
    return this.#kinds.get(text);
  }

  /** What limits such a task. */
  unitsOf(attributes: TaskAttributes | null, now: number): LimitUnit[] {
    const units: LimitUnit[] = [];
    this.#configs.forEach((config, i) => {
      const value = attributes?.tags?.[config.key];
      if (value === undefined) return;
      const name = JSON.stringify(value);
      let unit = this.#units[i]!.get(name);
      if (unit === undefined) {
        unit = new LimitUnit(config, value, now);
        this.#units[i]!.set(name, unit);
      }
      units.push(unit);
    });
    return units;
  }

  lease(kind: LaneKind, client: Holder, now: number): void {
    client.limited++;
    for (const unit of kind.units) unit.lease(client, now);
  }

  /** A lease of such a task ended, however. */
  release(kind: LaneKind, client: Holder): void {
    client.limited--;
    for (const unit of kind.units) {
      unit.release();
      if (unit.parked.size > 0 && !unit.full) this.#open.add(unit);
    }
  }

  refund(kind: LaneKind): void {
    for (const unit of kind.units) {
      unit.refund();
      if (this.#timed.has(unit)) this.#timed.moved(unit);
      if (unit.parked.size > 0) this.#open.add(unit);
    }
  }

  /** The unit that stops tasks of this kind now; null: none does. */
  stops(kind: LaneKind, now: number): LimitUnit | null {
    for (const unit of kind.units) if (!unit.room(now)) return unit;
    return null;
  }

  /** A unit stops a lane: it leaves those that may be taken from. */
  park(lane: Lane, unit: LimitUnit): void {
    lane.park(unit);
    this.#open.delete(unit);
    if (unit.holder !== null) this.#stirred.add(unit.holder);
    // What waits for a lease to end too is looked at when one does.
    if (!unit.full && !this.#timed.has(unit)) this.#timed.push(unit);
  }

  /** Something of who may hold units has changed. */
  stir(holder: Holder): void {
    if (holder.units.size > 0) this.#stirred.add(holder);
  }

  /** The holders of which, or of whose units, something has changed since they were asked for. */
  stirred(): Iterable<Holder> {
    const stirred = this.#stirred;
    if (stirred.size > 0) this.#stirred = new Set();
    return stirred;
  }

  /** Let lanes go whose unit has room again, some of each: a unit of thousands of lanes must not move them all for each of its leases. False: there is none. */
  reopen(now: number): boolean {
    let reopened = false;
    for (let unit = this.#timed.first; unit !== undefined && unit.due <= now; unit = this.#timed.first) {
      this.#timed.remove(unit);
      if (unit.parked.size > 0) this.#open.add(unit);
    }
    for (const unit of this.#open) {
      for (let left = 64; left > 0 && unit.parked.size > 0; left--) {
        unit.parked.first!.unpark();
        reopened = true;
      }
      if (unit.parked.size === 0) this.#open.delete(unit);
    }
    return reopened;
  }

  /** When the next token is due that a lane waits for. */
  get due(): number {
    for (let unit = this.#timed.first; unit !== undefined; unit = this.#timed.first) {
      if (unit.parked.size > 0 && !unit.full) return unit.due;
      this.#timed.remove(unit);
    }
    return Number.POSITIVE_INFINITY;
  }

  *units(): Iterable<LimitUnit> {
    for (const units of this.#units) yield* units.values();
  }

  /** Whether the unit's lanes will be looked at again without a lease that ends; for tests. */
  watches(unit: LimitUnit): boolean {
    return this.#open.has(unit) || this.#timed.has(unit);
  }

  /** Forget kinds and units that nothing is known of: values of tags may be without number. */
  #sweep(now: number): void {
    for (const [text, kind] of this.#kinds)
      if (kind.size === 0 && !kind.detached && kind.units.every((unit) => unit.idle(now))) this.#kinds.delete(text);
    const used = new Set<LimitUnit>();
    for (const kind of this.#kinds.values()) for (const unit of kind.units) used.add(unit);
    for (const units of this.#units) for (const [name, unit] of units) if (!used.has(unit)) units.delete(name);
    this.#sweepAt = Math.max(leastSweep, this.#kinds.size * 2);
  }
}
