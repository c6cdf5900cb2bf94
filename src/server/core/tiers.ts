/**
 * The lanes of the ready window in queue order: a tier for each group and rank; in it the lanes that may be taken from, by their first
 * numbers, one heap for each demand (whether a client can hold a task is asked once a demand); lanes that a limit stops are in no heap of a tier.
 */
import type { Demand } from './demand.ts';
import type { CoreTask } from './entities.ts';
import { Heap } from './heap.ts';
import type { LaneKind, StoppedLane } from './kind.ts';
import { Lane } from './lane.ts';

/** Lanes of one demand that may be taken from. */
export interface Row {
  readonly name: string;
  readonly demand: Demand | null;
  /** Its tasks share limits. */
  readonly limited: boolean;
  readonly heap: Heap<Lane>;
  /** Lanes of it, those that a limit stops too. */
  lanes: number;
}

/** So many rows of a tier stay when they are empty: the next tasks will ask for the same. */
const mostEmptyRows = 16;

export class Tier {
  readonly group: number;
  readonly rank: number;
  readonly lanes: Map<LaneKind, Lane> = new Map();
  readonly rows: Row[] = [];
  size = 0;
  readonly #byDemand: Map<string, Row> = new Map();

  constructor(group: number, rank: number) {
    this.group = group;
    this.rank = rank;
  }

  lane(kind: LaneKind): Lane {
    let lane = this.lanes.get(kind);
    if (lane === undefined) {
      const row = this.#row(kind);
      row.lanes++;
      lane = new Lane(this.group, this.rank, kind, row.heap);
      this.lanes.set(kind, lane);
    }
    return lane;
  }

  /** A lane is empty. Demands may be without number: a row without lanes goes too. */
  drop(kind: LaneKind): void {
    this.lanes.delete(kind);
    const row = this.#row(kind);
    if (--row.lanes > 0 || this.rows.length <= mostEmptyRows) return;
    this.#byDemand.delete(row.name);
    this.rows.splice(this.rows.indexOf(row), 1);
  }

  /** Where a lane of this kind stands while no limit stops it. */
  #row(kind: LaneKind): Row {
    const limited = kind.units.length > 0;
    const name = `${limited ? 'limited' : ''} ${kind.demand?.signature ?? ''}`;
    let row = this.#byDemand.get(name);
    if (row === undefined) {
      row = { name, demand: kind.demand, limited, heap: new Heap((a, b) => a.n < b.n), lanes: 0 };
      this.#byDemand.set(name, row);
      this.rows.push(row);
    }
    return row;
  }
}

export class Tiers {
  readonly #tiers: Tier[] = [];
  size = 0;
  weight = 0;
  /** Of these: what belongs to detached kinds. */
  detachedSize = 0;
  detachedWeight = 0;

  get all(): readonly Tier[] {
    return this.#tiers;
  }

