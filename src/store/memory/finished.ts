/**
 * The recorded ends of the memory store in the order of their recording, first in, first out. An end's ordinal counts from
 * 1 over the life of the store and is also its cursor: the cursor after `k` recorded ends is `k`.
 */
import type { AttemptEnd } from '../store.ts';

export class Finished {
  #ends: (AttemptEnd | null)[] = [];
  /** When each was recorded, by the monotonic clock. */
  #times: number[] = [];
  /** Ends before this index are forgotten. */
  #head = 0;
  /** The ordinal of `#ends[0]`. */
  #base = 1;

  /** The ordinal of the last recorded end: the cursor. */
  get last(): number {
    return this.#base + this.#ends.length - 1;
  }

  get retained(): number {
    return this.#ends.length - this.#head;
  }

  push(end: AttemptEnd, now: number): number {
    this.#ends.push(end);
    this.#times.push(now);
    return this.last;
  }

  get(ordinal: number): AttemptEnd | null {
    const index = ordinal - this.#base;
    return index < this.#head ? null : (this.#ends[index] ?? null);
  }

  /** When the oldest retained end was recorded; null: none is retained. */
  oldest(): number | null {
    return this.#times[this.#head] ?? null;
  }

  /** Forget the oldest end; its task is forgotten by the caller. */
  shift(): AttemptEnd | null {
    const end = this.#ends[this.#head];
    if (end === undefined) return null;
    this.#ends[this.#head] = null;
    this.#head++;
    if (this.#head > 8192 && this.#head * 2 > this.#ends.length) {
      this.#ends = this.#ends.slice(this.#head);
      this.#times = this.#times.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
    return end;
  }

  /** Retained ends recorded after `cursor`, at most `limit`. */
  after(cursor: number, limit: number): AttemptEnd[] {
    const start = Math.max(cursor + 1 - this.#base, this.#head);
    return this.#ends.slice(start, start + limit).filter((end) => end !== null);
  }
}
