/**
 * The executor of functions: one thread for each slot, made when its first call comes.
 *
 * Calls travel to a thread in batches (50 k/s one by one, 2.8 M/s by the hundred). When a thread dies, the ends that it left in the
 * journal count, the call that was running fails, and the calls after it go to a new thread.
 */
import { tmpdir } from 'node:os';
import { type Clock, pauseFor, systemClock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, TaskSignal } from '../../executor.ts';
import { crashReason } from './call-error.ts';
import { type CallEnd, Journal } from './journal.ts';
import type { CallLimits, FunctionExecutorOptions } from './options.ts';
import { Run } from './run.ts';
import { endWithChildren } from './thread-children.ts';
import { threadMessage } from './thread-message.ts';
import { isRefusal, openThreadPool, pauseAfter, type ThreadPool } from './thread-pool.ts';

const defaultLimits = { value: 8 * 2 ** 20, log: 2 ** 20 };
/** A thread whose death is known has this long to deliver what it sent before, in ms. */
const deliveryPatience = 1_000;
const lostEnd = 'its thread ran it, and gave no end of it: the function has changed what belongs to all of its thread';

/** A slot is idle (null) or has a run; a run goes through one batch, and one more for each crash. After `close()` nothing is reported. */
class FunctionExecutor implements Executor {
  readonly #options: FunctionExecutorOptions;
  readonly #handlers: ExecutorHandlers;
  readonly #limits: CallLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #runs: (Run | null)[];
  readonly #journals: Journal[] = [];
  /** By slot. A promise only while it opens: a call whose thread stands is on its way at once, before what its start says to the server. */
  readonly #pools: (Promise<ThreadPool> | ThreadPool)[] = [];
  /** Pools that make no more threads; their last calls may still run. */
  readonly #retired: (Promise<ThreadPool> | ThreadPool)[] = [];
  #batches = 0;
  /** Threads of a slot that could not be had, in a row. */
  readonly #failures: number[] = [];
  #closed = false;

  constructor(options: FunctionExecutorOptions, handlers: ExecutorHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#limits = options.limits ?? { ...defaultLimits, folder: tmpdir() };
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#runs = Array.from({ length: options.slots }, () => null);
  }

