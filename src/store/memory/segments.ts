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

  /**
   * Call for each of `numbers` (absent: for each task) by number, downwards if `desc`, beyond `after` and up to `upTo`, until it returns false.
   */
  scan(numbers: readonly number[] | undefined, range: ScanRange, visit: (segment: Segment, i: number) => boolean): void {
    const { desc } = range;
    const order = desc ? (a: number, b: number) => b - a : (a: number, b: number) => a - b;
    const low = desc ? (range.upTo ?? 0) : (range.after ?? -1) + 1;
    const high = desc ? (range.after ?? Number.POSITIVE_INFINITY) - 1 : (range.upTo ?? Number.POSITIVE_INFINITY);
    if (numbers !== undefined) {
      for (const n of [...new Set(numbers)].sort(order)) {
        const segment = n < low || n > high ? undefined : this.of(n);
        if (segment !== undefined && segment.state[n % segmentSize] !== vacant && !visit(segment, n % segmentSize)) return;
      }
      return;
    }
    for (const first of [...this.#segments.keys()].sort(order)) {
      if (first > high || first + segmentSize <= low) continue;
      const segment = this.#segments.get(first) as Segment;
      const from = Math.max(0, low - first);
      const to = Math.min(segmentSize - 1, high - first);
      for (let k = 0; k <= to - from; k++) {
        const i = desc ? to - k : from + k;
        if (segment.state[i] !== vacant && !visit(segment, i)) return;
      }
    }
  }
}

export interface ScanRange {
  readonly desc: boolean;
  readonly after?: number | undefined;
  readonly upTo?: number | undefined;
}
