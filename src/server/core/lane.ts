/**
 * A lane of the ready window: its tasks of one kind, group and rank, by number. Whether a client can hold them and whether a limit lets them go is
 * asked once a lane, not once a task.
 */
import type { CoreTask } from './entities.ts';
import type { Heap } from './heap.ts';
import type { LaneKind, LimitUnit, StoppedLane } from './kind.ts';

export class Lane implements StoppedLane {
  readonly group: number;
  readonly rank: number;
  readonly kind: LaneKind;
  #items: CoreTask[] = [];
  #head = 0;
  /** The lanes of its demand that may be taken from. */
  readonly #open: Heap<Lane>;
  /** The unit that stops it, in whose heap it then is; null: none. */
  #unit: LimitUnit | null = null;
  at = -1;

  constructor(group: number, rank: number, kind: LaneKind, open: Heap<Lane>) {
    this.group = group;
    this.rank = rank;
    this.kind = kind;
    this.#open = open;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The number of its first task. */
  get n(): number {
    return this.#items[this.#head]!.n;
  }

  get first(): CoreTask | undefined {
    return this.#items[this.#head];
  }

  get last(): CoreTask | undefined {
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  /** Its first task is another one, or its first at all, or there is none any more. */
  moved(): void {
    if (this.size === 0) this.#leave();
    else if (this.at < 0) this.#open.push(this);
    else if (this.#unit !== null) this.#unit.parked.moved(this);
    else this.#open.moved(this);
  }

  park(unit: LimitUnit): void {
    this.#leave();
    this.#unit = unit;
    unit.parked.push(this);
  }

  unpark(): void {
    this.#leave();
    this.#open.push(this);
  }

  #leave(): void {
    if (this.at >= 0) {
      if (this.#unit !== null) this.#unit.parked.remove(this);
      else this.#open.remove(this);
    }
    this.#unit = null;
  }

  /** True: it has a new first task. */
  add(task: CoreTask): boolean {
    const items = this.#items;
    if (this.#head === items.length || items[items.length - 1]!.n < task.n) items.push(task);
    else if (task.n < items[this.#head]!.n && this.#head > 0) items[--this.#head] = task;
    else items.splice(this.#place(task.n), 0, task);
    return items[this.#head] === task;
  }

  shift(): CoreTask {
    const task = this.#items[this.#head]!;
    this.#items[this.#head++] = undefined as unknown as CoreTask;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return task;
  }

  pop(): CoreTask {
    return this.#items.pop()!;
  }

  /** Take one out of the middle; false: it is not here. */
  remove(task: CoreTask): boolean {
    const at = this.#place(task.n);
    if (this.#items[at] !== task) return false;
    if (at === this.#head) this.#items[this.#head++] = undefined as unknown as CoreTask;
    else this.#items.splice(at, 1);
    return true;
  }

  /** The same task in another object; false: it is not here. */
  swap(task: CoreTask, other: CoreTask): boolean {
    const at = this.#place(task.n);
    if (this.#items[at] !== task) return false;
    this.#items[at] = other;
    return true;
  }

  *[Symbol.iterator](): Iterator<CoreTask> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!;
  }

  /** Where number `n` stands, or is to be inserted. */
  #place(n: number): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.n < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
