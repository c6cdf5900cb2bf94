/**
 * What the last turns did that a store may not know yet when it is asked: that of the open one, and of those whose commits may still be under way. What the
 * store is asked it answers after the commits that were sent before, so what turns before these wrote is there.
 */
import type { Reopened } from '../../store/store.ts';
import type { CoreTask } from './entities.ts';

/** Closed turns that may be in no answer: as many as commits may be under way. */
const closedTurns = 2;

/** What a turn did. */
interface Done {
  reopened: Map<number, Reopened>;
  removed: Set<number>;
  /** Keys and ids of users by `key …` and `id …`. */
  keys: Map<string, number>;
  ended: readonly CoreTask[];
}

const nothing = (): Done => ({ reopened: new Map(), removed: new Set(), keys: new Map(), ended: [] });

export class Lately {
  #open: Done = nothing();
  /** The latest first. */
  readonly #closed: Done[] = [];
  /** The answer of `ended`, and of how many tasks of the open turn: a turn may ask for each of many answers of the store. */
  #ended: Set<number> | null = null;
  #endedNow = 0;

  /** Queued again in this turn: in its transaction the new life of such a task begins after all ends. */
  get reopened(): Map<number, Reopened> {
    return this.#open.reopened;
  }

  get removed(): Set<number> {
    return this.#open.removed;
  }

  insert(name: string, n: number): void {
    this.#open.keys.set(name, n);
  }

  /** The task that was inserted with this key or id. */
  inserted(name: string): number | undefined {
    let n = this.#open.keys.get(name);
    for (const { keys } of this.#closed) n ??= keys.get(name);
    return n;
  }

  wasReopened(n: number): boolean {
    return this.reopened.has(n) || this.#closed.some(({ reopened }) => reopened.has(n));
  }

  wasRemoved(n: number): boolean {
    return this.removed.has(n) || this.#closed.some(({ removed }) => removed.has(n));
  }

  /** With what the turn that is still open has ended; null: nothing. */
  ended(now: readonly CoreTask[]): ReadonlySet<number> | null {
    if (now.length === 0 && this.#closed.every(({ ended }) => ended.length === 0)) return null;
    this.#ended ??= new Set(this.#closed.flatMap(({ ended }) => ended.map(({ n }) => n)));
    for (; this.#endedNow < now.length; this.#endedNow++) this.#ended.add(now[this.#endedNow]!.n);
    return this.#ended;
  }

  /** A turn is handed over, and the next one opens. */
  turn(ended: readonly CoreTask[]): void {
    this.#open.ended = ended;
    this.#closed.unshift(this.#open);
    this.#closed.length = Math.min(this.#closed.length, closedTurns);
    this.#open = nothing();
    this.#ended = null;
    this.#endedNow = 0;
  }
}
