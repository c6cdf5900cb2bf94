/**
 * What the last two turns did that a store may not know yet when it is asked: one turn is committed at a time, so what the last but one
 * wrote is there.
 */
import type { Reopened } from '../../store/store.ts';
import type { CoreTask } from './entities.ts';

export class Lately {
  /** Queued again in this turn: in its transaction the new life of such a task begins after all ends. */
  reopened: Map<number, Reopened> = new Map();
  #lastReopened: ReadonlyMap<number, Reopened> = new Map();
  removed: Set<number> = new Set();
  #lastRemoved: ReadonlySet<number> = new Set();
  /** Keys and ids of users by `key …` and `id …`. */
  #keys: Map<string, number> = new Map();
  #lastKeys: ReadonlyMap<string, number> = new Map();
  #lastEnded: readonly CoreTask[] = [];
  /** The answer of `ended`, and of how many tasks of the open turn: a turn may ask for each of many answers of the store. */
  #ended: Set<number> | null = null;
  #endedNow = 0;

  insert(name: string, n: number): void {
    this.#keys.set(name, n);
  }

  /** The task that was inserted with this key or id. */
  inserted(name: string): number | undefined {
    if (this.#keys.size === 0 && this.#lastKeys.size === 0) return undefined;
    return this.#keys.get(name) ?? this.#lastKeys.get(name);
  }

  wasReopened(n: number): boolean {
    return this.reopened.has(n) || this.#lastReopened.has(n);
  }

  wasRemoved(n: number): boolean {
    return this.removed.has(n) || this.#lastRemoved.has(n);
  }

  /** With what the turn that is still open has ended; null: nothing. */
  ended(now: readonly CoreTask[]): ReadonlySet<number> | null {
    if (now.length === 0 && this.#lastEnded.length === 0) return null;
    this.#ended ??= new Set(this.#lastEnded.map(({ n }) => n));
    for (; this.#endedNow < now.length; this.#endedNow++) this.#ended.add(now[this.#endedNow]!.n);
    return this.#ended;
  }

  /** A turn is handed over, and the next one opens. */
  turn(ended: readonly CoreTask[]): void {
    this.#lastEnded = ended;
    this.#ended = null;
    this.#endedNow = 0;
    if (this.#keys.size > 0 || this.#lastKeys.size > 0) {
      this.#lastKeys = this.#keys;
      this.#keys = new Map();
    }
    if (this.reopened.size > 0 || this.#lastReopened.size > 0) {
      this.#lastReopened = this.reopened;
      this.reopened = new Map();
    }
    if (this.removed.size > 0 || this.#lastRemoved.size > 0) {
      this.#lastRemoved = this.removed;
      this.removed = new Set();
    }
  }
}
