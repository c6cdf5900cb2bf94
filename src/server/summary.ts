/** The counts of a run in the words of its users. */
import { MillraceError } from '../base/errors.ts';
import type { TaskRow } from '../store/store.ts';
import { publicId } from '../task/id.ts';
import { failureCodes, type Outcome, outcomeCode, outcomes, type Progress, type Summary, type TaskError } from '../task/result.ts';
import type { ServerCore } from './core/core.ts';
import type { Turn } from './core/events.ts';

/** `recorded`: count this instead of what the core knows. */
export function summaryOf(core: ServerCore, durationMs: number, recorded: RecordedCounts | null = null): Summary {
  const { refused } = core.counts;
  const counts = recorded ?? core.counts;
  const { succeeded, failed, cancelled, timeout, lost, rejected } = outcomeCode;
  const of = (code: number): number => counts.outcomes[code] ?? 0;
  const ended = counts.submitted - counts.pending;
  return {
    submitted: counts.submitted,
    succeeded: of(succeeded),
    failed: of(failed),
    cancelled: of(cancelled),
    timedOut: of(timeout),
    lost: of(lost),
    rejected: of(rejected),
    pending: counts.pending,
    retried: counts.retried,
    duplicatesRefused: refused,
    durationMs,
    tasksPerSecond: durationMs > 0 ? (ended / durationMs) * 1000 : 0,
  };
}

/** Counts of a run, as the last commit left them. */
export interface RecordedCounts {
  readonly submitted: number;
  /** By `outcomeCode`. */
  readonly outcomes: readonly number[];
  readonly retried: number;
  readonly pending: number;
}

/** Why nothing can be recorded, and what is. */
export interface Stalled {
  readonly facts: { code: string; message: string };
  readonly recorded: RecordedCounts;
}

/** `rate`: tasks ended per second of late; 0: not known. */
export function progressOf(core: ServerCore, durationMs: number, rate: number, stalled: Stalled | null = null): Progress {
  if (stalled !== null) {
    const summary = summaryOf(core, durationMs, stalled.recorded);
    return { ...summary, ...core.census(), etaMs: null, stalled: stalled.facts };
  }
  const summary = summaryOf(core, durationMs);
  const etaMs = summary.pending === 0 ? 0 : rate > 0 ? (summary.pending / rate) * 1000 : null;
  return { ...summary, ...core.census(), etaMs };
}

/** The error that ends a run carries what was done until then. */
export function withSummary(error: MillraceError, summary: Summary): MillraceError {
  return new MillraceError(error.code, error.message, { cause: error.cause, details: { ...error.details, summary } });
}

/** A task that did not succeed, in `details.failures`. */
export interface Failure {
  id: string;
  /** Cut after 1,000 characters. */
  args: string;
  outcome: Outcome;
  exitStatus: number | null;
  signal: string | null;
  error: TaskError | null;
}

const mostFailures = 10;
const longestArgs = 1_000;

/** What `throwOnFailure` makes of a run: an error with the first of the tasks that did not succeed, in the order of their recording. */
export class Failures {
  readonly #wanted: boolean;
  readonly #salt: string;
  readonly #first: Failure[] = [];

  constructor(wanted: boolean, salt: string) {
    this.#wanted = wanted;
    this.#salt = salt;
  }

  add({ ended, writes }: Turn): void {
    if (!this.#wanted) return;
    for (let i = 0; i < ended.length && !this.full; i++) {
      const end = writes!.ends[i]!;
      if (!failureCodes.has(end.outcome)) continue;
      const { n, submittedAt, wire } = ended[i]!;
      this.#note({ n, submittedAt, task: wire }, end);
    }
  }

  /** There are as many as are told of. */
  get full(): boolean {
    return this.#first.length >= mostFailures;
  }

  addRow(row: TaskRow): void {
    if (!this.full && row.end !== null && failureCodes.has(row.end.outcome)) this.#note(row, row.end);
  }

  #note(
    task: Pick<TaskRow, 'n' | 'submittedAt' | 'task'>,
    end: Pick<NonNullable<TaskRow['end']>, 'outcome' | 'exitStatus' | 'extra'>,
  ): void {
    this.#first.push({
      id: publicId(task, this.#salt),
      args: task.task[1].slice(0, longestArgs),
      outcome: outcomes[end.outcome] as Outcome,
      exitStatus: end.exitStatus,
      signal: end.extra?.signal ?? null,
      error: end.extra?.error ?? null,
    });
  }

  /** null: all succeeded, or nobody wants to know. */
  error(summary: Summary): MillraceError | null {
    const count = summary.failed + summary.timedOut + summary.lost + summary.rejected;
    if (!this.#wanted || count === 0) return null;
    return new MillraceError('ERR_TASK_FAILED', `${count} of ${summary.submitted} tasks did not succeed`, {
      details: { failures: this.#first },
    });
  }
}
