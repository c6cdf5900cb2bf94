/**
 * Every message of the protocol, as types. `PROTOCOL.md` beside this file says why and when each is sent.
 *
 * A message is a tuple whose first item is its tag. Roles exchange nothing else. Units: ms, bytes.
 */
import type { WireResult } from '../task/result.ts';
import type { WireTask } from '../task/task.ts';
import type { WireError } from './wire-error.ts';

/** `control`: a handle or `connect()`; it may also submit. */
export type Role = 'client' | 'submitter' | 'control' | 'caller' | 'server';

/** What the dialling side says of itself, inside the authenticated handshake. */
export interface PeerInfo {
  role: Role;
  /** UUID v7 of the component. */
  id: string;
  host: string;
  pid: number;
  /** Client only: what its id was made with. Others see the id, and could else take its place. */
  token?: string;
  /** Client only. */
  client?: ClientCapacity;
}

/** What a client offers. */
export interface ClientCapacity {
  slots: number;
  /** null: not limited. */
  cores: number | null;
  memory: number | null;
  resources: Record<string, number>;
  tags: Record<string, string | number | boolean | null>;
  /** ms from the hello until it must have ended; absent: no end is known. */
  walltime?: number;
}

/** A grant's number: epoch × 2^32 + counter. Unique for ever; the fence. */
export type GrantId = number;

/** A task in a grant: its number, its submission time (its public id follows from both) and the task. */
export type GrantedTask = readonly [n: number, submittedAt: number, task: WireTask];

/** Task numbers as ascending ranges: [first, last, first, last…], inclusive. A task of a grant is named by its number: what is left of a grant after a restart keeps its names. */
export type Ranges = readonly number[];

// ---- hello ---------------------------------------------------------------------------------------------------------

/** A limit as clients keep it: at most so many at a time of the tasks with the same value of this tag. */
export type ChainLimit = readonly [key: string, concurrency: number];

/** The server's answer to a hello: its id, epoch and the salt of public task ids, and how often to send a heartbeat. */
export type Welcome = readonly [
  'welcome',
  server: {
    id: string;
    host: string;
    epoch: number;
    salt: string;
    heartrate: number;
    evictAfter: number /** Starts need not be told. */;
    noConfirm?: true;
    /** Of tasks with these tags a client may get more than may run: it holds the others back. */
    limits?: readonly ChainLimit[];
  },
];

/** Sent when nothing else was for `heartrate`; both ways. */
export type Heartbeat = readonly ['heartbeat'];

/**
 * The run is over or the server is being stopped: end in good order, do not reconnect. `elsewhere`: this server ends, others of its queue go on: who knows another
 * address goes there.
 */
export type End = readonly ['end', reason: 'complete' | 'stopped' | 'failed' | 'elsewhere'];

/** The sender leaves for good. */
export type Bye = readonly ['bye'];

// ---- work: server and client ------------------------------------------------------------------------------------------

/** client: the full list of what it holds (unstarted, running, unacknowledged); first message of every connection. */
export type Resume = readonly ['resume', held: readonly (readonly [grant: GrantId, held: Ranges])[]];
/** server: answer to resume: what the client must forget. Work may follow. */
export type Resumed = readonly ['resumed', drop: readonly (readonly [grant: GrantId, tasks: Ranges])[]];
/** client: it can take this many more tasks, in all; absolute, the highest sequence counts. */
export type Want = readonly ['want', sequence: number, tasks: number, free: number];
/** server: a lease on a bundle. */
export type Work = readonly ['work', grant: GrantId, attempt: number, tasks: readonly GrantedTask[]];
/** client: these began to run. */
export type Started = readonly ['started', grant: GrantId, tasks: Ranges];
/** client: what running functions said of how far they are: of each task the last word; its value as JSON text or msgpack bytes. Not acknowledged. */
export type TaskProgress = readonly [
  'progress',
  said: readonly (readonly [grant: GrantId, words: readonly (readonly [n: number, value: string | Uint8Array])[]])[],
];
/** client: results, in one numbered message (numbers count from 1 on each connection). */
export type Results = readonly [
  'results',
  sequence: number,
  bundles: readonly (readonly [grant: GrantId, results: readonly WireResult[]])[],
];
/** server: every result up to this message is settled: recorded, duplicate or refused; the client forgets them. */
export type Acknowledged = readonly ['ack', sequence: number];
/** server: give back up to this many unstarted tasks, from the tail. */
export type Recall = readonly ['recall', tasks: number];
/** client: what it gives back (perhaps nothing): the one answer to a recall, or on a drain. */
export type GivenBack = readonly ['back', given: readonly (readonly [grant: GrantId, tasks: Ranges])[]];
/** server: these are cancelled: drop them, kill what runs; no result is wanted. */
export type CancelTasks = readonly ['cancel', cancelled: readonly (readonly [grant: GrantId, tasks: Ranges])[]];
/** server: start nothing more, give back what is unstarted, finish what runs, then leave. */
export type Drain = readonly ['drain'];

// ---- submit ------------------------------------------------------------------------------------------------------------

/** A bundle; idempotent by (submitter, sequence). `watch`: send the results of these tasks back on this connection. */
export type Submit = readonly ['submit', submitter: string, sequence: number, tasks: readonly WireTask[], watch: boolean];
/** The bundle is committed. `first` is the number of its first accepted task; duplicates name the places that were known. */
export type Submitted = readonly [
  'submitted',
  submitter: string,
  sequence: number,
  receipt: {
    first: number;
    submittedAt: number;
    count: number;
    duplicates: readonly (readonly [place: number, n: number])[];
    rejected: number;
  },
];
/** The submitter has no more bundles; the run may end without it. */
export type SubmitterDone = readonly ['submitter-done', submitter: string];
/** A submitter opens: the run does not end while it is open and its connection lives or may come back. */
export type SubmitterOpen = readonly ['submitter-open', submitter: string];

// ---- requests: any connection --------------------------------------------------------------------------------------------

export type Request = readonly ['?', id: number, method: string, params: unknown];
export type Answer = readonly ['=', id: number, value: unknown];
export type Refusal = readonly ['!', id: number, error: WireError];
/** An event that the peer subscribed to. */
export type EventMessage = readonly ['event', name: string, value: unknown];

export type Message =
  | Welcome
  | Heartbeat
  | End
  | Bye
  | Resume
  | Resumed
  | Want
  | Work
  | Started
  | TaskProgress
  | Results
  | Acknowledged
  | Recall
  | GivenBack
  | CancelTasks
  | Drain
  | Submit
  | Submitted
  | SubmitterDone
  | SubmitterOpen
  | Request
  | Answer
  | Refusal
  | EventMessage;
