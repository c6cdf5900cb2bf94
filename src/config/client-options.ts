/** What a client can be told, as people write it (`ClientOptions`) and as the client's thread gets it (`ClientConfig`: ms, bytes). */
import type { Writable } from 'node:stream';
import type { Duration, Size, Tags } from '../task/task.ts';
import type {
  Addresses,
  BundleOptions,
  ComponentHooks,
  ComponentOptions,
  ParsedAddress,
  Redirect,
  SecurityOptions,
  TlsConfig,
} from './shared-options.ts';

/** Where the output of a task goes. */
export type Capture = 'result' | 'files' | 'inherit' | 'none' | 'lines';

/** One whole line of a command's output, as it is written. */
export interface TaskLine {
  /** The task's id. */
  id: string;
  attempt: number;
  slot: number;
  stream: 'stdout' | 'stderr';
  /** Without its line break. */
  line: string;
}

/** Memory limits of the threads that run functions, as for `Worker` of `node:worker_threads`. */
export interface ResourceLimits {
  maxOldGenerationSizeMb?: number;
  maxYoungGenerationSizeMb?: number;
  codeRangeSizeMb?: number;
  stackSizeMb?: number;
}

/** How processes are watched. */
export interface MonitorOptions {
  /** Between two looks. Default 1 s, at least 50 ms. */
  interval?: Duration;
  /** Write each task's series to a CSV file (`time,cores,memory`) that its result names. Default true. */
  series?: boolean;
}

/** Options of a client. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS). */
export interface ClientOptions extends SecurityOptions, ComponentOptions, BundleOptions {
  /** The server's address; of servers that share a queue all of them: one is picked by chance, and another one when it does not answer. Default `'localhost:50001'`. */
  address?: Addresses;
  /** Slots: how many tasks run at a time; 0 = as many as there are cores. Default 1. */
  numTasks?: number;
  /** Hold so much work ahead, as time. Default 1 s. */
  prefetch?: Duration;
  /**
   * What is made of a task's line before it runs. Default `'{}'`: the line itself. Beside the parts of the line (`{}` `{.}` `{..}` `{/}` `{/-}` `{-}` `{+}` `{++}`
   * `{[i]}` `{[a:b:c]}`): `{name}`, a field of a line of JSON or a tag; `{slot}`; `{= expression =}`, JavaScript of at most 100 ms with `x` (the line), `fields`,
   * `tags`, `slot`, `basename`, `dirname`, `extname`, `stem` and nothing of Node; `{% command @ %}`, what a shell command prints (at most 64 KiB, 10 s)
   * for the line, which stands in it unquoted for `@`. Literal braces are `{{` and `}}`. Errors: ERR_TEMPLATE.
   */
  template?: string;
  /**
   * `'result'`: up to `captureLimit` bytes of each stream come with the result, and what is longer stays whole in a file that the result names, until the
   * client ends; `'files'`: both streams stay in files that the result names, in a folder for this user alone on the client's host, until somebody removes
   * them; the command finds their paths in `TASK_OUTPATH` and `TASK_ERRPATH`; `'inherit'`: they go to this process's own output, a task at a time;
   * `'none'`: they are dropped. Default `'result'`.
   *
   * A function gets each line as it is written, whole, in the order of its stream, and never two at a time: what it promises is waited for, and when too much
   * is unread the commands wait. All lines of a task come before its result is recorded, which has no output then. Only `\n` ends a line; what is not UTF-8
   * is replaced (U+FFFD); a line longer than 1 MiB comes in pieces. What a process that was left in the background writes after its command has ended is
   * nobody's. A throw ends the client: `join()` rejects with it, and the task is not recorded. After a plain `stop()` or an abort promises are not waited for.
   * Commands write to a named pipe; where the system has none (Windows) it is refused with ERR_SPAWN.
   */
  capture?: Exclude<Capture, 'lines'> | ((line: TaskLine) => void | Promise<void>);
  /** Bytes of each stream that come with a result, at most 7 MiB. Default 1 MiB. */
  captureLimit?: Size;
  /** A command that writes more than so many bytes to both streams together is killed and fails with ERR_OUTPUT_LIMIT; looked at once a second. Default: no limit. */
  outputLimit?: Size;
  /** Bytes of a function's value that come with the result; a larger one stays in a file that the result names. At most 14 MiB. Default 8 MiB. */
  valueLimit?: Size;
  /**
   * Where the standard output of commands goes as well, whatever `capture` says: a stream, or the path of a file that is appended to (made with mode 0600).
   * A whole task at a time in the order of their ending, complete also beyond `captureLimit`, before the result is recorded. A stream that is full is
   * waited for, and the slots with it; it is not ended. Default: nowhere. Errors: ERR_REDIRECT, of `new()` for a path and of `join()` for what fails later.
   */
  redirectOutput?: Redirect;
  /** The same for the standard error. */
  redirectErrors?: Redirect;
  /**
   * Watch cores and memory of each command's process tree: peaks in the result, the series in a file that stays where `capture: 'files'` leaves its
   * files. A command that ends before the first look has none. Reads `/proc`, elsewhere asks `ps`; ERR_OPTION where there is neither. A task that
   * uses more than it asked for is told to the `logger` once. Default false. (Source: HyperShell, `monitor`.)
   */
  monitor?: boolean | MonitorOptions;
  /** Memory limits of the threads that run functions. A thread that exceeds them fails the task that it runs, no other. Default: Node's. */
  resourceLimits?: ResourceLimits;
  /**
   * Leave so long after the start at the latest: nothing is started whose time limit reaches beyond that, and what runs then is stopped by the kill
   * ladder in time and given back to the server, where it counts neither as a failure nor as a loss. Longer than two `taskSignalwait` and half a second,
   * which the end takes (ERR_OPTION). With a `taskTimeout` the client leaves as soon as a task may no longer last that long. Default: never.
   */
  walltime?: Duration;
  /**
   * Cores that the tasks of this client may use together. A task that does not fit yet may be passed by smaller ones that came later, but never so that
   * they keep it waiting: it begins at the latest when what ran before it leaves it room and one run of a task that passed it is over.
   * Default: all that the machine has.
   */
  cores?: number;
  /** Memory that the tasks of this client may use together. Default: all that the machine has. */
  memory?: Size;
  /** Other countable resources that this client has, for instance `{ gpu: 1 }`. Default: none. */
  resources?: Record<string, number>;
  /** Wait so long before the first connection; negative: a random time up to it, so that many clients do not come at once. Part of the `walltime`. Default 0. */
  delayStart?: Duration;
  /** Leave after so long without a task, connected or not. Default: never. */
  clientTimeout?: Duration;
  /** How long to try for the first connection; then `new()` rejects with ERR_CONNECT_TIMEOUT. Default 30 s. */
  connectTimeout?: Duration;
  /** How long to try to get a lost server back; then `join()` rejects with ERR_SERVER_LOST. Default 10 minutes. */
  reconnectTimeout?: Duration;
  /** Longest run of any task here. Default: no limit but the task's own. */
  taskTimeout?: Duration;
  /** Between INT and TERM, and between TERM and KILL, for a task that must end. Default 10 s. */
  taskSignalwait?: Duration;
  /** A sign of life at least so often. Default: what the server tells, 10 s; never more than a third of the server's `evictAfter`. */
  heartrate?: Duration;
  /** At most so many task starts per second, over all slots. Default: no limit. */
  ratelimit?: number;
  /** Do not report when a task begins: fewer messages, and the server tells no `started`. Default false. */
  noConfirm?: boolean;
  /** Facts about this client that others see. Default: none. */
  tags?: Tags;
}

