/**
 * The executor of functions: a pool with one thread for each slot, made when the first call comes.
 *
 * Calls travel to a thread in batches (50 k/s one by one, 2.8 M/s by the hundred). When a thread dies, the ends that it left in the
 * journal count, the call that was running fails, and the calls after it go to a new thread.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, TaskSignal } from '../../executor.ts';
import { type Batch, type CallEnd, Journal, mark, type ThreadMessage } from './journal.ts';
import type { FunctionExecutorOptions } from './options.ts';

const defaultIdleTimeout = 60_000;
/** A thread whose death is known has this long to deliver what it sent before, in ms. */
const deliveryPatience = 1_000;
/** Wait before calls whose thread could not be started are given back, in ms; and how often in a row before the executor gives up. */
const threadPause = 200;
const mostFailures = 25;

/** What a slot runs. Its batch is `executions` from `from` on; `ended` marks what was reported. */
interface Run {
  readonly executions: readonly Execution[];
  readonly ended: Uint8Array;
  readonly killer: AbortController;
  from: number;
  batch: number;
  received: number;
  aborted: boolean;
  abortPort: MessagePort | null;
}

function isOurs(message: unknown): message is ThreadMessage {
  return Array.isArray(message) && message[0] === mark;
}

/** What the run has not come to yet, for a thread. */
function pack(slot: number, run: Run, journal: Journal): Batch {
  const places = new Map<string, number>();
  const calls: (string | number | Uint8Array | null)[] = [];
  for (let at = run.from; at < run.executions.length; at++) {
    const { id, attempt, command, input } = run.executions[at]!;
    let place = places.get(command);
    if (place === undefined) {
      place = places.size;
      places.set(command, place);
    }
    calls.push(id, attempt, place, input);
  }
  return { slot, number: run.batch, targets: [...places.keys()], calls, shared: journal.buffer };
}

function bareEnd(key: number, startedAt: number): ExecutionEnd {
  return { key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra: null };
}

/** A slot is idle (null) or has a run; a run goes through one batch, and one more for each crash. After `close()` nothing is reported. */
class FunctionExecutor implements Executor {
  readonly #options: FunctionExecutorOptions;
  readonly #handlers: ExecutorHandlers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #runs: (Run | null)[];
  readonly #journals: Journal[] = [];
  #pool: Promise<Piscina<Batch, void>> | null = null;
  /** Pools that make no more threads; their last calls may still run. */
  readonly #retired: Promise<Piscina<Batch, void>>[] = [];
  #batches = 0;
  #failures = 0;
  #closed = false;

  constructor(options: FunctionExecutorOptions, handlers: ExecutorHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#runs = Array.from({ length: options.slots }, () => null);
  }

