/** Time that passes when the test says so, timers in the order in which they are due. */
import type { Clock } from '../../src/base/clock.ts';

export class ManualClock implements Clock {
  #now = 1_000;
  readonly #timers: Set<{ readonly at: number; readonly call: () => void }> = new Set();
  chance = 0;

  wall(): number {
    return this.#now;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** So much time passes in which nothing runs; then what was due does, once. */
  freeze(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
  }
}
