/**
 * The handle of a server: its thread, and its own connection to it. The host's iterables are read here and travel as bundles; results
 * and events cross only when something listens.
 */
import { MessageChannel } from 'node:worker_threads';
import type { ParsedAddress } from '../base/address.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import { parseServerOptions } from '../config/server.ts';
import type { ServerConfig, ServerHooks, ServerOptions } from '../config/server-options.ts';
import type { Parsed, Source } from '../config/shared-options.ts';
import { parseHandleSubmitOptions } from '../config/submit.ts';
import type { SubmitOptions } from '../config/submit-options.ts';
import { type ClientInfo, ServerControl } from '../control/control.ts';
import { HostEvents, type Recovered, type ServerEvents } from '../control/events.ts';
import { FailureSink } from '../control/failure-sink.ts';
import type { SubmitReceipt } from '../control/receipts.ts';
import type { ResultsOptions } from '../control/results.ts';
import { ownSource } from '../control/resume.ts';
import type { TaskQuery } from '../data/query.ts';
import type { TaskData } from '../data/task-data.ts';
import { toWireError } from '../protocol/wire-error.ts';
import type { HostDaemon } from '../remote/host-daemon.ts';
import { filePathOf, keepFailure } from '../source/open.ts';
import type { Progress, Summary, TaskResult } from '../task/result.ts';
import type { Duration, TaskInput } from '../task/task.ts';
import { abortedBy, type StopOptions, ThreadHandle } from '../threads/handle.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import type { ServerInfo, ServerThreadData } from './messages.ts';

const entry = new URL('./entry.js', import.meta.url);

/** Of 50,000 durable calls the whole process took 221 MB instead of 229 with 36, as fast; a million lines streamed take 117 MB. */
const resourceLimits = { maxYoungGenerationSizeMb: 18 } as const;

/** What `runLocal` adds: clients joined without a socket, and no port. */
export interface ServerJoin {
  readonly listens: boolean;
  readonly attached: ServerThreadData['attached'];
}

/** A server in a thread of its own: the queue, the scheduler and the records. (Source: HyperShell, `ServerThread`.) */
export class ServerThread extends ThreadHandle<ServerEvents, ServerInfo, Summary> {
  readonly #control: ServerControl;
  readonly #events: HostEvents;
  readonly #config: ServerConfig;
  readonly #hooks: ServerHooks;
  readonly #over: Deferred<void> = deferred();
  /** The server was told of the last results that were dealt with, and has closed its store if it only waited for that. */
  #read: Promise<void> = Promise.resolve();
  #info: ServerInfo | null = null;
  #daemon: Promise<HostDaemon> | null = null;
  /** What `onResult` threw: `join` gives it as it is. */
  #thrown: { readonly error: unknown } | null = null;
  /** The abort that came after the run's end, while results were still being dealt with. */
  #lateAbort: MillraceError | null = null;

  /**
   * Start a server; resolves when it listens.
   * Errors: ERR_OPTION and its kin, ERR_AUTH_REQUIRED, ERR_ADDRESS_IN_USE, ERR_DATABASE and its kin, ERR_SOURCE_NOT_FOUND. (Source: HyperShell, `ServerThread.new`.)
   */
  static async new(options: ServerOptions = {}): Promise<ServerThread> {
    return ServerThread.start(parseServerOptions(options), { listens: true, attached: [] });
  }

  /** As `new`, of checked options. For those who join several roles. */
  static async start(
    parsed: Parsed<ServerConfig, ServerHooks>,
    how: ServerJoin,
    onAbort: 'kill' | 'drain' = 'kill',
  ): Promise<ServerThread> {
    const server = new ServerThread(parsed, how, onAbort);
    server.#info = await server.open();
    const { recovered } = server;
    // After `ready`: whoever awaited `new` listens then.
    if (recovered !== null) server.once('ready', () => server.emitSafely('recovered', recovered));
    server.#begin(onAbort);
    return server;
  }

