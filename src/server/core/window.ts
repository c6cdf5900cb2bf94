/**
 * The ready window: the part of the queue that is held in memory, in queue order (group, rank, number).
 *
 * Invariant: with a frontier F, every ready task up to F is in the window (or leased) and every ready task after F is in the store
 * only; without one, all ready tasks are here. So a queue of millions costs the memory of some thousands, and the
 * store is asked (`refill`) only for what follows F. Tasks that need the same resources queue in one lane: whether
 * a client can hold them is asked once a lane, not once a task.
 */
import type { QueueKey } from '../../store/store.ts';
import type { CoreTask, Demand } from './entities.ts';
import { before } from './order.ts';

interface Lane {
  readonly group: number;
  readonly rank: number;
  readonly demand: Demand | null;
  items: CoreTask[];
  head: number;
}

export interface WindowLimits {
  /** Tasks in memory before further ones stay in the store. */
  tasks: number;
  /** Estimated bytes likewise. */
  bytes: number;
}

export class ReadyWindow {
  readonly #lanes: Lane[] = [];
  readonly #limits: WindowLimits;
  #size = 0;
  #weight = 0;
  #frontier: QueueKey | null = null;
  #stored: number;
  /** What came to stand beyond the frontier since the store was asked: its answer may lack it. Null: nothing was asked. */
  #late: CoreTask[] | null = null;

  /** `stored`: ready tasks that only the store knows. */
  constructor(limits: WindowLimits, stored: number) {
    this.#limits = limits;
    this.#stored = stored;
    if (stored > 0) this.#frontier = { group: Number.NEGATIVE_INFINITY, rank: 0, n: 0 };
  }

  /** Ready tasks in memory. */
  get size(): number {
    return this.#size;
  }

  /** Ready tasks in memory and in the store. */
  get total(): number {
    return this.#size + this.#stored;
  }

  get stored(): number {
    return this.#stored;
  }

  /** Take in a ready task; false: it stays in the store only. */
  add(task: CoreTask): boolean {
    if (this.#frontier === null && (this.#size >= this.#limits.tasks || this.#weight >= this.#limits.bytes)) {
      const last = this.#last();
      if (last !== null) this.#frontier = keyOf(last);
    }
    if (this.#frontier !== null && before(this.#frontier, task)) {
      this.#stored++;
      this.#late?.push(task);
      return false;
    }
    this.#insert(task);
    return true;
  }

