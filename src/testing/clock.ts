/**
 * Virtual time: a clock that stands still until it is told to go on, and then jumps from timer to timer. Timers of one moment fire in the
 * order in which they were set.
 */
import type { Clock } from '../base/clock.ts';
import { Random } from './random.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  call: (() => void) | null;
}

export interface VirtualClockOptions {
  /** Seed of `random()`. Default 1. */
  readonly seed?: number;
  /** Epoch ms at the start. Default 1,700,000,000,000. */
  readonly wall?: number;
}

export class VirtualClock implements Clock {
  readonly #heap: Timer[] = [];
  readonly #random: Random;
  readonly #epoch: number;
  #now = 0;
  #order = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#random = new Random(options.seed ?? 1);
    this.#epoch = options.wall ?? 1_700_000_000_000;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return Math.floor(this.#epoch + this.#now);
  }

  random(): number {
    return this.#random.next();
  }

  after(ms: number, call: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, call };
    this.#push(timer);
    return () => {
      timer.call = null;
    };
  }

  /** Jump to the next timer and fire it; false: there is none. */
  step(): boolean {
    for (let timer = this.#pop(); timer !== undefined; timer = this.#pop()) {
      if (timer.call === null) continue;
      this.#now = Math.max(this.#now, timer.at);
      timer.call();
      return true;
    }
    return false;
  }

  /** Let `ms` pass, firing what is due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      if (next.call === null) this.#pop();
      else this.step();
    }
    this.#now = until;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    heap.push(timer);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!sooner(heap[at]!, heap[parent]!)) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let child = at * 2 + 1;
      if (child >= heap.length) return first;
      if (child + 1 < heap.length && sooner(heap[child + 1]!, heap[child]!)) child++;
      if (!sooner(heap[child]!, heap[at]!)) return first;
      [heap[child], heap[at]] = [heap[at]!, heap[child]!];
      at = child;
    }
  }
}

function sooner(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
