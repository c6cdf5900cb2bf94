/**
 * What the store does while nothing else is to be done: the upkeep that a commit would otherwise wait for. Of an idle server every hundredth task
 * waited 3 ms for the log to be moved to the file, which is its p99.
 */
import type { Clock } from '../base/clock.ts';
import type { TaskStore } from '../store/store.ts';

/** ms without a turn: longer than a function alone takes from its start to its end. */
const quiet = 2;

type Upkeep = Pick<TaskStore, 'behind' | 'catchUp'>;

export class Rest {
  readonly #store: Upkeep;
  readonly #clock: Clock;
  readonly #isIdle: () => boolean;
  #lastTurn = 0;
  #cancel: (() => void) | null = null;

  constructor(store: Upkeep, clock: Clock, isIdle: () => boolean) {
    this.#store = store;
    this.#clock = clock;
    this.#isIdle = isIdle;
  }

  /** A turn is over. */
  turned(): void {
    if (!this.#store.behind) return;
    this.#lastTurn = this.#clock.now();
    this.#cancel ??= this.#clock.after(quiet, () => this.#look(), { unref: true });
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #look(): void {
    this.#cancel = null;
    if (this.#clock.now() - this.#lastTurn >= quiet && this.#isIdle()) this.#store.catchUp?.();
    else this.#cancel = this.#clock.after(quiet, () => this.#look(), { unref: true });
  }
}
