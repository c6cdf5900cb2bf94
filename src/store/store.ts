/**
 * The port between the server and where tasks are kept. Adapters of one shape: memory, sqlite, postgres, one contract suite for all. No SQL, no connection.
 *
 * Time and decisions come from the server's core: a store only writes what it is told and answers questions. One turn of the core is one `commit`, and that
 * is one transaction: after it returned (or resolved) everything in it is durable; when it throws, nothing is, and the same writes may be committed again.
 *
 * Tasks are numbered from 1 in the order of their acceptance; their public id follows from that (`task/id.ts`), so no id is stored unless a user gave one.
 */
import type { GrantId, Ranges } from '../protocol/messages.ts';
import type { ResultExtra } from '../task/result.ts';
import type { TaskAttributes, WireTask } from '../task/task.ts';
import type { Announcement } from './announcement.ts';
import type { KeepsSessions } from './sessions.ts';

/** Synchronous stores answer at once: no promise on the hot path. */
export type Awaitable<T> = T | Promise<T>;

/** Stored states of a task; `leased` and `running` are told by grants, not by the row (a write per task costs 26 %). */
export const storedState = { waiting: 0, ready: 1, done: 4 } as const;

/** Where a ready task stands: by group, then rank (lower first: priority and retry class), then number. */
export interface QueueKey {
  group: number;
  rank: number;
  n: number;
}

/** A task that is not done, as the core needs it. */
export interface StoredTask extends QueueKey {
  submittedAt: number;
  task: WireTask;
  /** Tasks of one lane need the same of a client and share the same limits; null: they need nothing. As computed when it was accepted. */
  lane: string | null;
  /** `storedState.waiting` or `.ready`. */
  state: number;
  /** Attempts that have ended. */
  attempts: number;
  /** Of those: ended by a lost lease. */
  losses: number;
  /** Waiting until then (epoch ms); null: not by time. */
  readyAt: number | null;
}

/** The end of an attempt; in `ends` it is also the end of the task. */
export interface AttemptEnd {
  n: number;
  attempt: number;
  /** A number of `outcomeCode`. */
  outcome: number;
  exitStatus: number | null;
  /** The client's number (`ClientRow.n`); null: it never reached one. */
  client: number | null;
  slot: number | null;
  startedAt: number | null;
  durationMs: number;
  completedAt: number;
  waitedMs: number;
  extra: ResultExtra | null;
}

/** A task goes (back) to waiting or ready after an attempt ended, or a delay passed. */
export interface Move extends QueueKey {
  state: number;
  attempts: number;
  losses: number;
  readyAt: number | null;
}

export interface ClientRow {
  n: number;
  /** The component's UUID. */
  id: string;
  host: string;
  /** It is in the process of its server, joined by a message channel, and ends with it. Absent: it can outlive it. */
  joined?: true;
}

export interface GrantRow {
  id: GrantId;
  client: number;
  attempt: number;
  /** Task numbers still out, as ascending ranges; tasks that are done need not be taken out. Empty: the grant has ended, delete the row. */
  tasks: Ranges;
}

/** A submitter's high-water mark, with the receipts of its last bundles (an acknowledgement may have been lost). */
export interface SubmitterRow {
  id: string;
  sequence: number;
  /** `[sequence, receipt]`, at most the last 16, as the core gives them. */
  receipts: readonly unknown[];
  seenAt: number;
  /** It has more to submit: a run that may end without a submission waits for it to come back. */
  open: boolean;
}

/** A task that is done is queued again. */
export interface Reopened extends Move {
  /** Its history is forgotten too (a revert); else it goes on (a re-queue). */
  forget: boolean;
}

/** Totals of the whole store, kept by the core, never counted. */
export interface StoreCounts {
  submitted: number;
  /** By `outcomeCode`: index 0 = pending. */
  outcomes: number[];
  retried: number;
  /** Not done, by group. */
  groups: Record<string, number>;
  /** Groups of which a task failed for good, with that task's story; absent in older stores. */
  failed?: Record<string, string>;
  /** How many tasks of those groups did; when all of them were queued again or deleted, the group has not failed. */
  failures?: Record<string, number>;
}

