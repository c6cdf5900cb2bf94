/**
 * The recorded ends of the memory store in the order of their recording, first in, first out. An end's ordinal counts from
 * 1 over the life of the store and is also its cursor: the cursor after `k` recorded ends is `k`.
 */
import type { AttemptEnd } from '../store.ts';

export class Finished {
  #ends: (AttemptEnd | null)[] = [];
  /** When each was recorded, epoch ms. */
  #times: number[] = [];
  /** Ends before this index are forgotten. */
  #head = 0;
  /** The ordinal of `#ends[0]`. */
  #base = 1;
  /** Ends that were taken back: holes behind the head. */
  #holes = 0;

  /** The ordinal of the last recorded end: the cursor. */
  get last(): number {
    return this.#base + this.#ends.length - 1;
  }

  get retained(): number {
    return this.#ends.length - this.#head - this.#holes;
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

  /** Take an end back: its task is queued again, or removed. */
  remove(ordinal: number): AttemptEnd | null {
    const end = this.get(ordinal);
    if (end === null) return null;
    this.#ends[ordinal - this.#base] = null;
    this.#holes++;
    return end;
  }

  /** When the oldest retained end was recorded; null: none is retained. */
  oldest(): number | null {
    for (; this.#head < this.#ends.length && this.#ends[this.#head] === null; this.#head++) this.#holes--;
    this.#compact();
    return this.#times[this.#head] ?? null;
  }

  /** Forget the oldest end; its task is forgotten by the caller. */
  shift(): AttemptEnd | null {
    if (this.oldest() === null) return null;
    const end = this.#ends[this.#head] ?? null;
    this.#ends[this.#head] = null;
    this.#head++;
    return end;
  }

  #compact(): void {
    if (this.#head <= 8192 || this.#head * 2 <= this.#ends.length) return;
    this.#ends = this.#ends.slice(this.#head);
    this.#times = this.#times.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }

  /** Retained ends recorded after `cursor`, at most `limit`, and the ordinal of the last of them. */
  after(cursor: number, limit: number): { ends: AttemptEnd[]; last: number } {
    const ends: AttemptEnd[] = [];
    let i = Math.max(cursor + 1 - this.#base, this.#head);
    for (; i < this.#ends.length && ends.length < limit; i++) {
      const end = this.#ends[i];
      if (end !== null && end !== undefined) ends.push(end);
    }
    return { ends, last: Math.max(cursor, this.#base + i - 1) };
  }
}