  /** Leave a ready task to the store without making anything of it, if it stands beyond the frontier: most of a long queue does. */
  leaves(key: QueueKey): boolean {
    if (this.#late !== null || this.covers(key)) return false;
    this.#stored++;
    return true;
  }

  /** Let go of the tail when tasks that go first have made the window twice as large as it should be; the tasks that stay in the store only. */
  spill(): CoreTask[] {
    const spilled: CoreTask[] = [];
    const { tasks, bytes } = this.#limits;
    if (this.#late !== null || (this.#size <= tasks * 2 && this.#weight <= bytes * 2)) return spilled;
    while (this.#size > 1 && (this.#size > tasks || this.#weight > bytes)) {
      const lane = this.#lastLane()!;
      const task = lane.items.pop()!;
      this.#size--;
      this.#weight -= task.weight;
      this.#stored++;
      if (lane.head === lane.items.length) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
      spilled.push(task);
    }
    this.#frontier = keyOf(this.#last()!);
    return spilled;
  }

  /** What to ask the store for, when the window runs low; null: nothing, or it was asked and has not answered. */
  refill(): { after: QueueKey | null; limit: number } | null {
    if (this.#stored === 0 || this.#late !== null) return null;
    if (this.#size > this.#limits.tasks / 2 || this.#weight > this.#limits.bytes / 2) return null;
    this.#late = [];
    const after = this.#frontier;
    return { after: after !== null && Number.isFinite(after.group) ? after : null, limit: Math.max(1, this.#limits.tasks - this.#size) };
  }

  /** The store's answer, in queue order, none of it in memory; returns what came meanwhile and belongs before its end. */
  refilled(tasks: readonly CoreTask[]): CoreTask[] {
    const late = this.#late ?? [];
    this.#late = null;
    for (const task of tasks) this.#insert(task);
    this.#stored = Math.max(0, this.#stored - tasks.length);
    const last = tasks[tasks.length - 1];
    const numbers = late.length === 0 ? null : new Set(tasks.map(({ n }) => n));
    const missed = late.filter((task) => !numbers?.has(task.n) && (last === undefined || before(task, last)));
    for (const task of missed) this.#insert(task);
    this.#stored = last === undefined ? 0 : Math.max(0, this.#stored - missed.length);
    this.#frontier = this.#stored === 0 || last === undefined ? null : keyOf(last);
    return missed;
  }

  /** Ready tasks that only the store knew have ended (cancelled). */
  forgetStored(numbers: ReadonlySet<number>): void {
    if (numbers.size === 0) return;
    this.#stored = Math.max(0, this.#stored - numbers.size);
    this.#late = this.#late?.filter(({ n }) => !numbers.has(n)) ?? null;
    if (this.#stored === 0) this.#frontier = null;
  }

  /** No task of this group waits in the store only: what a client could not take of the window, nobody free can hold. */
  exhausted(group: number): boolean {
    return this.#stored === 0 || (this.#frontier !== null && this.#frontier.group > group);
  }

  /** Whether a ready task with this key would be in memory. */
  covers(key: QueueKey): boolean {
    return this.#frontier === null || !before(this.#frontier, key);
  }

  /**
   * Take the next tasks of `group` that `fits`, all of the same attempt (a grant has one attempt number), at most `limit` and `bytes`, or a
   * single one that is larger.
   */
  take(group: number, fits: (demand: Demand | null) => boolean, limit: number, bytes: number): CoreTask[] {
    let best: Lane | null = null;
    let until = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      if (lane.group > group || (best !== null && lane.rank > best.rank)) break;
      const first = lane.items[lane.head];
      if (lane.group < group || first === undefined || !fits(lane.demand)) continue;
      const rival = best?.items[best.head]?.n ?? Number.POSITIVE_INFINITY;
      if (first.n < rival) {
        until = rival;
        best = lane;
      } else if (first.n < until) until = first.n;
    }
    const taken: CoreTask[] = [];
    if (best === null) return taken;
    const attempts = best.items[best.head]!.attempts;
    let weight = 0;
    while (taken.length < limit) {
      const task: CoreTask | undefined = best.items[best.head];
      if (task === undefined || task.attempts !== attempts || task.n > until) break;
      if (weight > 0 && weight + task.weight > bytes) break;
      best.items[best.head++] = undefined as unknown as CoreTask;
      weight += task.weight;
      taken.push(task);
    }
    this.#size -= taken.length;
    this.#weight -= weight;
    if (best.head === best.items.length) {
      this.#lanes.splice(this.#lanes.indexOf(best), 1);
    } else if (best.head > 1024 && best.head * 2 > best.items.length) {
      best.items = best.items.slice(best.head);
      best.head = 0;
    }
    return taken;
  }

  /** Take one out of the middle (cancelled). */
  remove(task: CoreTask): void {
    const lane = this.#lanes[this.#find(task)];
    if (lane === undefined) return;
    const at = placeIn(lane, task.n);
    if (lane.items[at] !== task) return;
    if (at === lane.head) lane.items[lane.head++] = undefined as unknown as CoreTask;
    else lane.items.splice(at, 1);
    this.#size--;
    this.#weight -= task.weight;
    if (lane.head === lane.items.length) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
  }

  /** The demands that stand in the window, one for each lane of the group. */
  *demands(group: number): Iterable<Demand | null> {
    for (const lane of this.#lanes) if (lane.group === group) yield lane.demand;
  }

  *[Symbol.iterator](): Iterator<CoreTask> {
    for (const lane of this.#lanes) for (let i = lane.head; i < lane.items.length; i++) yield lane.items[i]!;
  }

  #insert(task: CoreTask): void {
    let at = this.#find(task);
    let lane = this.#lanes[at];
    if (lane === undefined || compareLane(lane, task) !== 0) {
      lane = { group: task.group, rank: task.rank, demand: task.demand, items: [], head: 0 };
      at = this.#lanes.findIndex((other) => compareLane(other, task) > 0);
      this.#lanes.splice(at < 0 ? this.#lanes.length : at, 0, lane);
    }
    const { items } = lane;
    this.#size++;
    this.#weight += task.weight;
    if (lane.head === items.length || items[items.length - 1]!.n < task.n) {
      items.push(task);
    } else if (task.n < items[lane.head]!.n && lane.head > 0) {
      items[--lane.head] = task;
    } else {
      items.splice(placeIn(lane, task.n), 0, task);
    }
  }

  /** The place of the task's lane, or where to look further: lanes are few. */
  #find(task: CoreTask): number {
    for (let i = 0; i < this.#lanes.length; i++) if (compareLane(this.#lanes[i]!, task) === 0) return i;
    return -1;
  }

  #last(): CoreTask | null {
    const lane = this.#lastLane();
    return lane === null ? null : lane.items[lane.items.length - 1]!;
  }

  /** The lane that holds the last task of the window. */
  #lastLane(): Lane | null {
    let last: Lane | null = null;
    for (let i = this.#lanes.length - 1; i >= 0; i--) {
      const lane = this.#lanes[i]!;
      if (last !== null && (lane.group !== last.group || lane.rank !== last.rank)) break;
      if (last === null || last.items[last.items.length - 1]!.n < lane.items[lane.items.length - 1]!.n) last = lane;
    }
    return last;
  }
}

function keyOf({ group, rank, n }: QueueKey): QueueKey {
  return { group, rank, n };
}

/** Where number `n` stands in a lane, or is to be inserted. */
function placeIn(lane: Lane, n: number): number {
  let low = lane.head;
  let high = lane.items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lane.items[middle]!.n < n) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareLane(lane: Lane, task: CoreTask): number {
  if (lane.group !== task.group) return lane.group - task.group;
  if (lane.rank !== task.rank) return lane.rank - task.rank;
  const a = lane.demand?.signature ?? '';
  const b = task.demand?.signature ?? '';
  return a < b ? -1 : a > b ? 1 : 0;
}
