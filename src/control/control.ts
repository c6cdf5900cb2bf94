/**
 * The user's side of a running server, over one connection: submit, run, results, progress, cancel, queries. A handle has one to
 * its own thread, `connect()` one over the network.
 */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { isTraced } from '../base/traced.ts';
import type { OpenSpan } from '../base/tracing.ts';
import type { SubmitConfig } from '../config/submit-options.ts';
import { checkWhich } from '../data/change.ts';
import type { TaskQuery } from '../data/query.ts';
import { toTaskResult } from '../data/record.ts';
import type { TaskData } from '../data/task-data.ts';
import type { Message, Welcome } from '../protocol/messages.ts';
import { openSource, type Source } from '../source/open.ts';
import { Pump, type PumpOptions } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import { pumpOptions } from '../source/submission.ts';
import type { TaskRow } from '../store/store.ts';
import type { Progress, TaskResult } from '../task/result.ts';
import { toWireTask } from '../task/spec.ts';
import type { TaskAttributes, TaskInput, WireTask } from '../task/task.ts';
import type { Connection } from '../transport/connection.ts';
import { Peer } from '../transport/peer.ts';
import { ReceiptIds, type SubmitReceipt } from './receipts.ts';
import { ResultReader, type ResultsOptions, resultOrder } from './results.ts';
import { type OwnSource, requeueing } from './resume.ts';
import { ConnectionSink } from './sink.ts';
import { RemoteTaskData, wire } from './tasks.ts';

/** A client as a server sees it. */
export interface ClientInfo {
  id: string;
  host: string;
  connected: boolean;
  slots: number;
  /** Tasks known to run there, and all that are leased to it. */
  running: number;
  leased: number;
  cores: number | null;
  memory: number | null;
  tags: Record<string, string | number | boolean | null>;
  /** ms since its last sign of life, by the server's clock. */
  silentMs: number;
  /** Its certificate, where the server asks for one (`tls.ca`): common name and SHA-256 as 64 hex digits. Null: it was not asked, or is known from an earlier run alone. */
  certificate: { name: string; fingerprint: string } | null;
}

export interface ControlHandlers {
  /** An event that was asked for by `listen`. */
  event(name: string, value: unknown): void;
  /** What the server says of itself when the connection stands. */
  welcomed?(server: Welcome[1]): void;
  /** The connection is gone. */
  closed(error: MillraceError | null): void;
}

/** The submission of the server's own source. */
export interface OwnSubmission extends OwnSource {
  /** Tell the server that its source failed: before the submission is closed, or the run may have ended as complete. */
  failed(thrown: unknown): Promise<void>;
}

export class ServerControl {
  readonly tasks: TaskData;
  readonly #connection: Connection;
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #handlers: ControlHandlers;
  readonly #salt: Deferred<string> = deferred();
  readonly #gone: Deferred<void> = deferred();
  readonly #sinks: Set<ConnectionSink> = new Set();
  readonly #watched: Map<number, Deferred<TaskResult>> = new Map();
  /** Results that came before their receipt was dealt with. */
  readonly #early: Map<number, TaskRow> = new Map();
  #ended: MillraceError | null = null;

