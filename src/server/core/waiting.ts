/** Tasks that wait for a moment (a back-off, a start time), by the monotonic time at which they are due. */
import { taskState } from '../../task/state.ts';
import type { CoreTask } from './entities.ts';
import { Heap, type HeapItem } from './heap.ts';

interface Entry extends HeapItem {
  readonly due: number;
  readonly task: CoreTask;
}

export class Waiting {
  readonly #heap: Heap<Entry> = new Heap((a, b) => a.due < b.due);
  /** Entries whose task ended: they leave when they are due. */
  #dropped = 0;

  get size(): number {
    return this.#heap.size - this.#dropped;
  }

  /** A task that waits here has ended. */
  drop(): void {
    this.#dropped++;
  }

  /** When the first one is due; null: none waits. */
  get next(): number | null {
    return this.#heap.first?.due ?? null;
  }

  add(task: CoreTask, due: number): void {
    this.#heap.push({ due, task, at: -1 });
  }

  /** The next task that is due and still waits; null: none. Cancelled ones are dropped on the way. */
  take(now: number): CoreTask | null {
    for (;;) {
      const { first } = this.#heap;
      if (first === undefined || first.due > now) return null;
      this.#heap.remove(first);
      if (first.task.state === taskState.waiting) return first.task;
      this.#dropped--;
    }
  }
}
