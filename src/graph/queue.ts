/** Ready tasks in lanes by what they ask for: one that does not fit anywhere now holds back only its like. */
import type { GraphTask, TaskQueue } from './entities.ts';
import { ReadyHeap, runsBefore } from './heap.ts';
import type { Needs } from './needs.ts';

export class ReadyQueue implements TaskQueue {
  /** Tasks that ask for one core and nothing else: nearly all. */
  readonly #plain: ReadyHeap = new ReadyHeap();
  readonly #lanes: Map<string, ReadyHeap> = new Map();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Iterator<GraphTask> {
    yield* this.#plain;
    for (const lane of this.#lanes.values()) yield* lane;
  }

  push(task: GraphTask): void {
    this.#size++;
    this.#laneOf(task.needs).push(task);
  }

  remove(task: GraphTask): void {
    this.#size--;
    const { heap } = task;
    heap!.remove(task);
    if (heap!.size === 0 && task.needs !== null) this.#lanes.delete(task.needs.key);
  }

  /** The first that fits; null: none does. */
  next(fits: (needs: Needs | null) => boolean): GraphTask | null {
    if (this.#size === 0) return null;
    const { first } = this.#plain;
    let best = first !== null && fits(null) ? first : null;
    for (const { first: head } of this.#lanes.values())
      if (head !== null && (best === null || runsBefore(head, best)) && fits(head.needs)) best = head;
    return best;
  }

  /** Of the lanes of tasks that ask for more than one core. */
  *demanding(): Iterable<GraphTask> {
    for (const { first } of this.#lanes.values()) if (first !== null) yield first;
  }

  check(): void {
    let size = this.#plain.size;
    this.#plain.check();
    for (const lane of this.#lanes.values()) {
      lane.check();
      size += lane.size;
      if (lane.size === 0) throw new Error('a lane without tasks is kept');
    }
    if (size !== this.#size) throw new Error(`a queue counts ${this.#size} tasks and has ${size}`);
  }

  #laneOf(needs: Needs | null): ReadyHeap {
    if (needs === null) return this.#plain;
    let lane = this.#lanes.get(needs.key);
    if (lane === undefined) {
      lane = new ReadyHeap();
      this.#lanes.set(needs.key, lane);
    }
    return lane;
  }
}
