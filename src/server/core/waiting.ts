/** Tasks that wait for a moment (a back-off, a start time), by the monotonic time at which they are due: a binary heap. */
import { taskState } from '../../task/state.ts';
import type { CoreTask } from './entities.ts';

interface Entry {
  readonly due: number;
  readonly task: CoreTask;
}

export class Waiting {
  readonly #heap: Entry[] = [];
  /** Entries whose task ended: they leave when they are due. */
  #dropped = 0;

  get size(): number {
    return this.#heap.length - this.#dropped;
  }

  /** A task that waits here has ended. */
  drop(): void {
    this.#dropped++;
  }

  /** When the first one is due; null: none waits. */
  get next(): number | null {
    return this.#heap[0]?.due ?? null;
  }

  add(task: CoreTask, due: number): void {
    const heap = this.#heap;
    heap.push({ due, task });
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.due <= heap[at]!.due) break;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  /** The next task that is due and still waits; null: none. Cancelled ones are dropped on the way. */
  take(now: number): CoreTask | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.due > now) return null;
      this.#shift();
      if (first.task.state === taskState.waiting) return first.task;
      this.#dropped--;
    }
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.due < heap[left]!.due ? right : left;
      if (heap[at]!.due <= heap[child]!.due) return;
      [heap[child], heap[at]] = [heap[at]!, heap[child]!];
      at = child;
    }
  }
}
