/** A connection to a server that runs elsewhere, for its users; and task data without a server. */
import type { Addresses } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { parseConnectOptions } from '../config/connect.ts';
import type { ConnectOptions } from '../config/connect-options.ts';
import type { Source } from '../config/shared-options.ts';
import { parseHandleSubmitOptions } from '../config/submit.ts';
import type { SubmitOptions } from '../config/submit-options.ts';
import { type ClientInfo, ServerControl } from '../control/control.ts';
import type { SubmitReceipt } from '../control/receipts.ts';
import type { ResultsOptions } from '../control/results.ts';
import type { TaskQuery } from '../data/query.ts';
import { StoredTasks, type Upkeep } from '../data/stored-tasks.ts';
import type { StoredTaskData, TaskData } from '../data/task-data.ts';
import { databasePath, isPostgres, openStore } from '../store/open.ts';
import type { Progress, TaskResult } from '../task/result.ts';
import type { TaskInput } from '../task/task.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { dialUntil } from '../transport/reconnect.ts';
import { type ConnectionEvents, RemoteEvents } from './remote-events.ts';

/** Signs of life of a connection, until the server tells its own rate (ms). */
const firstHeartrate = 500;

/** Of several addresses one is tried for so long (ms). */
const longestAttempt = 5_000;

/** What the handle of a server can do, from any process. */
export class ServerConnection {
  readonly #control: ServerControl;
  readonly #events: RemoteEvents;

  /** For `connect`. */
  constructor(control: ServerControl, events: RemoteEvents) {
    this.#control = control;
    this.#events = events;
  }

  /** Task data: queries, history, explanations, changes, export. */
  get tasks(): TaskData {
    return this.#control.tasks;
  }

  /** Submit tasks; resolves after they are committed. Errors: ERR_SOURCE…, ERR_ENDED, ERR_CONNECTION_CLOSED. */
  async submit(source: Source, options: SubmitOptions = {}): Promise<SubmitReceipt> {
    const { config, hooks } = parseHandleSubmitOptions(options);
    return this.#control.submit(source, config, hooks.signal);
  }

  /** Submit one task and wait for its recorded result, whatever its outcome is. Errors: ERR_TASK and its kin, ERR_ENDED, ERR_CONNECTION_CLOSED. */
  run<T = unknown>(task: TaskInput): Promise<TaskResult<T>> {
    return this.#control.run<T>(task);
  }

  /** Recorded results of the server's run, in the order of their recording or of the input. To be called before the run has ended: later it may reject with ERR_ENDED. */
  results(options: ResultsOptions = {}): AsyncIterableIterator<TaskResult> {
    return this.#control.results(options);
  }

  /** The counts so far. */
  progress(): Promise<Progress> {
    return this.#control.progress();
  }

  /** The clients that are known, also those that are away. */
  clients(): Promise<ClientInfo[]> {
    return this.#control.clients();
  }

  /** Cancel tasks by id or query; resolves, with their number, when that is recorded. Running ones are then being killed. Errors: ERR_QUERY, ERR_ENDED. */
  cancel(which: readonly string[] | TaskQuery): Promise<number> {
    return this.#control.cancel(which);
  }

  /** Be told of events of the server from now on, as on its handle. They end with the connection. */
  on<Name extends keyof ConnectionEvents>(event: Name, listener: ConnectionEvents[Name]): this {
    this.#events.add(event, listener, false);
    return this;
  }

  /** As `on`, for the next event only. */
  once<Name extends keyof ConnectionEvents>(event: Name, listener: ConnectionEvents[Name]): this {
    this.#events.add(event, listener, true);
    return this;
  }

  /** Take a listener back; without one, all of this event. */
  off<Name extends keyof ConnectionEvents>(event: Name, listener?: ConnectionEvents[Name]): this {
    this.#events.remove(event, listener);
    return this;
  }

  /** Leave; open calls reject with ERR_ENDED. */
  async close(): Promise<void> {
    await this.#control.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Connect to a server, or to one of those that share a queue. Errors: ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_VERSION, ERR_TLS, ERR_ADDRESS, ERR_OPTION and its kin, ERR_ABORTED. */
export async function connect(address: Addresses, options: ConnectOptions = {}): Promise<ServerConnection> {
  const { config, hooks } = parseConnectOptions(address, options);
  const clock = systemClock;
  const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
  const { auth, tls, connectTimeout } = config;
  const signal = hooks.signal === null ? {} : { signal: hooks.signal };
  const { dial } = await import('../transport/dial.ts');
  const all = [config.address, ...(config.others ?? [])];
  // A machine that is gone answers nothing at all.
  const longest = all.length > 1 ? longestAttempt : Number.POSITIVE_INFINITY;
  let place = Math.floor(clock.random() * all.length);
  const connection = await dialUntil(
    (left) => dial(all[place++ % all.length]!, { auth, tls, self, clock, timeout: Math.min(left, longest), ...signal }),
    {
      clock,
      timeout: connectTimeout,
      ...signal,
    },
  );
  const watch = (heartrate: number, limit: number): (() => void) => {
    const silent = new MillraceError('ERR_CONNECTION_CLOSED', `the server was silent for ${limit} ms: connect again`);
    return watchHeartbeat(connection, { heartrate, limit, clock, onSilent: () => connection.destroy(silent) });
  };
  let stopHeartbeat = watch(firstHeartrate, connectTimeout);
  const events = new RemoteEvents(hooks.logger);
  const control = new ServerControl(connection, clock, {
    event: (name, value) => events.receive(name, value),
    welcomed: ({ heartrate, evictAfter }) => {
      stopHeartbeat();
      stopHeartbeat = watch(heartrate, evictAfter);
    },
    closed: () => stopHeartbeat(),
  });
  events.open(await control.salt, (names) => void control.listen(names).catch(() => {}));
  return new ServerConnection(control, events);
}

/**
 * The task data of a database without a server, also beside a running one; what changes tasks or the file holds it for that moment.
 * Errors: ERR_DATABASE and its kin, ERR_OPTION for a database in memory.
 */
export async function openTasks(database: string): Promise<StoredTaskData> {
  if (typeof database !== 'string' || (!isPostgres(database) && databasePath(database) === null))
    throw new MillraceError(
      'ERR_OPTION',
      'openTasks() takes the path of a database file, or the address of a PostgreSQL database: what is in memory belongs to its server',
    );
  const clock = systemClock;
  const store = await openStore(database, { access: 'read', clock });
  const upkeep: Upkeep = {
    async change(query, change) {
      // The server's code is loaded by those who change tasks.
      const { changeStored } = await import('./stored-change.ts');
      return changeStored(database, query, change, clock);
    },
    rotate: async (target, age) => (await maintenance()).rotateDatabase(database, target, age, clock),
    vacuum: async () => (await maintenance()).vacuumDatabase(database, clock),
    backup: async (target) => (await maintenance()).backupDatabase(database, target),
  };
  try {
    return new StoredTasks(store, await store.salt(), clock, upkeep);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Loaded by those who use it, as SQLite is. */
const maintenance = (): Promise<typeof import('../store/maintain.ts')> => import('../store/maintain.ts');
