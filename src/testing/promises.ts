/** What a simulation must have kept when it is over; the first thing that was not throws. */
import type { CoreOptions } from '../server/core/events.ts';
import type { TaskStore } from '../store/store.ts';
import { outcomeCode, type Summary } from '../task/result.ts';
import { broken } from './broken.ts';
import type { Ledger, Run } from './ledger.ts';

export interface Findings {
  /** Runs of a task beyond its first. */
  rerun: number;
  /** Ends by `outcomeCode`. */
  outcomes: number[];
}

/** @throws Error with the promise that was broken. */
export function checkPromises(ledger: Ledger, store: TaskStore, options: CoreOptions, complete: boolean): Findings {
  const findings: Findings = { rerun: 0, outcomes: [0, 0, 0, 0, 0, 0, 0] };
  for (const [n, label] of ledger.accepted) {
    const task = ledger.tasks.get(n);
    if (ledger.removed.has(n)) continue;
    if (task === undefined) throw broken('accepted', `task ${n} was accepted and lost`);
    if (task.task[1] !== label) throw broken('accepted', `task ${n} was accepted as ${label} but is ${task.task[1]}`);
    if (complete && !ledger.ends.has(n)) throw broken('accepted', `task ${n} was accepted but has no end`);
  }
  for (const n of ledger.tasks.keys()) checkTask(ledger, store, options, n, findings);
  return findings;
}

function checkTask(ledger: Ledger, store: TaskStore, options: CoreOptions, n: number, findings: Findings): void {
  const end = ledger.ends.get(n);
  const attempts = ledger.attempts.get(n) ?? [];
  const history = store.history(n);
  if (history instanceof Promise) throw new Error('a simulation needs a store that answers at once');
  const recorded = end === undefined ? attempts : [...attempts, end];
  if (history.length !== recorded.length)
    throw broken('once', `the history of task ${n} has ${history.length} of ${recorded.length} attempts`);
  const earlier = ledger.earlier.get(n) ?? 0;
  const lost = recorded.slice(earlier).filter(({ outcome }) => outcome === outcomeCode.lost).length;
  if (lost > options.maxLosses) throw broken('losses', `task ${n} was lost ${lost} times, more than ${options.maxLosses}`);
  const failures = attempts.length - earlier - lost + (end?.outcome === outcomeCode.lost ? 1 : 0);
  const retries = ledger.tasks.get(n)!.task[3]?.maxRetries ?? options.maxRetries;
  if (failures > retries) throw broken('once', `task ${n} was retried ${failures} times, more than ${retries}`);
  if (end !== undefined) {
    findings.outcomes[end.outcome] = findings.outcomes[end.outcome]! + 1;
    const { outcome } = end;
    const ran = outcome === outcomeCode.succeeded || outcome === outcomeCode.failed || outcome === outcomeCode.timeout;
    if (ran && end.attempt !== ledger.next(n)) throw broken('once', `task ${n} ended with attempt ${end.attempt} after ${attempts.length}`);
    checkParents(ledger, n, outcome);
    if (ran && outcome !== outcomeCode.succeeded && failures !== retries)
      throw broken('once', `task ${n} failed for good after ${failures} of ${retries} retries`);
  }
  const runs = ledger.runs.get(n) ?? [];
  findings.rerun += Math.max(0, runs.length - 1);
  const needed = runs.filter((run) => !excused(ledger, run));
  if (needed.length > 1) {
    const where = needed.map(({ client, grant, attempt, outcome }) => `attempt ${attempt} of grant ${grant} on ${client} ${outcome}`);
    throw broken('needless', `task ${n} was run again without need: ${where.join('; ')}`);
  }
}

/** A task whose parent did not end well has no run. */
function checkParents(ledger: Ledger, n: number, outcome: number): void {
  const { parents = [], dependencyFailure } = ledger.tasks.get(n)!.task[3] ?? {};
  if (dependencyFailure === 'run' || ledger.touched.has(n)) return;
  for (const parent of parents) {
    const bad = ledger.ends.get(parent)?.outcome !== outcomeCode.succeeded;
    if (bad && !ledger.touched.has(parent) && outcome !== outcomeCode.rejected && outcome !== outcomeCode.cancelled)
      throw broken('order', `task ${n} ended with outcome ${outcome} although task ${parent}, on which it depends, did not succeed`);
  }
}

/** A run after which the task had to be run again, whatever it came to. */
function excused(ledger: Ledger, run: Run): boolean {
  if (ledger.goneClients.has(run.client) || ledger.endedLeases.has(`${run.grant}/${run.n}`) || run.outcome === 'stopped' || run.signalled)
    return true;
  return (
    ledger.attempts.get(run.n)?.some((end) => end.attempt === run.attempt && ledger.clientIds.get(end.client ?? -1) === run.client) ?? false
  );
}

/** Summaries must add up. */
export function checkSummary(summary: Pick<Summary, 'submitted' | 'pending'>, outcomes: readonly number[]): void {
  const ended = outcomes.reduce((sum, count) => sum + count, 0);
  if (summary.submitted !== ended + summary.pending)
    throw broken('summary', `the summary does not add up: ${summary.submitted} submitted, ${ended} ended, ${summary.pending} pending`);
}

/** The totals in the store against its rows. */
export function checkTotals(ledger: Ledger, store: TaskStore, outcomes: readonly number[]): void {
  const recovery = store.recover();
  if (recovery instanceof Promise) return;
  const { counts } = recovery;
  if (counts.submitted !== ledger.tasks.size) throw broken('summary', `the store counts ${counts.submitted} of ${ledger.tasks.size} tasks`);
  if (counts.retried !== ledger.retries) throw broken('summary', `the store counts ${counts.retried} of ${ledger.retries} retries`);
  for (let outcome = 1; outcome < outcomes.length; outcome++)
    if (counts.outcomes[outcome] !== outcomes[outcome])
      throw broken('summary', `the store counts ${counts.outcomes[outcome]} tasks with outcome ${outcome}, there are ${outcomes[outcome]}`);
}
