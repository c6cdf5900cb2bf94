/**
 * Runs single executions on the slots of an executor that is made when the first one comes: what finds no slot free waits, what is aborted or out of time
 * is ended, first by a word, then by force.
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
  progress?(value: string | Uint8Array): void;
}

interface Job {
  readonly execution: Execution;
  readonly options: RunOptions;
  readonly resolve: (end: ExecutionEnd) => void;
  readonly reject: (error: unknown) => void;
  slot: number | null;
  /** Its time is up: the error of its end. */
  late: MillraceError | null;
  attempts: number;
  cleanup: () => void;
}

/** What could not begin is tried again after this long (ms), so often. */
const pause = 100;
const mostAttempts = 50;

export class SlotQueue {
  readonly #options: QueueOptions;
  readonly #jobs = new Map<number, Job>();
  readonly #waiting: Job[] = [];
  readonly #free: number[];
  #executor: Promise<Executor> | null = null;
  #keys = 0;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#free = Array.from({ length: options.slots }, (_, at) => options.slots - 1 - at);
  }

  /** Resolves with how it ended; rejects with ERR_TIMEOUT, ERR_ABORTED, and when it cannot be run at all. */
  async run(execution: Omit<Execution, 'key'>, options: RunOptions): Promise<ExecutionEnd> {
    if (options.signal.aborted) throw stopped(options.signal);
    const key = ++this.#keys;
    return await new Promise<ExecutionEnd>((resolve, reject) => {
      const job: Job = {
        execution: { ...execution, key },
        options,
        resolve,
        reject,
        slot: null,
        late: null,
        attempts: 0,
        cleanup: () => {},
      };
      const abort = (): void => this.#end(job);
      options.signal.addEventListener('abort', abort, { once: true });
      job.cleanup = () => options.signal.removeEventListener('abort', abort);
      this.#jobs.set(key, job);
      this.#waiting.push(job);
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const executor = await this.#executor?.catch(() => null);
    await executor?.close();
    this.#failAll(new MillraceError('ERR_ENDED', 'the client ends'));
  }

  #next(): void {
    const slot = this.#free.at(-1);
    if (slot === undefined || this.#waiting.length === 0) return;
    const job = this.#waiting.shift() as Job;
    if (!this.#jobs.has(job.execution.key)) {
      this.#next();
      return;
    }
    this.#free.pop();
    job.slot = slot;
    this.#executor ??= this.#open();
    this.#executor.then(
      (executor) => {
        if (this.#closed) return;
        if (!this.#jobs.has(job.execution.key)) return this.#freed(slot);
        executor.start(slot, [job.execution]);
        this.#limit(job, executor);
      },
      (error: unknown) => {
        this.#executor = null;
        this.#settle(job, () => job.reject(error));
        this.#freed(slot);
      },
    );
  }

  async #open(): Promise<Executor> {
    return await this.#options.open({
      ended: (slot, ends, idle) => {
        for (const end of ends) this.#ended(end);
        if (idle) this.#freed(slot);
      },
      progress: (_slot, key, value) => this.#jobs.get(key)?.options.progress?.(value),
      failed: (error) => this.#failAll(error),
    });
  }

  #limit(job: Job, executor: Executor): void {
    const { timeout } = job.options;
    if (timeout === null) return;
    const { cleanup } = job;
    const stop = this.#options.clock.after(timeout, () => {
      const late = new MillraceError('ERR_TIMEOUT', `it did not end within ${timeout} ms`);
      this.#stop(job, executor, late);
    });
    job.cleanup = () => {
      stop();
      cleanup();
    };
  }

  #end(job: Job): void {
    if (job.slot === null) {
      this.#settle(job, () => job.reject(stopped(job.options.signal)));
      return;
    }
    this.#executor?.then((executor) => this.#stop(job, executor, null)).catch(() => {});
  }

  /** The word, and a little later the force; `late`: then this is its error. */
  #stop(job: Job, executor: Executor, late: MillraceError | null): void {
    const { key } = job.execution;
    if (job.slot === null || !this.#jobs.has(key)) return;
    const { slot, cleanup } = job;
    job.late ??= late;
    executor.signal(slot, 'SIGTERM', key);
    const kill = this.#options.clock.after(this.#options.patience, () => executor.signal(slot, 'SIGKILL', key));
    job.cleanup = () => {
      kill();
      cleanup();
    };
  }

  #ended(end: ExecutionEnd): void {
    const job = this.#jobs.get(end.key);
    if (job === undefined) return;
    if (end.notStarted !== undefined && !job.options.signal.aborted && job.attempts < mostAttempts) {
      job.attempts++;
      job.slot = null;
      this.#options.clock.after(pause, () => {
        this.#waiting.push(job);
        this.#next();
      });
      return;
    }
    const { signal } = job.options;
    const error = signal.aborted ? stopped(signal) : (job.late ?? end.notStarted);
    this.#settle(job, () => (error === undefined ? job.resolve(end) : job.reject(error)));
  }

  #settle(job: Job, how: () => void): void {
    if (!this.#jobs.delete(job.execution.key)) return;
    job.cleanup();
    how();
  }

  #freed(slot: number): void {
    this.#free.push(slot);
    this.#next();
  }

  #failAll(error: MillraceError): void {
    for (const job of [...this.#jobs.values()]) this.#settle(job, () => job.reject(error));
  }
}

function stopped(signal: AbortSignal): MillraceError {
  return new MillraceError('ERR_ABORTED', 'the task was stopped', { cause: signal.reason });
}
