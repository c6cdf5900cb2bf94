/** All tasks of the memory store by number: a map of segments, so that a stretch whose tasks are all forgotten costs nothing. */
import type { StoredTask } from '../store.ts';
import { Segment, segmentSize, vacant } from './segment.ts';

export class Segments {
  readonly #segments = new Map<number, Segment>();

  /** The segment of a task, if it has one; the task's place in it is `n % segmentSize`. */
  of(n: number): Segment | undefined {
    return this.#segments.get(n - (n % segmentSize));
  }

  /** The task's stored state, or `vacant`. */
  state(n: number): number {
    return this.of(n)?.state[n % segmentSize] ?? vacant;
  }

  add(task: StoredTask): void {
    let segment = this.of(task.n);
    if (segment === undefined) {
      segment = new Segment(task.n - (task.n % segmentSize));
      this.#segments.set(segment.first, segment);
    }
    segment.add(task.n - segment.first, task);
  }

  /** Forget a task. Tasks from `next` on are still to come: their segment stays. */
  remove(n: number, next: number): void {
    const segment = this.of(n);
    if (segment === undefined) return;
    segment.remove(n - segment.first);
    if (segment.used === 0 && segment.first + segmentSize < next) this.#segments.delete(segment.first);
  }

  clear(): void {
    this.#segments.clear();
  }

  /** Call for each of `numbers` (absent: for each task) by number, downwards if `desc`, until it returns false. */
  scan(numbers: readonly number[] | undefined, desc: boolean, visit: (segment: Segment, i: number) => boolean): void {
    const order = desc ? (a: number, b: number) => b - a : (a: number, b: number) => a - b;
    if (numbers !== undefined) {
      for (const n of [...new Set(numbers)].sort(order)) {
        const segment = this.of(n);
        if (segment !== undefined && segment.state[n % segmentSize] !== vacant && !visit(segment, n % segmentSize)) return;
      }
      return;
    }
    for (const first of [...this.#segments.keys()].sort(order)) {
      const segment = this.#segments.get(first) as Segment;
      for (let k = 0; k < segmentSize; k++) {
        const i = desc ? segmentSize - 1 - k : k;
        if (segment.state[i] !== vacant && !visit(segment, i)) return;
      }
    }
  }
}
