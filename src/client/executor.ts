/**
 * The port between the client's core and what runs tasks. Two executors stand behind it: shell slots and the function
 * pool. An executor decides nothing: it starts what it is told to on the slot it is told, passes signals on, and reports
 * each end once.
 */
import type { MillraceError } from '../base/errors.ts';
import type { ResultExtra } from '../task/result.ts';
import type { TagValue } from '../task/task.ts';

/** One attempt to be run. */
export interface Execution {
  /** Chosen by the caller; unique on this client while it runs. */
  readonly key: number;
  /** The task's public id and the number of this attempt. */
  readonly id: string;
  readonly attempt: number;
  /** Shell: the command line after the template. Function: `module#name`. */
  readonly command: string;
  /** Shell: standard input, null = empty. Function: arguments (JSON text or msgpack bytes), null = none. */
  readonly input: string | Uint8Array | null;
  /** Functions: one argument more, the last, as it is; as a text it goes to the thread once for all calls of a batch that have the same. */
  readonly common?: string | Uint8Array;
  /** What the task's environment has beside the client's own (shell). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  /** What the task asked for, where it is compared with what it uses: cores, bytes. */
  readonly asked?: { readonly cores?: number; readonly memory?: number };
  /** Functions: how the tasks that it depends on ended, in the order of `dependsOn`; absent: it depends on none. */
  readonly parents?: readonly ParentEnd[];
  /** Functions: the task's group and tags, where they are not 0 and none. */
  readonly group?: number;
  readonly tags?: Readonly<Record<string, TagValue>>;
  /** Functions: the context of the trace that the task was submitted in, as variables. */
  readonly trace?: Readonly<Record<string, string>>;
}

/** How a task ended on which another one depends. `value`, `stdout`: as in `ResultExtra`. */
export interface ParentEnd {
  readonly id: string;
  /** A number of `outcomeCode`. */
  readonly outcome: number;
  readonly value: string | Uint8Array | null;
  readonly stdout: string | Uint8Array | null;
  /** On the parent's host: the file of a value that was too large to travel. */
  readonly valuePath?: string;
}

/** Whole lines of one stream of a running command, in order, each without its line break. One that is longer than 1 MiB comes in pieces. */
export interface OutputLines {
  readonly id: string;
  readonly attempt: number;
  readonly slot: number;
  readonly stream: 'stdout' | 'stderr';
  readonly lines: readonly string[];
}

/** How an attempt ended. */
export interface ExecutionEnd {
  readonly key: number;
  readonly outcome: 'succeeded' | 'failed';
  readonly exitStatus: number | null;
  /** Epoch ms. */
  readonly startedAt: number;
  /** By the monotonic clock. */
  readonly durationMs: number;
  readonly extra: ResultExtra | null;
  /** It never began (no process, no file could be had): to be started again later as the same attempt. */
  readonly notStarted?: MillraceError;
}

export interface ExecutorHandlers {
  /** Attempts of this slot ended. `idle`: the slot is ready for the next `start` (a retired shell slot only when its successor stands). */
  ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void;
  /** Nothing runs on the slot any more, so nothing of it can take too long; the end follows once its output was delivered. */
  quiet?(slot: number): void;
  /** A running function said how far it is: JSON text or msgpack bytes. Its last word comes before its end. Absent: nobody is told. */
  progress?(slot: number, key: number, value: string | Uint8Array): void;
  /**
   * Lines of commands, while they run, where `capture` asks for them: all of a task before its end is told. A promise holds the stream back,
   * and the command with it when its pipe is full; a rejection ends the executor.
   */
  lines?(lines: OutputLines): void | Promise<void>;
  /** The executor itself cannot go on (no shell, no temporary folder). */
  failed(error: MillraceError): void;
}

export type TaskSignal = 'SIGINT' | 'SIGTERM' | 'SIGKILL';

/** Paths of both streams; `/dev/null`: that one goes where it cannot be looked at. */
export interface OutputFiles {
  readonly output: string;
  readonly errors: string;
}

export interface Executor {
  /**
   * Run these one after the other on an idle slot (0-based). More than one only for functions: they travel to the
   * thread in one message. Never throws: what cannot be started is reported by `ended`.
   */
  start(slot: number, executions: readonly Execution[]): void;
  /**
   * To the whole process group of what runs on the slot; a function's thread is ended at SIGKILL, its `AbortSignal` fires at the first.
   * Nothing when the slot is idle, or runs another execution than `key` by now (a batch goes on by itself).
   */
  signal(slot: number, signal: TaskSignal, key?: number): void;
  /**
   * The calls of a batch that wait behind one which takes longer than expected come back, as not started, and those before it are told, should
   * their ends still be kept to be told together; the one that runs goes on. Absent: no batches.
   */
  relieve?(slot: number): void;
  /** Where what runs on the slot writes; null: another execution runs there by now. Absent: nothing is written. */
  files?(slot: number, key: number): OutputFiles | null;
  /** Kill everything, free everything: resolves when no process, thread and temporary file is left (files named in results stay). */
  close(): Promise<void>;
}
