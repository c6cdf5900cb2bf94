/**
 * What a durable store forgets by itself: finished tasks beyond `retain`, a few at a time, after ends and as time passes, never in the way of a
 * commit. The memory store needs nobody for that.
 *
 * *Idle* → (something ended, or age has its turn) → *waiting* → *at work*: chunk after chunk, with a pause between two → idle.
 */
import type { Clock } from '../base/clock.ts';
import type { TaskStore } from '../store/store.ts';

/** Between an end and the look at what is too much (ms). */
const after = 1_000;

/** Tasks forgotten at a time, where the store does not say it, and the pause between two times (ms): 200 rows take some 3 ms of SQLite. */
const fewest = 200;
const pause = 20;

/** How often age has its turn although nothing ends (ms), at most. */
const longest = 60_000;

export interface RetainLimits {
  readonly count: number | null;
  /** ms */
  readonly age: number | null;
}

export class Retention {
  readonly #store: TaskStore;
  readonly #limits: RetainLimits;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  #stop: (() => void) | null = null;
  /** Monotonic: when it works next. */
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(store: TaskStore, limits: RetainLimits, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store;
    this.#limits = limits;
    this.#clock = clock;
    this.#failed = failed;
    this.#closed = !store.durable || (limits.count === null && limits.age === null);
    this.ended();
  }

  /** Something has ended. */
  ended(): void {
    if (!this.#closed && this.#dueAt > this.#clock.now() + after) this.#again(after);
  }

  close(): void {
    this.#closed = true;
    this.#stop?.();
  }

  #again(ms: number): void {
    this.#stop?.();
    this.#dueAt = this.#clock.now() + ms;
    this.#stop = this.#clock.after(ms, () => void this.#work());
  }

  async #work(): Promise<void> {
    const { count, age } = this.#limits;
    try {
      const chunk = this.#store.retainAtOnce ?? fewest;
      const before = age === null ? null : this.#clock.wall() - age;
      const gone = await this.#store.retain({ count, before }, chunk);
      if (this.#closed) return;
      this.#dueAt = Number.POSITIVE_INFINITY;
      if (gone >= chunk) this.#again(pause);
      else if (age !== null) this.#again(Math.min(longest, Math.max(after, age / 4)));
    } catch (error) {
      this.#dueAt = Number.POSITIVE_INFINITY;
      if (!this.#closed) this.#failed(error);
    }
  }
}