  constructor(connection: Connection, clock: Clock, handlers: ControlHandlers) {
    this.#connection = connection;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#salt.promise.catch(() => {});
    this.tasks = new RemoteTaskData(
      (method, parameters) => this.ask(method, parameters),
      () => this.#salt.promise,
    );
    this.#peer = new Peer(connection, {
      clock,
      requests: (name) => {
        throw new MillraceError('ERR_PROTOCOL', `a control connection answers no '${name}'`);
      },
      message: (message) => this.#receive(message),
      event: (name, value) => this.#event(name, value),
      closed: (error) => this.#closed(error),
    });
  }

  /** The salt of public ids: known once the server has welcomed this connection. */
  get salt(): Promise<string> {
    return this.#salt.promise;
  }

  /** `own`: it is the source of the server itself. */
  submit(source: Source, config: SubmitConfig, signal: AbortSignal | null, own: OwnSubmission | null = null): Promise<SubmitReceipt> {
    return this.#traced(config, (traced) => this.#submit(() => openSource(source, this.#clock), traced, signal, own));
  }

  /** As `submit`, of a source that is open. */
  submitRead(reader: SourceReader, config: SubmitConfig, signal: AbortSignal | null): Promise<SubmitReceipt> {
    return this.#traced(config, (traced) => this.#submit(async () => reader, traced, signal, null));
  }

  /** A submission within a trace: its tasks carry the context of that. */
  async #traced(config: SubmitConfig, submit: (config: SubmitConfig) => Promise<SubmitReceipt>): Promise<SubmitReceipt> {
    if (!isTraced()) return submit(config);
    return this.#withSpan(async (span) => {
      const trace = traceOf(span);
      const receipt = await submit(trace === null ? config : { ...config, attributes: { ...config.attributes, ...trace } });
      span?.set({ 'messaging.batch.message_count': receipt.submitted });
      return receipt;
    });
  }

  async #withSpan<T>(body: (span: OpenSpan | null) => Promise<T>): Promise<T> {
    const { taskAttributes, withSpan } = await import('../base/tracing.ts');
    return withSpan('millrace.submit', { kind: 'producer', attributes: taskAttributes('submit', {}) }, body);
  }

  async #submit(
    open: () => Promise<SourceReader>,
    config: SubmitConfig,
    signal: AbortSignal | null,
    own: OwnSubmission | null,
  ): Promise<SubmitReceipt> {
    this.#check();
    const sink = new ConnectionSink();
    this.#open(sink);
    try {
      const ids = new ReceiptIds(await this.#salt.promise);
      const reader = await open();
      const onReceipt: ReceiptIds['add'] = (receipt, tasks) => ids.add(receipt, tasks);
      const options: PumpOptions = { ...pumpOptions(config), ...(own === null ? {} : { places: own.places, skip: own.skip }), onReceipt };
      const requeue = (numbers: number[]): Promise<unknown> => this.ask('change', { numbers, change: { kind: 'requeue' } });
      const reading = new Pump(reader, options, own?.requeue ? requeueing(sink, requeue) : sink, this.#clock, signal);
      return { ...(await reading.done), ids: ids.ids };
    } catch (thrown) {
      await own?.failed(thrown);
      throw thrown;
    } finally {
      this.#close(sink);
    }
  }

  async run<T>(task: TaskInput): Promise<TaskResult<T>> {
    this.#check();
    if (!isTraced()) return this.#run(toWireTask(task));
    return this.#withSpan((span) => this.#run(toWireTask(task, traceOf(span))));
  }

  async #run<T>(wireTask: WireTask): Promise<TaskResult<T>> {
    const sink = new ConnectionSink(true);
    this.#open(sink);
    try {
      const receipt = await sink.send(1, [wireTask]);
      const n = receipt.duplicates[0]?.[1] ?? receipt.first;
      const early = this.#early.get(n);
      this.#early.delete(n);
      if (early !== undefined) return toTaskResult(early, await this.#salt.promise) as TaskResult<T>;
      const result = this.#watched.get(n) ?? deferred<TaskResult>();
      this.#watched.set(n, result);
      return (await result.promise) as TaskResult<T>;
    } finally {
      this.#close(sink);
    }
  }

  results(options: ResultsOptions = {}): AsyncIterableIterator<TaskResult> {
    this.#check();
    return new ResultReader((method, parameters) => this.ask(method, parameters), this.#salt.promise, resultOrder(options));
  }

  progress(): Promise<Progress> {
    return this.ask('progress') as Promise<Progress>;
  }

  clients(): Promise<ClientInfo[]> {
    return this.ask('clients') as Promise<ClientInfo[]>;
  }

  async cancel(which: readonly string[] | TaskQuery): Promise<number> {
    return (await this.ask('cancel', wire(checkWhich('cancel', which)))) as number;
  }

  /** Be told of these events, and of no others. */
  listen(names: readonly string[]): Promise<unknown> {
    return this.ask('listen', { names });
  }

  ask(method: string, parameters: unknown = {}): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return this.#peer.request(method, parameters);
  }

  /** Leave; resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#ended ??= new MillraceError('ERR_ENDED', 'the connection was closed');
    this.#connection.close();
    await this.#gone.promise;
  }

  #check(): void {
    if (this.#ended !== null) throw this.#ended;
  }

  #open(sink: ConnectionSink): void {
    this.#sinks.add(sink);
    sink.attach(this.#connection);
  }

  #close(sink: ConnectionSink): void {
    sink.finish();
    this.#sinks.delete(sink);
  }

  #receive(message: Message): void {
    if (message[0] === 'welcome') {
      this.#handlers.welcomed?.(message[1]);
      this.#salt.resolve(message[1].salt);
    } else if (message[0] === 'submitted') {
      for (const sink of this.#sinks) if (sink.receive(message)) return;
    }
  }

  #event(name: string, value: unknown): void {
    if (name !== 'watched') {
      this.#handlers.event(name, value);
      return;
    }
    for (const row of value as TaskRow[]) {
      const waiting = this.#watched.get(row.n);
      if (waiting === undefined) {
        this.#early.set(row.n, row);
        continue;
      }
      this.#watched.delete(row.n);
      this.#salt.promise.then((salt) => waiting.resolve(toTaskResult(row, salt))).catch(waiting.reject);
    }
  }

  #closed(error: MillraceError | null): void {
    const ended = this.#ended ?? error ?? new MillraceError('ERR_ENDED', 'the server has ended');
    this.#ended = ended;
    this.#salt.reject(ended);
    for (const sink of this.#sinks) sink.fail(ended);
    for (const waiting of this.#watched.values()) waiting.reject(ended);
    this.#watched.clear();
    this.#gone.resolve();
    this.#handlers.closed(error);
  }
}

/** What a task carries of the trace that it is submitted in; null: nothing. */
function traceOf(span: OpenSpan | null): TaskAttributes | null {
  const env = span?.environment() ?? {};
  return Object.keys(env).length === 0 ? null : { env };
}
