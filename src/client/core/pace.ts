/**
 * How much work to hold beyond free slots: as much as was done in the last `prefetch`, never more than the server would
 * miss. A new client, and one whose oldest running task is older than `prefetch`, holds nothing beyond: long tasks are never hoarded.
 */
import type { GrantedTask } from '../../protocol/messages.ts';
import { weightOf } from './lanes.ts';

/** Bounds of what is held beyond free slots: 40 ms of calls that do nothing. Of twice as many each outlives two collections and is moved to where few are made. */
const mostTasks = 2048;
const mostBytes = 8 * 2 ** 20;

/** Where growth begins: each doubling costs a round trip, which behind a busy server is 100 ms. */
const firstTarget = 16;

/** Completions per second from which messages are gathered rather than sent at once. */
const busyRate = 200;

export class Pace {
  readonly #prefetch: number;
  #rate = 0;
  #completed = 0;
  #since = -1;
  #target = 0;
  #used = 0;
  #bytes = 500;

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** Completions per second, smoothed by time. */
  get rate(): number {
    return this.#rate;
  }

  /** So many tasks end that none is waited for singly. */
  get busy(): boolean {
    return this.#rate >= busyRate;
  }

  /** Tasks to hold beyond free slots. */
  get target(): number {
    return this.#target;
  }

  /** Learn how large tasks are. */
  received(tasks: readonly GrantedTask[]): void {
    let weight = 0;
    for (const granted of tasks) weight += weightOf(granted);
    if (tasks.length > 0) this.#bytes += (weight / tasks.length - this.#bytes) * 0.2;
  }

  completed(tasks: number): void {
    this.#completed += tasks;
    this.#used += tasks;
  }

  /** Take the measure; at most each 10 ms. `oldest`: since when the oldest running task runs (ms). */
  measure(now: number, oldest: number): void {
    if (this.#since < 0) this.#since = now;
    const passed = now - this.#since;
    if (passed >= 10) {
      const rate = (this.#completed / passed) * 1000;
      // Time constant of half a second; the first measure counts in full.
      this.#rate = this.#rate === 0 ? rate : this.#rate + (rate - this.#rate) * (1 - Math.exp(-passed / 500));
      this.#completed = 0;
      this.#since = now;
    }
    if (oldest > this.#prefetch) {
      this.#target = 0;
      this.#used = 0;
      return;
    }
    const wanted = Math.min(mostTasks, mostBytes / this.#bytes, (this.#rate * this.#prefetch) / 1000);
    if (wanted < this.#target) this.#target = Math.floor(wanted);
    else if (this.#used > this.#target / 2) {
      // At most twofold for each bundle used up: a burst of short tasks must not fetch an hour of long ones.
      this.#target = Math.floor(Math.min(wanted, Math.max(firstTarget, this.#target * 2)));
      this.#used = 0;
    }
  }
}

/** How many calls of one function travel to a thread together: about 2 ms of work, learned by name. */
export class BatchSizes {
  readonly #mean: Map<string, number> = new Map();
  readonly #rise: number;

  /** @param rise How much of a call that takes longer than those before counts. */
  constructor(rise = 1) {
    this.#rise = rise;
  }

  /** ms of one call, as seen. */
  learn(name: string, durationMs: number): void {
    const mean = this.#mean.get(name);
    if (mean === undefined && this.#mean.size >= 1000) this.#mean.clear();
    this.#mean.set(name, mean === undefined ? durationMs : mean + (durationMs - mean) * (durationMs > mean ? this.#rise : 0.1));
  }

  of(name: string): number {
    const mean = this.#mean.get(name);
    if (mean === undefined) return 1;
    return Math.max(1, Math.min(256, Math.floor(2 / Math.max(mean, 0.001))));
  }
}
