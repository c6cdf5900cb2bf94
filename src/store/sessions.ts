/**
 * The port of what keeps the task graphs of persistent sessions: of each a row and its history, entry by entry, which is only ever added to and goes as a whole.
 * What an entry says is its writer's. A store that lasts as long as its process has none (`sessions` is absent), and sessions live beside it.
 */
import type { KeepsNames } from './names.ts';

type Awaitable<T> = T | Promise<T>;

export interface StoredSession {
  /** Unique, also in time. */
  readonly n: number;
  /** What its keeper has to know of it. */
  readonly facts: string;
}

export interface SessionEntry {
  readonly session: number;
  readonly body: string | Uint8Array;
}

/** One transaction, in this order. */
export interface SessionWrites {
  /** Each takes the place of the row of its number. */
  readonly sessions: readonly StoredSession[];
  readonly entries: readonly SessionEntry[];
  /** By number: row and history. */
  readonly closed: readonly number[];
}

export interface StoredSessions {
  /** In the order of their numbers. */
  all(): Awaitable<StoredSession[]>;
  /** The history of one, in the order in which it was written, part by part. */
  history(session: number): AsyncIterable<readonly (string | Uint8Array)[]>;
  /** All of it or nothing; it returned, or resolves, after the commit. The same may be written again after a failure. */
  write(writes: SessionWrites): Awaitable<void>;
}

/** What of a store is about names and sessions. */
export interface KeepsSessions extends KeepsNames {
  /** Absent: it keeps none. */
  readonly sessions?: StoredSessions;
}
