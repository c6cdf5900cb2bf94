/**
 * Runs executions on the slots of an executor that is made when the first one comes: single ones, or several that go to one slot together. What finds no slot
 * free waits; what is stopped or out of time is ended, first by a word, then by force.
 */
import type { Clock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers } from '../../executor.ts';

export interface QueueOptions {
  readonly slots: number;
  readonly clock: Clock;
  /** ms between the word and the force. */
  readonly patience: number;
  open(handlers: ExecutorHandlers): Executor | Promise<Executor>;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** ms; null: none. */
  readonly timeout: number | null;
}

/** One of a batch. What becomes of it is told once, by one of the three. */
export interface QueuedExecution {
  readonly execution: Omit<Execution, 'key'>;
  ended(end: ExecutionEnd): void;
  /** It did not begin, and does not any more: another attempt may. */
  returned(why: MillraceError): void;
  /** ERR_TIMEOUT, ERR_ABORTED, or it cannot be run at all. */
  failed(error: unknown): void;
  progress?(value: string | Uint8Array): void;
}

/** What waits for a slot, or has one. */
export interface QueuedBatch {
  /** This one is to end. `reason`: the cause of its error. */
  stop(at: number, reason: unknown): void;
  /** Those that have not begun come back: behind one that runs, or all that wait for a slot. */
  relieve(): void;
}

interface Job {
  readonly key: number;
  readonly queued: QueuedExecution;
  readonly batch: Batch;
  /** It is to end: the error of its end. */
  error: MillraceError | null;
  /** Takes the time of the force back. */
  cleanup: (() => void) | null;
}

interface Batch {
  readonly jobs: readonly Job[];
  /** The executor has it. */
  slot: number | null;
  /** Of single ones (ms). */
  readonly timeout: number | null;
  over(): void;
}

/** What could not begin is tried again after this long (ms), so often. */
const pause = 100;
const mostAttempts = 50;

