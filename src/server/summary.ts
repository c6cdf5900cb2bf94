/** The counts of a run in the words of its users. */
import { MillraceError } from '../base/errors.ts';
import { outcomeCode, type Progress, type Summary } from '../task/result.ts';
import type { ServerCore } from './core/core.ts';

export function summaryOf(core: ServerCore, durationMs: number): Summary {
  const { counts } = core;
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
    duplicatesRefused: counts.refused,
    durationMs,
    tasksPerSecond: durationMs > 0 ? (ended / durationMs) * 1000 : 0,
  };
}

/** `rate`: tasks ended per second of late; 0: not known. */
export function progressOf(core: ServerCore, durationMs: number, rate: number): Progress {
  const summary = summaryOf(core, durationMs);
  const etaMs = summary.pending === 0 ? 0 : rate > 0 ? (summary.pending / rate) * 1000 : null;
  return { ...summary, ...core.census(), etaMs };
}

/** The error that ends a run carries what was done until then. */
export function withSummary(error: MillraceError, summary: Summary): MillraceError {
  return new MillraceError(error.code, error.message, { cause: error.cause, details: { ...error.details, summary } });
}

/** What `throwOnFailure` makes of a summary. */
export function failures(summary: Summary, wanted: boolean): MillraceError | null {
  const count = summary.failed + summary.timedOut + summary.lost + summary.rejected;
  if (!wanted || count === 0) return null;
  return new MillraceError('ERR_TASK_FAILED', `${count} of ${summary.submitted} tasks did not succeed`);
}
