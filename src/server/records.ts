/**
 * What is kept of the tasks that ended, beside the store: how many of late, the first failures, lines in files; and what the store may forget of them. All of it
 * after the commit. A file that cannot be written is told once, and again when all is closed.
 */
import type { Clock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ServerConfig } from '../config/server-options.ts';
import type { ClientRow, TaskStore } from '../store/store.ts';
import type { Summary } from '../task/result.ts';
import type { Turn } from './core/events.ts';
import { FailureLog } from './failure-log.ts';
import { JobLog } from './job-log.ts';
import { RateMeter } from './rate.ts';
import { Retention } from './retention.ts';
import { Failures } from './summary.ts';

export interface RecordsParts {
  readonly config: ServerConfig;
  readonly store: TaskStore;
  readonly salt: string;
  readonly clients: ReadonlyMap<number, ClientRow>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Command lines of tasks that did not succeed, for the host. */
  tell(lines: readonly string[]): void;
  /** A file has too much unwritten; then: no more. */
  hold(wanted: boolean, reason: string): void;
  /** The run cannot go on. */
  failed(error: MillraceError): void;
}

export class Records {
  readonly #parts: RecordsParts;
  readonly #rate: RateMeter;
  readonly #retention: Retention;
  readonly #failures: Failures;
  #failureLog: FailureLog | null = null;
  #jobLog: JobLog | null = null;

  constructor(parts: RecordsParts) {
    const { config, store, salt, clock, logger } = parts;
    this.#parts = parts;
    this.#rate = new RateMeter(clock.now());
    this.#retention = new Retention(store, config.retain, clock, (err) => logger.warn({ err }, 'old tasks could not be forgotten'));
    this.#failures = new Failures(config.throwOnFailure, salt);
  }

  /** Open the files. @throws ERR_REDIRECT, ERR_JOB_LOG */
  async open(): Promise<void> {
    const { config, clock, failed, tell, hold } = this.#parts;
    const reason = 'the file of redirectFailures has too much unwritten';
    this.#failureLog = await FailureLog.open(config, clock, { tell, failed, hold: (wanted) => hold(wanted, reason) });
    if (config.joblog === null) return;
    try {
      this.#jobLog = await JobLog.open({ path: config.joblog, resume: config.resume !== false, clock, failed });
    } catch (error) {
      await this.#failureLog?.close();
      throw error;
    }
  }

  /** After the commit of a turn. */
  add(turn: Turn): void {
    this.#rate.add(turn.ended.length, this.#parts.clock.now());
    if (turn.ended.length === 0) return;
    this.#retention.ended();
    this.#failures.add(turn);
    this.#failureLog?.add(turn);
    this.#jobLog?.add(turn.ended, turn.writes!.ends, this.#parts.clients);
  }

  /** Tasks ended per second of late; 0: not known. */
  perSecond(now: number): number {
    return this.#rate.perSecond(now);
  }

  /** What is wrong with how the tasks ended; null: nothing, or nobody wants to know. */
  error(summary: Summary): MillraceError | null {
    return this.#failures.error(summary);
  }

  /** All is in the files. @throws ERR_REDIRECT, ERR_JOB_LOG */
  async close(): Promise<void> {
    this.#retention.close();
    const closed = await Promise.allSettled([this.#failureLog?.close(), this.#jobLog?.close()]);
    for (const step of closed) if (step.status === 'rejected') throw step.reason;
  }
}
