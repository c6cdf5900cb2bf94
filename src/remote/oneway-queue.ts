/**
 * Oneway calls that came in: done one after the other, in their order, or side by side where the daemon is told so. Says how many were done, so that the other
 * side sends no more than fit into its window, and whether it waits for one of them.
 */
import { isThenable } from '../base/thenable.ts';

/** Reported at least so often. */
const reportEvery = 1_024;

export interface OnewayReports {
  /** So many more were done; `stuck`: one of them takes its time. */
  ran(count: number, stuck: boolean): void;
  /** The other side has sent more than the window holds. */
  flooded(): void;
}

interface Waiting {
  readonly start: () => unknown;
  readonly weight: number;
}

export class OnewayQueue {
  readonly #reports: OnewayReports;
  readonly #threaded: boolean;
  readonly #most: number;
  #queue: Waiting[] = [];
  #begun = 0;
  #running = 0;
  #ran = 0;
  #weight = 0;
  /** The other side has to wait: it wants to hear of each. */
  #full = false;

  /** `most`: bytes, by `weightOf`, that may wait here and run. */
  constructor(reports: OnewayReports, threaded: boolean, most: number) {
    this.#reports = reports;
    this.#threaded = threaded;
    this.#most = most;
  }

  /** `start` gives a promise when it goes on, and never throws. `weight` 0: the other side does not count it. */
  add(start: () => unknown, weight: number): void {
    this.#weight += weight;
    if (this.#weight > this.#most) {
      this.#reports.flooded();
      return;
    }
    if (this.#threaded) {
      this.#begin({ start, weight });
      return;
    }
    this.#queue.push({ start, weight });
    this.#next();
  }

  /** The other side has to wait. */
  full(): void {
    this.#full = true;
    this.#report();
  }

  end(): void {
    this.#queue = [];
    this.#begun = 0;
  }

  #next(): void {
    while (this.#running === 0 && this.#begun < this.#queue.length) this.#begin(this.#queue[this.#begun++]!);
    if (this.#begun < this.#queue.length) return;
    this.#queue = [];
    this.#begun = 0;
  }

  #begin({ start, weight }: Waiting): void {
    const result = start();
    if (!isThenable(result)) {
      this.#done(weight);
      return;
    }
    this.#running += 1;
    const over = (): void => {
      this.#running -= 1;
      this.#done(weight);
      this.#next();
    };
    result.then(over, over);
    if (this.#full) this.#report();
  }

  #done(weight: number): void {
    if (weight === 0) return;
    this.#weight -= weight;
    this.#ran += 1;
    if (this.#full || this.#ran >= reportEvery) this.#report();
  }

  #report(): void {
    const count = this.#ran;
    this.#ran = 0;
    if (count > 0) this.#full = false;
    this.#reports.ran(count, this.#running > 0);
  }
}
