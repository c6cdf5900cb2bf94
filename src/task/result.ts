/**
 * What is known of a task after and while it runs: results, summaries, progress; and the compact form in which a result
 * travels from client to server and is stored.
 */
import type { TagValue, TaskKind } from './task.ts';

export const outcomes = ['none', 'succeeded', 'failed', 'cancelled', 'timeout', 'lost', 'rejected'] as const;
export type Outcome = Exclude<(typeof outcomes)[number], 'none'>;

/** Numbers of the outcomes on the wire and in the store: the index into `outcomes`. */
export const outcomeCode = { none: 0, succeeded: 1, failed: 2, cancelled: 3, timeout: 4, lost: 5, rejected: 6 } as const;

/** Those of tasks that did not succeed and were not cancelled: what makes a group a failed one. */
export const failureCodes: ReadonlySet<number> = new Set([outcomeCode.failed, outcomeCode.timeout, outcomeCode.lost, outcomeCode.rejected]);

/** An error that ended a function task, as plain data. */
export interface TaskError {
  name: string;
  message: string;
  code: string | null;
  stack: string | null;
  /** What it says was its cause, and that one's cause; at most four. */
  cause?: TaskError;
}

/** An error of this library by which a task ends. */
export function libraryError(code: string, message: string): TaskError {
  return { name: 'MillraceError', message, code, stack: null };
}

/** The recorded end of a task. */
export interface TaskResult<T = unknown> {
  id: string;
  kind: TaskKind;
  /** The line as given; for a function `module#name`. */
  args: string;
  /** After the template; null for a function and for what never ran. */
  command: string | null;
  outcome: Outcome;
  /** 0..255; null when ended by a signal, never run, or a function. */
  exitStatus: number | null;
  signal: NodeJS.Signals | null;
  /** Empty when not captured into the result. */
  stdout: Buffer;
  stderr: Buffer;
  stdoutPath?: string;
  stderrPath?: string;
  /** The captured output is longer than `captureLimit`. */
  truncated: boolean;
  value: T | undefined;
  /** On the client's host: the file of a value that is too large to travel. */
  valuePath?: string;
  /** With `monitor`: the most cores and bytes of memory that the process tree was seen to use, and the file of the series. */
  peakCores?: number;
  peakMemory?: number;
  monitorPath?: string;
  error: TaskError | null;
  attempt: number;
  group: number;
  tags: Record<string, TagValue>;
  clientId: string | null;
  clientHost: string | null;
  slot: number | null;
  /** ms since the epoch, by the machine that saw it; never compare them across machines. */
  submittedAt: number;
  startedAt: number | null;
  completedAt: number;
  /** ms by the server's monotonic clock, from the commit to the notice of the start. */
  waitedMs: number;
  /** ms by the client's monotonic clock. */
  durationMs: number;
}

/** Counts of a run. `submitted` = accepted + rejected, without duplicates. */
export interface Summary {
  submitted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  timedOut: number;
  lost: number;
  rejected: number;
  pending: number;
  /** Attempts beyond the first of each task. */
  retried: number;
  /** Results of ended leases that were refused, or came twice. */
  duplicatesRefused: number;
  durationMs: number;
  tasksPerSecond: number;
}

/** The counts so far. */
export interface Progress extends Summary {
  waiting: number;
  ready: number;
  leased: number;
  running: number;
  clients: number;
  slots: number;
  /** Estimated time left; null while no rate is known. */
  etaMs: number | null;
  /**
   * The database cannot be written, and why; absent: it can. Meanwhile the counts of what was submitted and what has ended are those that are recorded;
   * those of tasks that have not ended are of now.
   */
  stalled?: { code: string; message: string };
}

/** What a result carries beyond the numbers; absent = none. Text where it is UTF-8 without NUL, else bytes. */
export interface ResultExtra {
  command?: string;
  signal?: string;
  stdout?: string | Uint8Array;
  stderr?: string | Uint8Array;
  stdoutPath?: string;
  stderrPath?: string;
  truncated?: true;
  /** JSON text where JSON holds the value, else msgpack bytes. */
  value?: string | Uint8Array;
  valuePath?: string;
  peakCores?: number;
  peakMemory?: number;
  monitorPath?: string;
  error?: TaskError;
}

/**
 * A result as it travels: `n` is the task's number, `outcome` a number of `outcomeCode`,
 * `startedAt` epoch ms by the client, `durationMs` by its monotonic clock.
 */
export type WireResult = readonly [
  n: number,
  outcome: number,
  exitStatus: number | null,
  startedAt: number | null,
  durationMs: number,
  slot: number | null,
  extra: ResultExtra | null,
];
