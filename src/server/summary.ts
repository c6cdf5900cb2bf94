/** The counts of a run in the words of its users. */
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
