/**
 * The queue of the memory store as a whole and, beside it, the queue of each lane: of tasks that need something there may be thousands of
 * lanes, and to look for one of them in the whole queue would be a walk over all others. Tasks without a lane cost nothing here.
 *
 * Each queue is a superset (see `queue.ts`) and trimmed when it is read; one that is never read is trimmed with the others after
 * `sweepAfter` additions.
 */
import type { LaneChoice, QueueKey } from '../store.ts';
import { Queue } from './queue.ts';

const sweepAfter = 65_536;

/** Whether a number still stands at this place of the queue. */
type IsHere = (n: number, group: number, rank: number) => boolean;

export class Lanes {
  readonly #all = new Queue();
  readonly #lanes = new Map<string, Queue>();
  readonly #isHere: IsHere;
  #added = 0;

  constructor(isHere: IsHere) {
    this.#isHere = isHere;
  }

  add(key: QueueKey, lane: string | null): void {
    this.#all.add(key);
    if (lane === null) return;
    let queue = this.#lanes.get(lane);
    if (queue === undefined) {
      queue = new Queue();
      this.#lanes.set(lane, queue);
    }
    queue.add(key);
    if (++this.#added >= sweepAfter) this.#sweep();
  }

  /** Numbers after `after` in queue order, in the lanes that are chosen, until `take` says that it has enough. */
  read(after: QueueKey | null, { only, except }: LaneChoice, laneOf: (n: number) => string | null, take: (n: number) => boolean): void {
    const without = new Set(except);
    const chosen = (n: number): boolean => {
      const lane = laneOf(n);
      return lane === null || !without.has(lane);
    };
    const queue = only === undefined ? this.#all : this.#lanes.get(only);
    queue?.read(after, this.#isHere, without.size === 0 ? take : (n) => !chosen(n) || take(n));
    if (only !== undefined && queue?.empty === true) this.#lanes.delete(only);
  }

  #sweep(): void {
    this.#added = 0;
    for (const [lane, queue] of this.#lanes) {
      queue.read(null, this.#isHere, () => false);
      if (queue.empty) this.#lanes.delete(lane);
    }
  }
}
