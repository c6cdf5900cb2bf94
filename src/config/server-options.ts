/** What a server can be told, as people write it (`ServerOptions`) and as the server's thread gets it (`ServerConfig`: ms, bytes). */
import type { Writable } from 'node:stream';
import type { TaskResult } from '../task/result.ts';
import type { Backoff, Duration, Size } from '../task/task.ts';
import type { HttpServerConfig, HttpServerOptions } from './http-server-options.ts';
import type {
  Address,
  BundleOptions,
  ComponentHooks,
  ComponentOptions,
  ParsedAddress,
  Redirect,
  SecurityOptions,
  Source,
  TlsConfig,
} from './shared-options.ts';

/** Options of a server. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS). */
export interface ServerOptions extends SecurityOptions, ComponentOptions, BundleOptions {
  /** Tasks to submit at the start. Default: none; they come from submitters. */
  source?: Source;
  /** Where to listen; port 0 is any free port. Default `'localhost:50001'`. Beyond loopback it needs `auth`. */
  address?: Address;
  /** How many connections are kept, in all and from one address; see there. Failed handshakes are limited besides, with nothing to set. */
  connectionLimits?: ConnectionLimits;
  /** Where tasks are kept: absent or `'memory:'` in memory; a path or `'sqlite:path'` in an SQLite file; `'postgres://user:password@host/database'` in a schema of PostgreSQL. */
  database?: string;
  /** Keep tasks in memory whatever `database` says. Default false. */
  inMemory?: boolean;
  /** Go on until stopped, also when nothing is left to do. Not with `restartMode`. Default false. */
  foreverMode?: boolean;
  /** May end without a submission, once the store holds nothing pending: to finish what an earlier run left. Default false. */
  restartMode?: boolean;
  /** Further attempts of a task that failed. Default 0. */
  maxRetries?: number;
  /** How long to wait before a retry: a duration, or its first wait with `factor` (2), `max` (5 minutes) and `jitter` (0). Default: at once. */
  backoff?: Backoff | Duration;
  /**
   * A task whose client was lost this many times ends with outcome `lost`. Default 5. From one loss less on (with 3 or more) it runs alone, on a client
   * that holds nothing else, so that it takes no others with it.
   */
  maxLosses?: number;
  /** Retry failed tasks before new ones. Default false: after them. */
  eager?: boolean;
  /** A client that was silent for so long is given up and its tasks go to others; at least 2 s. Default 60 s. */
  evictAfter?: Duration;
  /** How long tasks of a broken connection wait for their client to come back, and after a restart those of a `runLocal` that was killed. Default: a tenth of `evictAfter`, but 0.5 s at least and 5 s at most. */
  reconnectGrace?: Duration;
  /** The last finished tasks that are kept: how many (default: 100,000 in memory, all in a file), and for how long (default: for ever). */
  retain?: { count?: number; age?: Duration };
  /** End at the first task that fails for good: what runs is stopped, the rest stays pending, and `join()` resolves. Default false. */
  failFast?: boolean;
  /** Start the next group although a task of this one failed for good. Default false: the run ends, and `join()` rejects with ERR_GROUP_FAILED. */
  continueOnFailure?: boolean;
  /** `join()` rejects with ERR_TASK_FAILED when a task did not succeed and was not cancelled, with the summary and the first ten in `details`. Default false. */
  throwOnFailure?: boolean;
  /** Longest run of a task that names none itself. Default: no limit. */
  taskTimeout?: Duration;
  /** Cores of a task that names none itself. Default: not counted. */
  taskCores?: number;
  /** Memory of a task that names none itself. Default: not counted. */
  taskMemory?: Size;
  /** Clients need not report when a task begins: fewer messages, and `started` is never told. Default false. */
  noConfirm?: boolean;
  /**
   * Where the command line of each task goes that failed for good, timed out, was lost or rejected: a stream or the path of a file that is appended to (a line
   * each; made with mode 0600), or a function. As it was given, without its directive; of a function task `module#name`. Once, in the order of recording,
   * after the commit (not at all when the server dies in between), all of them before `join()` resolves. The file can be served again. A stream is waited
   * for and not ended. Default: nowhere. Errors: ERR_REDIRECT; what the function throws ends the server.
   */
  redirectFailures?: Redirect | ((args: string) => void);
  /** At most so many at a time, or so many starts in a time, of the tasks that share the value of a tag. Default: no limit. */
  limits?: Limit | readonly Limit[];
  /**
   * A file in the format of GNU parallel's `--joblog` that gets a line for each finished task, at the latest a second after its end is recorded. Its first
   * column is the place of the task in `source`, 0 for one that came from elsewhere. It is begun anew unless `resume` is given. Default: none. Errors: ERR_JOB_LOG, which also ends a run whose log cannot be written.
   */
  joblog?: string;
  /**
   * Tasks of `source` that were submitted before are not submitted again: what is done stays done, what is left is finished. `'failed'`: those that did
   * not succeed are queued again. With a `database` tasks are known by their content (as by `key: 'content'` of a submission), so give it from the first run
   * on; with a `joblog` alone, by their place in the source (as `--resume` and `--resume-failed` of GNU parallel do). Default false.
   * Errors: ERR_OPTION without either, ERR_JOB_LOG.
   */
  resume?: boolean | 'failed';
  /** A malformed task of `source` ends the run with its error. Default false: it is recorded as `rejected`. */
  strict?: boolean;
  /**
   * The server's own face over HTTP: tasks, clients, progress, events, metrics, a page to look at, and routes of your own. `{}` listens on `'localhost:50080'`.
   * Default: none, and nothing of it is loaded.
   */
  http?: HttpServerOptions;
  /** Called once per recorded result, one at a time; a promise holds the next one back, and in the end the clients. A throw stops the server. */
  onResult?: (result: TaskResult) => void | Promise<void>;
}

