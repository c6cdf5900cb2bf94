/**
 * What the server's core is told and what it answers: plain data, no sockets, no clocks.
 *
 * The shell feeds events as they come and, once a turn, takes a `Turn`: its `writes` are one transaction, and everything else in it
 * leaves after the commit (the output gate). A connection is named by its id; a send to one that is gone dies with it.
 */
import type { MillraceError } from '../../base/errors.ts';
import type { ClientCapacity, End, GrantId, Message, Ranges } from '../../protocol/messages.ts';
import type { QueueKey, StoredTask, Writes } from '../../store/store.ts';
import type { WireResult } from '../../task/result.ts';
import type { WireTask } from '../../task/task.ts';
import type { CoreTask } from './entities.ts';

/** Both clocks, read once for each event: `now` decides, `wall` is only recorded. ms. */
export interface Instant {
  now: number;
  wall: number;
}

export type CoreEvent =
  | { type: 'client-connected'; connection: string; id: string; host: string; capacity: ClientCapacity }
  | { type: 'disconnected'; connection: string }
  /** Bytes came, whatever they were. */
  | { type: 'contact'; connection: string }
  | { type: 'resume'; connection: string; held: readonly (readonly [GrantId, Ranges])[] }
  | { type: 'want'; connection: string; sequence: number; tasks: number; free: number }
  | { type: 'started'; connection: string; grant: GrantId; places: Ranges }
  | { type: 'results'; connection: string; sequence: number; bundles: readonly (readonly [GrantId, readonly WireResult[]])[] }
  | { type: 'given-back'; connection: string; given: readonly (readonly [GrantId, Ranges])[] }
  | { type: 'bye'; connection: string }
  | { type: 'submitter-open'; connection: string; submitter: string }
  /** `known`: places of the bundle whose key or id is in the store already, with the task's number. */
  | {
      type: 'submit';
      connection: string;
      submitter: string;
      sequence: number;
      tasks: readonly WireTask[];
      known: ReadonlyMap<number, number> | null;
    }
  | { type: 'submitter-done'; connection: string; submitter: string }
  /** Cancel these tasks; `rows` are those of them that are not done and not in memory. */
  | { type: 'cancel'; numbers: readonly number[]; rows: readonly StoredTask[] }
  /** The store's answer to `refill`. */
  | { type: 'refilled'; rows: readonly StoredTask[] }
  | { type: 'hold'; reason: string }
  | { type: 'unhold'; reason: string }
  | { type: 'stop'; drain: boolean }
  | { type: 'tick' };

export interface Send {
  readonly connection: string;
  readonly message: Message;
}

/** Something that a listener may want to know, in lists. */
export type NoteName = 'submitted' | 'scheduled' | 'started' | 'retried' | 'evicted';

export interface Note {
  readonly name: NoteName;
  readonly n: number;
  readonly submittedAt: number;
  readonly attempt: number;
  readonly clientId: string | null;
}

/** How a run ended. */
export interface Finish {
  readonly reason: End[1];
  readonly error: MillraceError | null;
}

export interface Turn {
  /** One transaction; null: nothing to write. */
  writes: Writes | null;
  sends: Send[];
  /** Connections to cut, with the reason. */
  cut: { connection: string; error: MillraceError }[];
  /** The tasks of `writes.ends`, in the same order. */
  ended: CoreTask[];
  notes: Note[];
  joined: string[];
  left: string[];
  refill: { after: QueueKey | null; limit: number } | null;
  finish: Finish | null;
}

export interface CoreOptions {
  /** The listening address is not part of it: nothing here is about I/O. Durations in ms. */
  foreverMode: boolean;
  restartMode: boolean;
  maxRetries: number;
  backoff: { delay: number; factor: number; max: number; jitter: number } | null;
  maxLosses: number;
  eager: boolean;
  evictAfter: number;
  reconnectGrace: number;
  failFast: boolean;
  continueOnFailure: boolean;
  /** Given to each task that does not say it itself. */
  taskTimeout: number | null;
  taskCores: number | null;
  taskMemory: number | null;
  /** A source was given to the server itself: the run does not end before it was read. */
  expectSource: boolean;
  window: { tasks: number; bytes: number };
  /** Most tasks and bytes of one grant. */
  bundle: { tasks: number; bytes: number };
}
