/**
 * The front of the record of ends: which finished tasks are forgotten, or moved, first. Pure: it asks for rows of the record and for what of them is live, and
 * each adapter answers in its own way.
 */
import { eachNumber } from './ranges.ts';

export interface RetainLimits {
  readonly count: number | null;
  readonly before: number | null;
}

/** The front of the record: what of it goes. */
export interface Front {
  /** Tasks whose end is recorded there. */
  readonly live: readonly number[];
  /** Tasks whose record there is over. */
  readonly over: readonly number[];
  /** The ordinal behind it, and what is left of the row that it ends in. */
  readonly next: number;
  readonly rest: { readonly numbers: readonly number[]; readonly endedAt: number | null } | null;
  /** When the last of it was recorded. */
  readonly endedAt: number | null;
}

export interface FrontLimits {
  /** So many that are too many; and all that ended before this time. */
  readonly excess: number;
  readonly before: number;
  /** At most so many. */
  readonly most: number;
  /** The last ordinal that may go. Default: all. */
  readonly until?: number;
  /** What stays, and all behind it. */
  readonly stays?: (n: number) => boolean;
}

/** A row of the record: runs of tasks, the first of them with this ordinal. */
export interface EndRecord {
  readonly ordinal: number;
  readonly runs: readonly number[];
  readonly endedAt: number | null;
}

/** Rows from an ordinal on, or which ordinals (these numbers, from `first` on) have a record that is not over. */
export type FrontQuestion =
  | { readonly ask: 'rows'; readonly from: number }
  | { readonly ask: 'live'; readonly first: number; readonly numbers: readonly number[] };
export type FrontAnswer = readonly EndRecord[] | ReadonlySet<number>;

/** Records that are over in one call: a million tasks that were queued again must not be one long transaction. */
const mostOver = 16_384;

/** The records from `first` on that are beyond the limits; null: none. `rowsAtOnce`: so many rows are answered, fewer at the end. */
export function* findFront(first: number, limits: FrontLimits, rowsAtOnce: number): Generator<FrontQuestion, Front | null, FrontAnswer> {
  const { before, most, until = Number.POSITIVE_INFINITY, stays } = limits;
  const live: number[] = [];
  const over: number[] = [];
  let excess = limits.excess;
  let next = first;
  let rest: Front['rest'] = null;
  let latest: number | null = null;
  const full = (): boolean => live.length >= most || over.length >= mostOver;
  reading: while (!full()) {
    const rows = (yield { ask: 'rows', from: next }) as readonly EndRecord[];
    for (const { ordinal, runs, endedAt } of rows) {
      const old = endedAt !== null && endedAt < before;
      if (ordinal > until || (!old && excess === 0)) break reading;
      const numbers: number[] = [];
      eachNumber(runs, (n) => numbers.push(n));
      let alive: ReadonlySet<number> = new Set();
      let looked = 0;
      let i = 0;
      for (; i < numbers.length && !full() && (old || excess > 0); i++) {
        if (i === looked) {
          looked += most;
          alive = (yield { ask: 'live', first: ordinal + i, numbers: numbers.slice(i, looked) }) as ReadonlySet<number>;
        }
        const n = numbers[i]!;
        if (!alive.has(ordinal + i)) over.push(n);
        else if (stays?.(n) === true) break;
        else {
          live.push(n);
          if (excess > 0) excess--;
        }
      }
      next = ordinal + i;
      if (i > 0) latest = endedAt;
      if (i < numbers.length) {
        rest = { numbers: numbers.slice(i), endedAt };
        break reading;
      }
    }
    if (rows.length < rowsAtOnce) break;
  }
  return next === first ? null : { live, over, next, rest, endedAt: latest };
}