/**
 * How many connections a server keeps. An address is an IPv4 address or an IPv6 /64 network; a unix socket counts in the totals alone. The defaults let
 * thousands of clients work from behind one address. Beside them, and with nothing to set, attempts from an address that keeps failing to prove
 * itself are slowed: after 100 failures one further attempt is judged every 25 ms, then 50, up to 250 ms, the others wait their turn by lot; what
 * succeeds is not counted, and after half a minute of quiet all is forgotten.
 */
export interface ConnectionLimits {
  /** That have proved themselves, in all. One more is cut off and tries again later. Default 16,384. */
  total?: number;
  /** The same from one address. Default 8,192. */
  perAddress?: number;
  /** That have not proved themselves yet, in all; one more costs the address with most of them its oldest. Default 1,024. */
  unauthenticated?: number;
  /** The same from one address, which costs it its oldest. Default 1,024. */
  unauthenticatedPerAddress?: number;
}

/** A limit on tasks that have the same value of a tag; tasks without the tag are not limited. */
export interface Limit {
  /** The tag's key. */
  key: string;
  /** At most so many at a time, over all clients; at least 1. Default: no limit, and then `rate` is needed. */
  concurrency?: number;
  /** At most so many starts in a time, as `'10/s'`, `'100/m'`, `'1000/h'`, `'5000/d'`; one second's worth may start at once. Default: no limit. */
  rate?: string;
}

/** A limit in the machine's units: `rate` starts in `per` ms; null: none. */
export interface LimitConfig {
  readonly key: string;
  readonly concurrency: number | null;
  readonly rate: { readonly starts: number; readonly per: number } | null;
}

/** Backoff in ms. */
export interface BackoffConfig {
  readonly delay: number;
  readonly factor: number;
  readonly max: number;
  readonly jitter: number;
}

/** The checked options of a server: plain, frozen, cloneable; ms and bytes; null = not set. */
export interface ServerConfig {
  readonly address: ParsedAddress;
  readonly auth: string | null;
  readonly tls: TlsConfig | null;
  /** Those that were given. */
  readonly connectionLimits: Readonly<ConnectionLimits>;
  /** As given; null = memory. */
  readonly database: string | null;
  readonly bundlesize: number;
  readonly bundlewait: number;
  readonly foreverMode: boolean;
  readonly restartMode: boolean;
  readonly maxRetries: number;
  readonly backoff: BackoffConfig | null;
  readonly maxLosses: number;
  readonly eager: boolean;
  readonly evictAfter: number;
  /** What the server tells its clients: 10 s, but at most a third of `evictAfter`. */
  readonly heartrate: number;
  readonly reconnectGrace: number;
  /** `count` null: all in a file, 100,000 in memory. */
  readonly retain: { readonly count: number | null; readonly age: number | null };
  readonly noConfirm: boolean;
  readonly limits: readonly LimitConfig[];
  /** The file that failures are appended to; null: none, or the host takes them. */
  readonly failuresPath: string | null;
  /** The host takes failures: a stream or a function. */
  readonly failuresToHost: boolean;
  readonly joblog: string | null;
  readonly resume: boolean | 'failed';
  readonly strict: boolean;
  readonly failFast: boolean;
  readonly continueOnFailure: boolean;
  readonly throwOnFailure: boolean;
  readonly taskTimeout: number | null;
  readonly taskCores: number | null;
  readonly taskMemory: number | null;
  /** Null: it has none. */
  readonly http: HttpServerConfig | null;
}

/** What of a server's options stays in the host. */
export interface ServerHooks extends ComponentHooks {
  readonly source: Source | null;
  readonly redirectFailures: Writable | ((args: string) => void) | null;
  readonly onResult: ((result: TaskResult) => void | Promise<void>) | null;
}