/** One turn of the core: one transaction. Lists may be empty. Order inside a commit: as the fields stand here. */
export interface Writes {
  tasks: StoredTask[];
  clients: ClientRow[];
  grants: GrantRow[];
  moves: Move[];
  /** Attempts that ended without ending their task: history. */
  attempts: AttemptEnd[];
  /** Attempts that ended their task. A task that is done already is left as it is. */
  ends: AttemptEnd[];
  /** Tasks that are done and are queued again. Those that are not done are left as they are. */
  reopened: Reopened[];
  /** New attributes of stored tasks (their tags changed). */
  changed: { n: number; attributes: TaskAttributes | null }[];
  /** Tasks whose every trace goes: row, history, payloads. */
  removed: number[];
  submitters: SubmitterRow[];
  /** Submitters that are forgotten, by id. */
  departed: string[];
  counts: StoreCounts | null;
}

/** What a server finds when it opens a store. */
export interface Recovery {
  /** Already increased and committed. */
  epoch: number;
  /** Whether the last one that recovered from this store closed it; absent: there was none, or it did not say. */
  endedCleanly?: boolean;
  /** 34 random bits, drawn when the store was made; in every public task id. */
  salt: string;
  /** The next task number, and the next client number. */
  nextTask: number;
  nextClient: number;
  counts: StoreCounts;
  /** Ready tasks in all, those in grants excluded. */
  ready: number;
  /** Tasks that wait (by time or dependency), all of them. */
  waiting: StoredTask[];
  /** Grants with tasks that are not done, and those tasks. */
  grants: { id: GrantId; client: number; attempt: number; tasks: StoredTask[] }[];
  clients: ClientRow[];
  submitters: SubmitterRow[];
}

/** All that is recorded of a task; the public shapes are made of it in `data/`. */
export interface TaskRow {
  n: number;
  submittedAt: number;
  task: WireTask;
  state: number;
  group: number;
  attempts: number;
  losses: number;
  /** Null while the task is not done. */
  end: AttemptEnd | null;
  client: ClientRow | null;
}

/** What conditions can be about. Text: `id args command signal clientId clientHost`; names of `outcome`, `state` and `kind` are texts too; the others are numbers; `tag.<key>` is what the tag is. */
export const conditionFields = [
  'n',
  'id',
  'kind',
  'args',
  'command',
  'state',
  'outcome',
  'exitStatus',
  'signal',
  'group',
  'priority',
  'attempt',
  'slot',
  'clientId',
  'clientHost',
  'submittedAt',
  'startedAt',
  'completedAt',
  'waited',
  'duration',
  'cores',
  'memory',
  'timeout',
  'peakCores',
  'peakMemory',
] as const;
export type ConditionField = (typeof conditionFields)[number] | `tag.${string}`;

/**
 * One comparison. A field without a value (null) fulfils `== null` alone, as in SQL: not `!= 5`, and no ordering. `~`: a regular expression that is found in the
 * text. Durations (`waited`, `duration`, `timeout`) and times are in ms here.
 */
export interface Condition {
  field: ConditionField;
  op: '==' | '!=' | '>' | '>=' | '<' | '<=' | '~';
  value: string | number | boolean | null;
}

/** Which ready tasks a refill is about, by lane. */
export interface LaneChoice {
  only?: string;
  except?: readonly string[];
}