export class SlotQueue {
  readonly #options: QueueOptions;
  readonly #jobs = new Map<number, Job>();
  readonly #waiting: Batch[] = [];
  readonly #running: (Batch | null)[];
  readonly #free: number[];
  #opening: Promise<void> | null = null;
  #executor: Executor | null = null;
  /** Of the executor: what one tells that has failed is of no use. */
  #generation = 0;
  /** Settles when those that have failed are closed. */
  #retired: Promise<unknown> = Promise.resolve();
  #keys = 0;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#free = slotsOf(options);
    this.#running = this.#free.map(() => null);
  }

  /** Resolves with how it ended; rejects with ERR_TIMEOUT, ERR_ABORTED, and when it cannot be run at all. */
  async run(execution: Omit<Execution, 'key'>, { signal, timeout }: RunOptions): Promise<ExecutionEnd> {
    if (signal.aborted) throw stopped(signal.reason);
    let batch: QueuedBatch | null = null;
    const abort = (): void => batch?.stop(0, signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise<ExecutionEnd>((ended, failed) => {
        let attempts = 0;
        const begin = (): void => {
          attempts++;
          if (signal.aborted) failed(stopped(signal.reason));
          else batch = this.start([{ execution, ended, returned, failed }], () => {}, timeout);
        };
        const returned = (why: MillraceError): void => {
          if (attempts < mostAttempts) this.#options.clock.after(pause, begin);
          else failed(why);
        };
        begin();
      });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** One after the other on the next slot that is free. `over`: what became of all of them was told, and the slot is free. */
  start(executions: readonly QueuedExecution[], over: () => void, timeout: number | null = null): QueuedBatch {
    const jobs: Job[] = [];
    const batch: Batch = { jobs, slot: null, timeout, over };
    for (const queued of executions) {
      const job: Job = { key: ++this.#keys, queued, batch, error: null, cleanup: null };
      this.#jobs.set(job.key, job);
      jobs.push(job);
    }
    if (this.#closed) this.#fail([batch], clientEnds());
    else {
      this.#waiting.push(batch);
      this.#next();
    }
    return {
      stop: (at, reason) => this.#stop(jobs[at]!, stopped(reason)),
      relieve: () => this.#relieve(batch),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await Promise.all([this.#executor?.close(), this.#retired]);
    this.#failAll(clientEnds());
  }

  #next(): void {
    if (this.#closed || this.#waiting.length === 0 || this.#free.length === 0) return;
    if (this.#executor === null) {
      this.#opening ??= this.#open();
      return;
    }
    const batch = this.#waiting.shift()!;
    const jobs = batch.jobs.filter(({ key }) => this.#jobs.has(key));
    if (jobs.length > 0) this.#begin(this.#executor, batch, jobs);
    else batch.over();
    this.#next();
  }

  #begin(executor: Executor, batch: Batch, jobs: readonly Job[]): void {
    const slot = this.#free.pop()!;
    batch.slot = slot;
    this.#running[slot] = batch;
    executor.start(
      slot,
      jobs.map(({ key, queued }) => ({ ...queued.execution, key })),
    );
    const { timeout } = batch;
    const [job] = jobs;
    if (timeout === null || job === undefined || !this.#jobs.has(job.key)) return;
    job.cleanup = this.#options.clock.after(timeout, () =>
      this.#stop(job, new MillraceError('ERR_TIMEOUT', `it did not end within ${timeout} ms`)),
    );
  }

  async #open(): Promise<void> {
    const generation = ++this.#generation;
    const isCurrent = (): boolean => generation === this.#generation;
    try {
      const executor = await this.#options.open({
        ended: (slot, ends, idle) => {
          if (isCurrent()) this.#ended(slot, ends, idle);
        },
        progress: (_slot, key, value) => this.#jobs.get(key)?.queued.progress?.(value),
        failed: (error) => {
          if (isCurrent()) this.#retire(error);
        },
      });
      if (!isCurrent()) {
        await executor.close();
        return;
      }
      this.#executor = executor;
    } catch (error) {
      if (isCurrent()) this.#retire(error);
      return;
    }
    this.#next();
  }

  /** The executor cannot go on: nothing more comes of what it has, and the next batch opens another. */
  #retire(error: unknown): void {
    this.#generation++;
    this.#retired = Promise.allSettled([this.#retired, this.#opening, this.#executor?.close()]);
    this.#executor = null;
    this.#opening = null;
    this.#free.splice(0, this.#free.length, ...slotsOf(this.#options));
    this.#failAll(error);
  }

  /** The word, and a little later the force. */
  #stop(job: Job, error: MillraceError): void {
    if (!this.#jobs.has(job.key)) return;
    const { slot } = job.batch;
    if (slot === null) {
      this.#settle(job);
      job.queued.failed(error);
      return;
    }
    const isStopped = job.error !== null;
    job.error ??= error;
    if (isStopped) return;
    // What others have there must not wait until it has heeded the word.
    this.#relieve(job.batch);
    if (!this.#jobs.has(job.key)) return;
    job.cleanup?.();
    this.#executor?.signal(slot, 'SIGTERM', job.key);
    job.cleanup = this.#options.clock.after(this.#options.patience, () => this.#executor?.signal(slot, 'SIGKILL', job.key));
  }

  #relieve({ slot, jobs }: Batch): void {
    if (slot !== null) this.#executor?.relieve?.(slot);
    else for (const job of jobs) if (this.#settle(job)) job.queued.returned(new MillraceError('ERR_THREAD', 'it waits for a slot'));
  }

  #ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void {
    try {
      tellAll(ends, (end) => this.#end(end));
    } finally {
      if (idle) {
        this.#free.push(slot);
        const batch = this.#running[slot];
        this.#running[slot] = null;
        tellAll([() => batch?.over(), () => this.#next()], (tell) => tell());
      }
    }
  }

  #end(end: ExecutionEnd): void {
    const job = this.#jobs.get(end.key);
    if (job === undefined) return;
    this.#settle(job);
    if (job.error !== null) job.queued.failed(job.error);
    else if (end.notStarted !== undefined) job.queued.returned(end.notStarted);
    else job.queued.ended(end);
  }

  /** False: it was settled before. */
  #settle({ key, cleanup }: Job): boolean {
    cleanup?.();
    return this.#jobs.delete(key);
  }

  #failAll(error: unknown): void {
    const batches = [...this.#running.filter((batch) => batch !== null), ...this.#waiting.splice(0)];
    this.#running.fill(null);
    this.#fail(batches, error);
  }

  /** Nothing of these runs, or will. */
  #fail(batches: readonly Batch[], error: unknown): void {
    const jobs = batches.flatMap((batch) => batch.jobs).filter(({ key }) => this.#jobs.has(key));
    try {
      tellAll(jobs, (job) => {
        if (this.#settle(job)) job.queued.failed(error);
      });
    } finally {
      tellAll(batches, ({ over }) => over());
    }
  }
}

/** The lowest is taken first: from the end. */
function slotsOf({ slots }: QueueOptions): number[] {
  return Array.from({ length: slots }, (_, at) => slots - 1 - at);
}

/** Each is told, whatever the telling of one throws: nobody else would tell the others. What was thrown first is thrown then. */
function tellAll<T>(items: readonly T[], tell: (item: T) => void): void {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      tell(item);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function clientEnds(): MillraceError {
  return new MillraceError('ERR_ENDED', 'the client ends');
}

function stopped(reason: unknown): MillraceError {
  return new MillraceError('ERR_ABORTED', 'the task was stopped', { cause: reason });
}