  start(slot: number, executions: readonly Execution[]): void {
    const run: Run = {
      executions,
      ended: new Uint8Array(executions.length),
      killer: new AbortController(),
      from: 0,
      batch: 0,
      received: 0,
      aborted: false,
      abortPort: null,
    };
    this.#runs[slot] = run;
    this.#run(slot, run).catch((error: unknown) => {
      if (!this.#closed) this.#handlers.failed(MillraceError.from(error));
    });
  }

  signal(slot: number, signal: TaskSignal, key?: number): void {
    const run = this.#runs[slot];
    if (run === null || run === undefined) return;
    if (key !== undefined && run.executions.length > 1 && run.executions[run.from + (this.#journals[slot]?.running ?? -1)]?.key !== key)
      return;
    if (signal === 'SIGKILL') {
      run.killer.abort();
      return;
    }
    run.aborted = true;
    this.#journals[slot]?.abort();
    run.abortPort?.postMessage('abort');
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const run of this.#runs) run?.abortPort?.close();
    const pools = await Promise.all(this.#pool === null ? this.#retired : [...this.#retired, this.#pool]);
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  async #open(): Promise<Piscina<Batch, void>> {
    // 13 ms to load: not before it is needed.
    const { Piscina } = await import('piscina');
    const pool = new Piscina<Batch, void>({
      filename: new URL('./function-worker.js', import.meta.url).href,
      name: 'runBatch',
      minThreads: 0,
      maxThreads: this.#options.slots,
      idleTimeout: this.#options.idleTimeout ?? defaultIdleTimeout,
      concurrentTasksPerWorker: 1,
      // A thread that sleeps in Atomics.wait would hold back what earlier calls left behind and lay it to the next one.
      atomics: 'disabled',
      env: { ...this.#options.environment },
      ...(this.#options.resourceLimits === undefined ? {} : { resourceLimits: this.#options.resourceLimits }),
    });
    pool.on('message', (message: unknown) => this.#message(message));
    pool.on('error', (error: unknown) => this.#threadFailed(error));
    return pool;
  }

  /**
   * A thread that had no batch has ended: while idle, or it never came up. After the latter the pool makes no more threads and its queue stands
   * still: what waits there is given back, and a new pool is made for it.
   */
  #threadFailed(error: unknown): void {
    this.#logger.warn({ error }, 'a thread of functions ended without a call');
    const waiting = this.#runs.filter((run, slot) => run !== null && (this.#journals[slot]?.running ?? -1) < 0);
    if (waiting.length === 0 || this.#closed || this.#pool === null) return;
    if (++this.#failures > mostFailures) {
      this.#handlers.failed(new MillraceError('ERR_THREAD', 'threads of functions end as soon as they start', { cause: error }));
      return;
    }
    this.#retired.push(this.#pool);
    this.#pool = null;
    this.#clock.after(threadPause, () => {
      for (const run of waiting) run?.killer.abort();
    });
  }

  #message(message: unknown): void {
    if (!isOurs(message)) return;
    this.#failures = 0;
    if (message[1] === 'late') {
      this.#logger.warn({ id: message[2], error: message[3] }, 'a function left something behind that failed after its end');
      return;
    }
    const run = this.#runs[message[2]];
    const current = run !== null && run !== undefined && run.batch === message[3] && !this.#closed;
    if (message[1] === 'ends') {
      if (!current) return;
      run.received += message[4].length;
      this.#report(message[2], run, message[4], false);
    } else if (current) {
      run.abortPort?.close();
      run.abortPort = message[4];
      run.abortPort.unref();
      if (run.aborted) run.abortPort.postMessage('abort');
    } else message[4].close();
  }

  async #run(slot: number, run: Run): Promise<void> {
    this.#pool ??= this.#open();
    const pool = await this.#pool;
    for (;;) {
      if (this.#closed) return;
      this.#journals[slot] ??= new Journal();
      const journal = this.#journals[slot];
      journal.reset();
      if (run.aborted) journal.abort();
      run.batch = ++this.#batches;
      run.received = 0;
      const batch = pack(slot, run, journal);
      let crash: unknown = null;
      try {
        await pool.run(batch, { signal: run.killer.signal });
        if (run.received < journal.sent) await this.#delivered(run, journal);
        if (!this.#closed) this.#finish(slot, run, journal);
        return;
      } catch (error) {
        crash = error;
      }
      // The dying thread may still write into its journal: the next one gets another.
      delete this.#journals[slot];
      await this.#delivered(run, journal);
      if (journal.running < 0 && !run.killer.signal.aborted && !run.aborted) {
        if (++this.#failures > mostFailures)
          throw new MillraceError('ERR_THREAD', 'threads of functions end as soon as they start', { cause: crash });
        await new Promise<void>((resolve) => this.#clock.after(threadPause, resolve));
      } else if (journal.running >= 0) this.#failures = 0;
      if (this.#closed) return;
      if (this.#crashed(slot, run, journal, crash)) return;
    }
  }

  /** Messages go another way than answers and errors: wait for those that the thread has counted as sent. */
  async #delivered(run: Run, journal: Journal): Promise<void> {
    const until = this.#clock.now() + deliveryPatience;
    while (run.received < journal.sent && this.#clock.now() < until && !this.#closed) {
      await new Promise<void>((resolve) => this.#clock.after(1, resolve));
    }
  }

  /** The batch was answered: all calls ended, or those after an abort never began. */
  #finish(slot: number, run: Run, journal: Journal): void {
    const ends = journal.unsent().map((end) => this.#end(run, end));
    for (let at = run.from; at < run.executions.length; at++) {
      if (run.ended[at] === 0) ends.push(this.#notStarted(run, at, 'the calls before it were aborted'));
    }
    this.#free(slot, run);
    this.#handlers.ended(slot, ends, true);
  }

  /** True when the run is over; false when its rest goes to a new thread. */
  #crashed(slot: number, run: Run, journal: Journal, cause: unknown): boolean {
    const ends = journal
      .unsent()
      .filter((end) => run.ended[run.from + end[0]] === 0)
      .map((end) => this.#end(run, end));
    const killed = run.killer.signal.aborted;
    const running = journal.running < 0 ? -1 : run.from + journal.running;
    if (running >= 0) {
      for (let at = run.from; at <= running; at++) {
        if (run.ended[at] === 0) ends.push(this.#casualty(run, at, killed, cause));
      }
    }
    const next = running < 0 ? run.from : running + 1;
    run.abortPort?.close();
    run.abortPort = null;
    // A thread that never came to its first call would do so again.
    if (killed || run.aborted || running < 0 || next === run.executions.length) {
      const reason = killed || run.aborted ? 'the calls before it were aborted' : `no thread could be started: ${String(cause)}`;
      for (let at = next; at < run.executions.length; at++) ends.push(this.#notStarted(run, at, reason));
      this.#free(slot, run);
      this.#handlers.ended(slot, ends, true);
      return true;
    }
    run.from = next;
    this.#handlers.ended(slot, ends, false);
    return false;
  }

  #free(slot: number, run: Run): void {
    run.abortPort?.close();
    if (this.#runs[slot] === run) this.#runs[slot] = null;
  }

  #report(slot: number, run: Run, ends: readonly CallEnd[], idle: boolean): void {
    this.#handlers.ended(
      slot,
      ends.filter((end) => run.ended[run.from + end[0]] === 0).map((end) => this.#end(run, end)),
      idle,
    );
  }

  #end(run: Run, [at, startedAt, durationMs, value, error]: CallEnd): ExecutionEnd {
    run.ended[run.from + at] = 1;
    const { key } = run.executions[run.from + at]!;
    if (error !== null) return { key, outcome: 'failed', exitStatus: null, startedAt, durationMs, extra: { error } };
    return { key, outcome: 'succeeded', exitStatus: null, startedAt, durationMs, extra: value === null ? null : { value } };
  }

  #casualty(run: Run, at: number, killed: boolean, cause: unknown): ExecutionEnd {
    run.ended[at] = 1;
    const end = bareEnd(run.executions[at]!.key, this.#clock.wall());
    if (killed) return { ...end, extra: { signal: 'SIGKILL' } };
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the thread of the function ended under it: ${reason}`;
    return { ...end, extra: { error: { name: 'MillraceError', message, code: 'ERR_WORKER_CRASHED', stack: null } } };
  }

  #notStarted(run: Run, at: number, reason: string): ExecutionEnd {
    run.ended[at] = 1;
    const end = bareEnd(run.executions[at]!.key, this.#clock.wall());
    return { ...end, notStarted: new MillraceError('ERR_THREAD', `the call did not begin: ${reason}`) };
  }
}

/** Makes no thread and loads nothing before the first `start`. */
export function createFunctionExecutor(options: FunctionExecutorOptions, handlers: ExecutorHandlers): Executor {
  return new FunctionExecutor(options, handlers);
}