/** Which tasks; all given conditions hold together. */
export interface TaskFilter {
  numbers?: readonly number[];
  /** Ids that users gave. */
  ids?: readonly string[];
  group?: number;
  /** Numbers of `storedState`. */
  state?: number;
  /** Numbers of `outcomeCode`. */
  outcome?: number;
  /** Present (null value: `undefined` = any value) with this value. */
  tags?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  /** All of them hold. */
  where?: readonly Condition[];
  /** Of submissions (idempotency). */ keys?: readonly string[];
  orderBy?: 'n' | 'submittedAt' | 'completedAt' | 'durationMs' | 'priority';
  desc?: boolean;
  limit?: number;
  /** For paging: only numbers above (below when `desc`) this one; with the default order only. */
  after?: number;
  /** Only numbers up to this one, itself included (down to it when `desc`). With `after` it bounds what one call looks at: see `search.ts`. */
  upTo?: number;
  /** Rows that are found may lack input, output and value: a store that has them apart need not read them. */
  light?: boolean;
}

export interface TaskStore extends KeepsSessions {
  /** False: gone with the process. */
  readonly durable: boolean;
  recover(): Awaitable<Recovery>;
  commit(writes: Writes): Awaitable<void>;
  /**
   * Commits that may be under way at a time; one where it is not said. They are made in the order of the calls: of those behind one that fails none is made, and
   * each is to be called again, in the same order.
   */
  readonly commitsAtOnce?: number;
  /** There is upkeep that a commit will have to wait for, unless `catchUp` is called while nothing else is to be done. */
  readonly behind?: boolean;
  catchUp?(): void;
  /** Ready tasks that come after `after` in queue order (null: from the start), at most `limit`; `except` are leased now. Queue order = (group, rank, n). */
  ready(after: QueueKey | null, limit: number, lanes?: LaneChoice): Awaitable<StoredTask[]>;
  /** Which of these keys and ids of users are taken, and by which task. */
  known(
    keys: readonly string[],
    ids: readonly string[],
  ): Awaitable<{ keys: ReadonlyMap<string, number>; ids: ReadonlyMap<string, number> }>;
  /** Tasks by number that are not done (for cancel and the like outside the window). */
  pending(numbers: readonly number[]): Awaitable<StoredTask[]>;
  find(filter: TaskFilter): Awaitable<TaskRow[]>;
  count(filter: TaskFilter): Awaitable<number>;
  /** As `find`, but the numbers alone: no row is put together for it. */
  numbers(filter: TaskFilter): Awaitable<number[]>;
  /** How these tasks stand, in the order given: a number of `outcomeCode` (0: not done), or -1 where there is no such task; and their group. */
  outcomes(numbers: readonly number[]): Awaitable<{ n: number; outcome: number; group: number }[]>;
  /** Forget the finished tasks that ended first: those beyond `count`, and those that ended before `before` (epoch ms); null: no such limit. At most `most`; how many it were. */
  retain(limits: { count: number | null; before: number | null }, most: number): Awaitable<number>;
  /** So many are forgotten in one call without that others have to wait for long; absent: not known. */
  readonly retainAtOnce?: number;
  /** Every recorded attempt of a task, oldest first, its end included. */
  history(n: number): Awaitable<AttemptEnd[]>;
  /** Who bears this number in `AttemptEnd.client`; null: nobody. */
  client(n: number): Awaitable<ClientRow | null>;
  /**
   * Tasks in the order in which their ends were recorded, those recorded after `cursor`. `cursor` 0: from the start of what is retained. The returned
   * cursor continues; an empty list: nothing more yet.
   */
  completed(cursor: number, limit: number): Awaitable<{ rows: TaskRow[]; cursor: number }>;
  /** The cursor after the last recorded end. */
  cursor(): Awaitable<number>;
  /** The salt of the public ids of this store. */
  salt(): Awaitable<string>;
  /** Tell others how to reach the holder; gone with `close`. */
  announce?(word: Announcement): Awaitable<void>;
  /** The ids of the servers that stand by to take this store over. */
  followers?(): Awaitable<readonly string[]>;
  /** Leave the queue to one of them; what is recorded can still be read here. */
  release?(): Awaitable<void>;
  close(): Awaitable<void>;
}