  start(slot: number, executions: readonly Execution[]): void {
    const run = new Run(executions);
    this.#runs[slot] = run;
    this.#run(slot, run).catch((error: unknown) => {
      if (!this.#closed) this.#handlers.failed(MillraceError.from(error));
    });
  }

  signal(slot: number, signal: TaskSignal, key?: number): void {
    const run = this.#runs[slot];
    // Who was refused is still in the queue of a pool that is no more: to abort it would reject a promise that nobody has.
    if (run === null || run === undefined || run.refused) return;
    let at: number | null = null;
    if (key !== undefined && run.executions.length > 1) {
      at = this.#singledOut(slot, run, key);
      if (at === null) return;
    }
    if (signal === 'SIGKILL') {
      run.target = at;
      endWithChildren([this.#journals[slot]?.thread ?? 0], () => run.killer.abort());
      return;
    }
    run.aborted = true;
    if (at === null) this.#journals[slot]?.abort(null);
    if (at === null || run.abortAt === at) run.abortPort?.postMessage('abort');
  }

  /** One call of a batch is to end: its place if it runs, and then nothing after it begins; null: it has ended, or will not begin. */
  #singledOut(slot: number, run: Run, key: number): number | null {
    const at = run.placeOf(key);
    if (at < 0) return null;
    run.cancel(at);
    const journal = this.#journals[slot];
    const place = at - run.from;
    journal?.skip(place);
    if (journal?.running !== place) return null;
    journal.abort(place);
    if (journal.running === place) return at;
    // It ended in this moment: the next one has begun, and nothing is wrong with it.
    journal.goOn();
    return null;
  }

  relieve(slot: number): void {
    const run = this.#runs[slot];
    const journal = this.#journals[slot];
    if (!run || journal === undefined || run.aborted || run.killer.aborted || this.#closed) return;
    const kept = journal.unsent();
    // What a call said comes before its end.
    const ended = run.isBehind(journal) ? [] : this.#endsOf(slot, run, kept);
    this.#handlers.ended(slot, [...ended, ...run.relieve(journal, this.#clock.wall())], false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const run of this.#runs) run?.abortPort?.close();
    const pools = await Promise.all([...this.#retired, ...this.#pools.filter((pool) => pool !== undefined)]);
    const threads = this.#runs.map((run, slot) => (run === null ? 0 : (this.#journals[slot]?.thread ?? 0)));
    await Promise.all(endWithChildren(threads, () => pools.map((pool) => pool.destroy())));
  }

  async #open(slot: number): Promise<ThreadPool> {
    const pool = await openThreadPool(this.#options);
    pool.on('message', (message: unknown) => this.#message(message));
    pool.on('error', (error: unknown) => this.#threadFailed(slot, error));
    return pool;
  }

  /** A thread that had no batch has ended: while idle, or it never came up. After the latter its pool makes no more: what waits there is given back. */
  #threadFailed(slot: number, error: unknown): void {
    this.#logger.warn({ error }, 'a thread of functions ended without a call');
    const run = this.#runs[slot] ?? null;
    const pool = this.#pools[slot];
    if (run === null || (this.#journals[slot]?.running ?? -1) >= 0 || this.#closed || pool === undefined) return;
    this.#retired.push(pool);
    delete this.#pools[slot];
    try {
      this.#clock.after(this.#pauseAfterFailure(slot, error), () => run.killer.abort());
    } catch (thrown) {
      this.#handlers.failed(MillraceError.from(thrown));
    }
  }

  /** How long to wait before the next thread (ms). Throws when there was none for too long. */
  #pauseAfterFailure(slot: number, cause: unknown): number {
    const failures = (this.#failures[slot] ?? 0) + 1;
    this.#failures[slot] = failures;
    const pause = pauseAfter(failures, cause);
    if (pause === null) throw new MillraceError('ERR_THREAD', 'threads of functions end as soon as they start', { cause });
    return pause;
  }

  #message(sent: unknown): void {
    const message = threadMessage(sent);
    if (message === null) return;
    if (message[1] === 'late') {
      this.#logger.warn({ id: message[2], error: message[3] }, 'a function left something behind that failed after its end');
      return;
    }
    const run = this.#runs[message[2]];
    this.#failures[message[2]] = 0;
    const current = run !== null && run !== undefined && run.batch === message[3] && !this.#closed;
    if (message[1] === 'ends') {
      if (!current) return;
      run.received += message[4].length;
      this.#report(message[2], run, message[4], false);
    } else if (message[1] === 'said') {
      if (!current) return;
      run.heard++;
      this.#said(message[2], run, message[4], message[5], message[6]);
    } else if (current) {
      run.abortPort?.close();
      run.abortPort = message[5];
      run.abortAt = run.from + message[4];
      run.abortPort.unref();
      if (this.#journals[message[2]]?.aborts(message[4])) run.abortPort.postMessage('abort');
    } else message[5].close();
  }

  #said(slot: number, run: Run, place: number, word: string | Uint8Array | null, log: string): void {
    const at = run.from + place;
    const execution = run.executions[at];
    if (execution === undefined || run.hasEnded(at)) return;
    const { key, id, attempt } = execution;
    if (word !== null) this.#handlers.progress?.(slot, key, word);
    if (log === '') return;
    run.log(at, log);
    this.#logger.debug({ id, attempt, slot }, log.slice(0, -1));
  }

  async #run(slot: number, run: Run): Promise<void> {
    this.#pools[slot] ??= this.#open(slot);
    const opened = this.#pools[slot];
    const pool = opened instanceof Promise ? await opened : opened;
    if (this.#pools[slot] === opened) this.#pools[slot] = pool;
    for (;;) {
      if (this.#closed) return;
      this.#journals[slot] ??= new Journal();
      const journal = this.#journals[slot];
      journal.reset();
      if (run.aborted) journal.abort(null);
      run.batch = ++this.#batches;
      run.received = 0;
      run.heard = 0;
      const batch = run.pack(slot, journal, this.#limits);
      let crash: { readonly error: unknown } | null = null;
      try {
        await pool.run(batch, { signal: run.killer });
      } catch (error) {
        crash = { error };
        // Thrown, not rejected: the pool has put it into its queue before. Without a thread that queue goes nowhere, and with the next pool it is forgotten.
        run.refused = isRefusal(error) && pool.threads.length === 0;
        if (run.refused) delete this.#pools[slot];
      }
      if (crash === null) {
        if (run.isBehind(journal)) await this.#delivered(run, journal);
        // Outside of the `try`: what it throws is no crash of the thread.
        if (!this.#closed) this.#finish(slot, run, journal);
        return;
      }
      // The dying thread may still write into its journal: the next one gets another.
      delete this.#journals[slot];
      await this.#delivered(run, journal);
      if (journal.running < 0 && !run.killer.aborted && !run.aborted) {
        await pauseFor(this.#clock, this.#pauseAfterFailure(slot, crash.error));
      } else if (journal.running >= 0) this.#failures[slot] = 0;
      if (this.#closed) return;
      if (this.#crashed(slot, run, journal, crash.error)) return;
    }
  }

  /** Messages go another way than answers and errors: wait for those that the thread has counted as sent. */
  async #delivered(run: Run, journal: Journal): Promise<void> {
    const until = this.#clock.now() + deliveryPatience;
    while (run.isBehind(journal) && this.#clock.now() < until && !this.#closed) {
      await pauseFor(this.#clock, 1);
    }
  }

  /** The batch was answered: all calls ended, or those after an abort never began. */
  #finish(slot: number, run: Run, journal: Journal): void {
    const ends = this.#endsOf(slot, run, journal.unsent());
    const wall = this.#clock.wall();
    for (let at = run.from; at < run.executions.length; at++) {
      if (run.hasEnded(at)) continue;
      const begun = at <= run.from + journal.running && !run.isCancelled(at) && !journal.skips(at - run.from);
      // One that began and has no end has broken what its thread tells ends with: were it given back, it would do so again for ever.
      ends.push(begun ? run.casualty(at, lostEnd, wall) : run.notStarted(at, 'the calls before it were aborted', wall));
    }
    this.#free(slot, run);
    this.#handlers.ended(slot, ends, true);
  }

  /** True when the run is over; false when its rest goes to a new thread. */
  #crashed(slot: number, run: Run, journal: Journal, cause: unknown): boolean {
    const wall = this.#clock.wall();
    const ends = this.#endsOf(slot, run, journal.unsent());
    const killed = run.killer.aborted;
    const reached = journal.running < 0 ? -1 : run.from + journal.running;
    const running = run.target === null ? reached : Math.min(reached, run.target);
    const error = killed ? null : `the thread of the function ended under it: ${crashReason(cause, this.#options.resourceLimits)}`;
    for (let at = run.from; at <= running; at++) {
      if (run.hasEnded(at)) continue;
      ends.push(at < running && run.isCancelled(at) ? run.notStarted(at, 'cancelled', wall) : run.casualty(at, error, wall));
    }
    const next = running < 0 ? run.from : running + 1;
    run.abortPort?.close();
    run.abortPort = null;
    // A thread that never came to its first call would do so again.
    if (killed || run.aborted || running < 0 || next >= run.executions.length) {
      const reason = killed || run.aborted ? 'the calls before it were aborted' : `no thread could be started: ${String(cause)}`;
      for (let at = next; at < run.executions.length; at++) ends.push(run.notStarted(at, reason, wall));
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
    this.#handlers.ended(slot, this.#endsOf(slot, run, ends), idle);
  }

  /** The ends that were not told yet. */
  #endsOf(slot: number, run: Run, ends: readonly CallEnd[]): ExecutionEnd[] {
    const told: ExecutionEnd[] = [];
    for (const end of ends) if (!run.hasEnded(run.from + end[0])) told.push(this.#end(slot, run, end));
    return told;
  }

  /** What a call said last leaves before its end. */
  #end(slot: number, run: Run, end: CallEnd): ExecutionEnd {
    const extras = end[5];
    if (extras !== undefined) this.#said(slot, run, end[0], extras.word ?? null, extras.log ?? '');
    return run.end(end);
  }
}

/** Makes no thread and loads nothing before the first `start`. */
export function createFunctionExecutor(options: FunctionExecutorOptions, handlers: ExecutorHandlers): Executor {
  return new FunctionExecutor(options, handlers);
}