/** The checked options of a client: plain, frozen, cloneable; ms and bytes; null = not set. */
export interface ClientConfig {
  readonly address: ParsedAddress;
  /** Further servers of the same queue. */
  readonly others?: readonly ParsedAddress[];
  readonly auth: string | null;
  readonly tls: TlsConfig | null;
  /** At least 1: all cores are counted already. */
  readonly numTasks: number;
  readonly bundlesize: number;
  readonly bundlewait: number;
  readonly prefetch: number;
  readonly template: string;
  readonly capture: Capture;
  readonly captureLimit: number;
  /** null: no limit. */
  readonly outputLimit: number | null;
  readonly valueLimit: number;
  /** Files that output is appended to; null: none, or the host takes it. */
  readonly outputPath: string | null;
  readonly errorsPath: string | null;
  /** The host takes the whole output of each command: a stream of its own. */
  readonly outputToHost: boolean;
  readonly errorsToHost: boolean;
  readonly monitor: { readonly interval: number; readonly series: boolean } | null;
  readonly resourceLimits: Readonly<ResourceLimits> | null;
  readonly walltime: number | null;
  readonly cores: number | null;
  readonly memory: number | null;
  readonly resources: Readonly<Record<string, number>>;
  /** Negative: a random time up to it. */
  readonly delayStart: number;
  readonly clientTimeout: number | null;
  readonly connectTimeout: number;
  readonly reconnectTimeout: number;
  readonly taskTimeout: number | null;
  readonly taskSignalwait: number;
  /** null: as the server tells. */
  readonly heartrate: number | null;
  readonly ratelimit: number | null;
  readonly noConfirm: boolean;
  readonly tags: Readonly<Tags>;
}

/** What of a client's options stays in the host. */
export interface ClientHooks extends ComponentHooks {
  /** Takes lines; null: `capture` is a word. */
  readonly onLine: ((line: TaskLine) => void | Promise<void>) | null;
  readonly redirectOutput: Writable | null;
  readonly redirectErrors: Writable | null;
}