  /** Those of a group, in order. */
  of(group: number): Tier[] {
    const from = this.#place(group, Number.NEGATIVE_INFINITY);
    let to = from;
    while (this.#tiers[to]?.group === group) to++;
    return this.#tiers.slice(from, to);
  }

  insert(task: CoreTask, kind: LaneKind): void {
    task.kind = kind;
    const tier = this.#tier(task);
    const lane = tier.lane(kind);
    const first = lane.add(task);
    this.#count(tier, kind, 1, task.weight);
    if (first) lane.moved();
  }

  /** Take out one that stands in the middle; false: it is not here. */
  remove(task: CoreTask): boolean {
    const tier = this.#tiers[this.#place(task.group, task.rank)];
    const lane = tier?.group === task.group && tier.rank === task.rank ? tier.lanes.get(task.kind) : undefined;
    if (tier === undefined || lane === undefined || lane.size === 0) return false;
    const { n } = lane;
    if (!lane.remove(task)) return false;
    this.#took(tier, lane, 1, task.weight);
    if (n === task.n && lane.size > 0) lane.moved();
    return true;
  }

  /** The same task of the same kind in another object, where it stands; false: it is not here. */
  swap(task: CoreTask, other: CoreTask): boolean {
    const { kind } = task;
    const tier = this.#tiers[this.#place(task.group, task.rank)];
    const lane = tier?.group === task.group && tier.rank === task.rank ? tier.lanes.get(kind) : undefined;
    if (tier === undefined || lane === undefined || !lane.swap(task, other)) return false;
    other.kind = kind;
    this.#count(tier, kind, 0, other.weight - task.weight);
    return true;
  }

  /** Take the first tasks of a lane, as long as `takes` says so; its place among the others is not yet new: call `moved` then. */
  drain(lane: Lane, takes: (task: CoreTask) => boolean): void {
    let tasks = 0;
    let weight = 0;
    for (let task = lane.first; task !== undefined && takes(task); task = lane.first) {
      lane.shift();
      tasks++;
      weight += task.weight;
    }
    this.#count(this.#of(lane), lane.kind, -tasks, -weight);
  }

  /** Tasks were shifted from a lane: it has a new first task, or none. */
  moved(lane: Lane): void {
    if (lane.size === 0) this.#drop(this.#of(lane), lane);
    else lane.moved();
  }

  pop(lane: Lane): CoreTask {
    const task = lane.pop();
    this.#took(this.#of(lane), lane, 1, task.weight);
    return task;
  }

  /** The lane that its unit sees. */
  lane({ group, rank, kind }: StoppedLane): Lane {
    return this.#tiers[this.#place(group, rank)]!.lanes.get(kind)!;
  }

  /** The lanes of a kind, last first. */
  lanesOf(kind: LaneKind): Lane[] {
    const lanes: Lane[] = [];
    for (let i = this.#tiers.length - 1; i >= 0; i--) {
      const lane = this.#tiers[i]!.lanes.get(kind);
      if (lane !== undefined) lanes.push(lane);
    }
    return lanes;
  }

  /** The last task of the window. */
  get last(): CoreTask | null {
    let last: CoreTask | null = null;
    for (const lane of this.#tiers[this.#tiers.length - 1]?.lanes.values() ?? []) {
      if (last === null || lane.last!.n > last.n) last = lane.last!;
    }
    return last;
  }

  /** A kind holds a part of its own from now on, or no longer. */
  setDetached(kind: LaneKind, detached: boolean): void {
    if (kind.detached === detached) return;
    kind.detached = detached;
    this.detachedSize += detached ? kind.size : -kind.size;
    this.detachedWeight += detached ? kind.weight : -kind.weight;
  }

  *[Symbol.iterator](): Iterator<CoreTask> {
    for (const tier of this.#tiers) for (const lane of tier.lanes.values()) yield* lane;
  }

  /** What is wrong with the indexes; for tests. */
  *problems(): Iterable<string> {
    let size = 0;
    for (const { group, rank, lanes, rows, size: held } of this.#tiers) {
      const place = `group ${group}, rank ${rank}`;
      const open = new Set(rows.flatMap(({ heap }) => [...heap]));
      let inLanes = 0;
      for (const [kind, lane] of lanes) {
        inLanes += lane.size;
        if (lane.kind !== kind || lane.size === 0) yield `${place} has an empty lane, or that of another kind: ${kind.text}`;
        if (open.has(lane) === kind.units.some(({ parked }) => parked.has(lane))) yield `lane ${kind.text} of ${place} is not in one heap`;
      }
      if (rows.reduce((sum, row) => sum + row.lanes, 0) !== lanes.size) yield `${place} has rows of other lanes than its own`;
      for (const lane of open) if (lanes.get(lane.kind) !== lane) yield `${place} offers a lane that it does not have: ${lane.kind.text}`;
      if (inLanes !== held || held === 0) yield `${place} counts ${held} tasks but holds ${inLanes}`;
      size += inLanes;
    }
    if (size !== this.size) yield `the window counts ${this.size} tasks but holds ${size}`;
  }

  #of(lane: Lane): Tier {
    return this.#tiers[this.#place(lane.group, lane.rank)]!;
  }

  #tier({ group, rank }: CoreTask): Tier {
    const at = this.#place(group, rank);
    const found = this.#tiers[at];
    if (found !== undefined && found.group === group && found.rank === rank) return found;
    const tier = new Tier(group, rank);
    this.#tiers.splice(at, 0, tier);
    return tier;
  }

  #took(tier: Tier, lane: Lane, tasks: number, weight: number): void {
    this.#count(tier, lane.kind, -tasks, -weight);
    if (lane.size === 0) this.#drop(tier, lane);
  }

  #count(tier: Tier, kind: LaneKind, tasks: number, weight: number): void {
    tier.size += tasks;
    kind.size += tasks;
    kind.weight += weight;
    this.size += tasks;
    this.weight += weight;
    if (!kind.detached) return;
    this.detachedSize += tasks;
    this.detachedWeight += weight;
  }

  #drop(tier: Tier, lane: Lane): void {
    lane.moved();
    tier.drop(lane.kind);
    if (tier.size === 0) this.#tiers.splice(this.#tiers.indexOf(tier), 1);
  }

  /** The place of a tier, or where it is to be inserted. */
  #place(group: number, rank: number): number {
    let low = 0;
    let high = this.#tiers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const tier = this.#tiers[middle]!;
      if (tier.group < group || (tier.group === group && tier.rank < rank)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