  private constructor({ config, hooks }: Parsed<ServerConfig, ServerHooks>, { listens, attached }: ServerJoin, onAbort: 'kill' | 'drain') {
    const { port1, port2 } = new MessageChannel();
    const id = newId();
    const sourcePath = filePathOf(hooks.source);
    keepFailure(hooks.source);
    const data: ServerThreadData = { config, sourcePath, expectSource: hooks.source !== null, listens, host: port2, attached };
    const transfer = [port2, ...attached.map(({ port }) => port)];
    super({
      entry,
      name: 'millrace server',
      id,
      data,
      transfer,
      resourceLimits,
      logger: hooks.logger,
      onAbort,
      ...(hooks.signal === null ? {} : { signal: hooks.signal }),
    });
    this.#config = config;
    this.#hooks = hooks;
    const peer = { role: 'server' as const, id, host: hostName(), pid: process.pid };
    const failed = (thrown: unknown): void => {
      this.#thrown ??= { error: thrown };
      void this.request('fail', toWireError(thrown)).catch(() => {});
    };
    const failures = hooks.redirectFailures === null ? null : new FailureSink(hooks.redirectFailures, failed);
    if (failures !== null) void this.#over.promise.then(() => failures.close());
    this.#events = new HostEvents({
      emit: (name, value) => this.emitSafely(name, value),
      onResult: hooks.onResult,
      failures,
      read: (results) => {
        const read = this.#control.ask('read', { results }).catch(() => {});
        this.#read = read.then(() => {});
      },
      failed,
      over: () => void this.#read.then(() => this.#over.resolve()),
    });
    this.#control = new ServerControl(new MessagePortConnection({ port: port1, peer, clock: this.clock }), this.clock, {
      event: (name, value) => this.#events.receive(name, value),
      closed: () => this.#events.close(),
    });
    this.#control.salt.then((salt) => this.#events.open(salt)).catch(() => {});
    // Before it runs: tasks of a file end, or are rejected, before this thread hears that the other one is there.
    if (hooks.onResult !== null) this.#tellListened([]);
  }

  /** The bound address; accepted wherever an `Address` is. */
  get address(): { host: string; port: number } | { path: string } {
    const address: ParsedAddress | null = this.#info?.address ?? null;
    if (address === null) throw new MillraceError('ERR_STATE', 'this server opened no port: it was started by runLocal()');
    return { ...address };
  }

  /** Where its HTTP face listens. Errors: ERR_STATE when it has none (`http` in the options). */
  get httpAddress(): { host: string; port: number } {
    const address = this.#info?.httpAddress ?? null;
    if (address === null) throw new MillraceError('ERR_STATE', "this server has no HTTP face: give it http: { address: 'localhost:0' }");
    return { ...address };
  }

  /**
   * The daemon of remote objects in the server's thread, at its address: objects of the host can be registered there, and its store keeps the names.
   * Loaded and connected on first use; it ends with the server. (Source: Pyro4.)
   */
  get daemon(): Promise<HostDaemon> {
    this.#daemon ??= this.#openDaemon();
    return this.#daemon;
  }

  async #openDaemon(): Promise<HostDaemon> {
    const { HostDaemon } = await import('../remote/host-daemon.ts');
    const { auth, tls } = this.#config;
    const cert = tls?.cert;
    return new HostDaemon(this.address, { auth: auth ?? this.#info?.key ?? null, tls: cert === undefined ? tls : { ca: cert } });
  }

  /** What the database held when this server opened it; null: it is new, or in memory. */
  get recovered(): Recovered | null {
    return this.#info?.recovered ?? null;
  }

  /** Task data: queries, history, explanations, changes, export. */
  get tasks(): TaskData {
    return this.#control.tasks;
  }

  /**
   * Resolves with the summary when the run is over and every result was dealt with; rejects with the error that ended it. After a
   * plain `stop()` or an abort what `onResult` promises is not waited for.
   * @param timeout After this ERR_JOIN_TIMEOUT, also while `onResult` is at work; the server goes on.
   */
  override join(timeout?: Duration): Promise<Summary> {
    return super.join(timeout);
  }

  protected override async finished(): Promise<Summary> {
    try {
      const summary = await super.finished();
      await this.#over.promise;
      await this.#closeDaemon();
      if (this.#lateAbort !== null) throw this.#lateAbort;
      // What was dealt with last may have failed after the run's end.
      if (this.#thrown !== null) throw this.#thrown.error;
      return summary;
    } catch (error) {
      throw this.#thrown === null ? error : this.#thrown.error;
    }
  }

  /** As of every handle: running tasks are killed, with `drain` finished; what is pending stays in the store. */
  override async stop(options: StopOptions = {}): Promise<void> {
    const { drain = false, timeout } = options;
    if (!drain) this.#events.hurry();
    else if (timeout !== undefined) {
      const cancel = this.clock.after(parseDuration(timeout, 'timeout'), () => this.#events.hurry());
      void this.#over.promise.then(cancel);
    }
    await super.stop(options);
    await this.#closeDaemon();
  }

  async #closeDaemon(): Promise<void> {
    const daemon = await this.#daemon?.catch(() => null);
    await daemon?.[Symbol.asyncDispose]();
  }

  /** Submit tasks; resolves after they are committed. Errors: ERR_SOURCE…, ERR_ENDED. */
  async submit(source: Source, options: SubmitOptions = {}): Promise<SubmitReceipt> {
    const { config, hooks } = parseHandleSubmitOptions(options);
    return this.#control.submit(source, config, hooks.signal);
  }

  /** Submit one task and wait for its recorded result, whatever its outcome is. Errors: ERR_TASK and its kin, ERR_NOT_CLONEABLE, ERR_ENDED. */
  run<T = unknown>(task: TaskInput): Promise<TaskResult<T>> {
    return this.#control.run<T>(task);
  }

  /**
   * Recorded results of this run, in the order of their recording or of the input; ends after the last one. Never slows the run. To be called before
   * the run has ended, best right after `new`: later it may reject with ERR_ENDED. What it gives may be read at any time after.
   */
  results(options: ResultsOptions = {}): AsyncIterableIterator<TaskResult> {
    return this.#control.results(options);
  }

  /** The counts so far. Errors: ERR_ENDED. */
  progress(): Promise<Progress> {
    return this.#control.progress();
  }

  /** The clients that are known, also those that are away. Errors: ERR_ENDED. */
  clients(): Promise<ClientInfo[]> {
    return this.#control.clients();
  }

  /** Cancel tasks by id or query; resolves, with their number, when that is recorded. Running ones are then being killed. Errors: ERR_QUERY, ERR_ENDED. */
  cancel(which: readonly string[] | TaskQuery): Promise<number> {
    return this.#control.cancel(which);
  }

  protected override listenedChanged(names: readonly string[]): void {
    super.listenedChanged(names);
    this.#tellListened(names);
  }

  #tellListened(names: readonly string[]): void {
    const wanted = this.#hooks.onResult === null ? names : [...names, 'result'];
    void this.#control.listen(wanted).catch(() => {});
  }

  /** An `onResult` that never settles must not outlive an abort, also one that comes after the run's end. */
  #giveUpAt(signal: AbortSignal): void {
    const aborted = (): void => {
      if (this.over) this.#lateAbort = abortedBy(signal);
      this.#events.hurry();
    };
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted, { once: true });
    void this.#over.promise.then(() => signal.removeEventListener('abort', aborted));
  }

  /** The host's own source is read here. */
  #begin(onAbort: 'kill' | 'drain'): void {
    const { source, onResult, redirectFailures, signal } = this.#hooks;
    if (signal !== null && (onResult !== null || redirectFailures !== null) && onAbort === 'kill') this.#giveUpAt(signal);
    if (source === null || filePathOf(source) !== null) return;
    this.#submitOwn(source).catch((thrown: unknown) => this.#sourceFailed(thrown));
  }

  async #sourceFailed(thrown: unknown): Promise<void> {
    const error = MillraceError.from(thrown, 'ERR_SOURCE');
    if (error.code === 'ERR_ENDED' || error.code === 'ERR_CONNECTION_CLOSED') return;
    await this.request('fail', toWireError(error)).catch(() => {});
  }

  async #submitOwn(source: Source): Promise<void> {
    const own = await ownSource(this.#config);
    const { strict, bundlesize, bundlewait } = this.#config;
    const { config } = parseHandleSubmitOptions({ strict, ...(own.resume ? { key: 'content' } : {}) });
    const failed = (thrown: unknown): Promise<void> => this.#sourceFailed(thrown);
    await this.#control.submit(source, { ...config, bundlesize, bundlewait }, null, { ...own, failed });
  }
}
