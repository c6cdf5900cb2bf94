/**
 * What a task is: the shapes that users write, and the one normal form in which a task travels and is stored.
 *
 * A `WireTask` is made once, by whoever reads the source, and passes unread through server and store to the client
 * that runs it: only `attributes` is looked at on the way.
 */

/** Seconds as a number, or `'250ms' '10s' '5m' '2h' '1d'`. */
export type Duration = number | string;

/** Bytes as a number, or `'512MB' '8G' '8GiB'` (1024-based, the unit case-insensitive). */
export type Size = number | string;

/** A tag's value. */
export type TagValue = string | number | boolean | null;

/** Tags of a task: keys of `[A-Za-z0-9_.+-]{1,120}`. */
export type Tags = Record<string, TagValue>;

/** How long to wait before a retry. */
export interface Backoff {
  /** Wait before the first retry. */
  delay: Duration;
  /** Each further wait is this many times longer. Default 2. */
  factor?: number;
  /** Longest wait. Default 5 minutes. */
  max?: Duration;
  /** Randomise each wait by up to this share of it, 0 to 1. Default 0. */
  jitter?: number;
}

/** What every kind of task may ask for. */
export interface TaskOptions {
  /** A UUID of your own; a second task with the same one is a no-op. Default: one that the server gives. Errors: ERR_TASK for what is no UUID. */
  id?: string;
  /** Idempotency key, up to 1,024 characters: a second submission with the same key is a no-op. Default: none. */
  key?: string;
  /** Phase, 0 or more; a group starts when all lower ones have ended. Default 0. */
  group?: number;
  /** Higher runs first within its group; may be negative. Default 0. */
  priority?: number;
  /** Cores that the task uses on its client, fractions allowed. Default: the server's `taskCores`, else not counted. */
  cores?: number;
  /** Memory that the task uses on its client; counted, not enforced. Default: the server's `taskMemory`, else not counted. */
  memory?: Size;
  /** Other countable resources, for instance `{ gpu: 1 }`: only clients that have them run it. Default: none. */
  resources?: Record<string, number>;
  /** Longest run; then the kill ladder starts and the outcome is `timeout`. Default: the server's `taskTimeout`, else no limit. */
  timeout?: Duration;
  /** Facts for queries, limits, templates and `TASK_TAG_…`. Default: none. Errors: ERR_TAG. */
  tags?: Tags;
  /** Not before this time, or this long after submission. Default: at once. */
  startAfter?: Date | Duration;
  /** Ids of tasks that must have ended well before this one may start; they must have been submitted before it (else it is rejected, ERR_DEPENDENCY). Default: none. */
  dependsOn?: string[];
  /** When a task that it depends on does not succeed: `'reject'` (default) ends this one at once as `rejected`, `'run'` runs it all the same. */
  dependencyFailure?: 'reject' | 'run';
  /**
   * Repeat: run at each time that this cron line matches (`'0 3 * * *'`, with seconds as six fields); the next run is made when one has ended, whatever its
   * outcome but `cancelled` and `rejected`. Times that were missed are made up for by one run. A run with such a task does not end by itself. Default: run once. Errors: ERR_CRON.
   */
  cron?: string;
  /** The IANA time zone of `cron`, for instance `'Europe/Berlin'`. Default: that of the server's machine. Errors: ERR_CRON. */
  timezone?: string;
  /** Further attempts after a failure. Default: the server's `maxRetries`. */
  maxRetries?: number;
  /** How long to wait before a retry; a duration is the first wait. Default: the server's `backoff`, else at once. */
  backoff?: Backoff | Duration;
  /** Added to the client's environment (shell only). Default: nothing. */
  env?: Record<string, string>;
  /** Working directory on the client (shell only). Default: that of the client's process. Errors: ERR_CWD, of the task. */
  cwd?: string;
  /** Standard input (shell only). Default: empty. */
  stdin?: string | Uint8Array;
}

/** A shell command line. */
export interface ShellTask extends TaskOptions {
  /** For `/bin/sh`, or for the client's template. A directive in it is not read: that is for plain lines. */
  args: string;
}

/** A function: an export of a module, called with arguments that can be cloned. */
export interface FunctionTask extends TaskOptions {
  /** A `file:` URL, an absolute path, or a package's name as the client resolves it. */
  module: string | URL;
  /** The export. Default `'default'`. */
  name?: string;
  /** What it is called with: values that can be cloned, at most 14 MiB. Default: nothing. Errors: ERR_NOT_CLONEABLE. */
  args?: unknown[];
}

/** What a source yields. A string is one command line; its inline directive is read. */
export type TaskInput = string | ShellTask | FunctionTask;

/** Kinds as they are stored. */
export const taskKinds = ['shell', 'function'] as const;
export type TaskKind = (typeof taskKinds)[number];

/** `TaskOptions` in units of the machine: milliseconds, bytes, epoch milliseconds. Plain JSON; absent = not set. */
export interface TaskAttributes {
  id?: string;
  key?: string;
  group?: number;
  priority?: number;
  cores?: number;
  memory?: number;
  resources?: Record<string, number>;
  timeout?: number;
  tags?: Tags;
  startAfter?: number;
  /** As `startAfter`, but counted by the server from the submission. */
  startDelay?: number;
  /** Ids as given. */
  dependsOn?: string[];
  /** The task numbers of `dependsOn`: set by the server that accepts the task. */
  parents?: number[];
  /** Attempts before the task was queued again: retries are counted from there. Set by the server. */
  earlierAttempts?: number;
  dependencyFailure?: 'reject' | 'run';
  cron?: string;
  timezone?: string;
  /** Named fields of a line of JSON that are no options: for `{name}` in templates. */
  fields?: Record<string, TagValue>;
  /** Its place in its source, from 1, where a job log is kept. */
  place?: number;
  maxRetries?: number;
  backoff?: { delay: number; factor: number; max: number; jitter: number };
  env?: Record<string, string>;
  cwd?: string;
  /** The task was refused when it was read: it is recorded with outcome `rejected` and never runs. */
  rejected?: { code: string; message: string };
}

/**
 * A task as it travels and is stored.
 * `kind`: index into `taskKinds`. `args`: the command line, or `module#name`.
 * `input`: shell: standard input; function: the arguments, as JSON text where JSON holds them, else as msgpack bytes.
 */
export type WireTask = readonly [kind: number, args: string, input: string | Uint8Array | null, attributes: TaskAttributes | null];
