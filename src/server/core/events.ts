/**
 * What the server's core is told and what it answers: plain data, no sockets, no clocks.
 *
 * The shell feeds events as they come and, once a turn, takes a `Turn`: its `writes` are one transaction, and everything else in it
 * leaves after the commit (the output gate). A connection is named by its id; a send to one that is gone dies with it.
 */
import type { MillraceError } from '../../base/errors.ts';
import type { LimitConfig } from '../../config/server-options.ts';
import type { TaskChange } from '../../data/change.ts';
import type { ClientCapacity, End, GrantId, Message, Ranges } from '../../protocol/messages.ts';
import type { StoredTask, TaskRow, Writes } from '../../store/store.ts';
import type { WireResult } from '../../task/result.ts';
import type { WireTask } from '../../task/task.ts';
import type { PeerCertificate } from '../../transport/connection.ts';
import type { CoreTask } from './entities.ts';
import type { Refill } from './frontier.ts';

export type CoreEvent =
  | {
      type: 'client-connected';
      connection: string;
      id: string;
      host: string;
      capacity: ClientCapacity;
      joined?: boolean;
      certificate?: PeerCertificate | null;
    }
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
      /** Tasks of the store that are named in `dependsOn`, by id. */
      parents?: ReadonlyMap<string, number> | null;
    }
  | { type: 'submitter-done'; connection: string; submitter: string }
  /** Cancel these tasks; `rows` are those of them that are not done and not in memory. */
  | { type: 'cancel'; numbers: readonly number[]; rows: readonly StoredTask[] }
  /**
   * Change stored tasks. `numbers`: those in memory, and any others; `rows`: of those that are not in memory and not done; `done`: of those that are.
   * How many it changed is seen in `ServerCore.changes`.
   */
  | { type: 'change'; change: TaskChange; numbers: readonly number[]; rows: readonly StoredTask[]; done: readonly TaskRow[] }
  /** The store's answer to `lookups`. */
  | { type: 'parents'; outcomes: readonly { n: number; outcome: number; group: number }[] }
  /** The store's answer to one of `refills`. */
  | { type: 'refilled'; question: Refill; rows: readonly StoredTask[] }
  /** The server itself heard nobody for so long (ms): it was frozen, or read nothing while nothing could be written. That is nobody's silence. */
  | { type: 'deaf'; ms: number }
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
  /** The user's own; absent: it follows from the number. */
  readonly id?: string | undefined;
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
  /** Tasks of which must be known, after the commit, whether they have ended: others wait for them. */
  lookups: number[];
  /** Ready tasks that the store is to be asked for after the commit. */
  refills: Refill[];
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
  /** All clients that there will ever be; null: others may come. What none of these can hold is rejected. */
  onlyClients: readonly ClientCapacity[] | null;
  limits: readonly LimitConfig[];
  window: { tasks: number; bytes: number };
  /** Most tasks and bytes of one grant. */
  bundle: { tasks: number; bytes: number };
}
