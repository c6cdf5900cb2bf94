/**
 * The run of a server that follows: where it began in a queue that others have used for long, and what became of the queue since, also when this server has
 * led it for the last part.
 */
import type { Clock } from '../base/clock.ts';
import type { MillraceError } from '../base/errors.ts';
import type { ResultOrder } from '../control/results.ts';
import { openStore } from '../store/open.ts';
import type { TaskStore } from '../store/store.ts';
import type { Summary } from '../task/result.ts';
import { InputOrder } from './input-order.ts';
import { Failures } from './summary.ts';

export interface Beginning {
  readonly salt: string;
  /** Cursors of what is recorded from now on, by the order of results. */
  readonly since: Readonly<Record<ResultOrder, number>>;
}

/** @throws ERR_DATABASE… */
export async function beginning(database: string, clock: Clock): Promise<Beginning> {
  const store = await openStore(database, { access: 'read', clock });
  try {
    // The first task that was not done stands before those that are submitted from now on.
    const input = await new InputOrder(store).start();
    return { salt: await store.salt(), since: { completed: await store.cursor(), input } };
  } finally {
    await store.close();
  }
}

/** One run of two parts; what was pending between them is of the second. */
export function joinedSummary(first: Summary, second: Summary, durationMs: number): Summary {
  const sum = (of: (part: Summary) => number): number => of(first) + of(second);
  const submitted = sum((part) => part.submitted) - first.pending;
  return {
    submitted,
    succeeded: sum((part) => part.succeeded),
    failed: sum((part) => part.failed),
    cancelled: sum((part) => part.cancelled),
    timedOut: sum((part) => part.timedOut),
    lost: sum((part) => part.lost),
    rejected: sum((part) => part.rejected),
    pending: second.pending,
    retried: sum((part) => part.retried),
    duplicatesRefused: second.duplicatesRefused,
    durationMs,
    tasksPerSecond: durationMs > 0 ? ((submitted - second.pending) / durationMs) * 1000 : 0,
  };
}

/** Rows of one look. */
const page = 500;

/** What `throwOnFailure` makes of the run; null: nothing. */
export async function failureOf(store: TaskStore, { salt, since }: Beginning, summary: Summary): Promise<MillraceError | null> {
  const failures = new Failures(true, salt);
  const error = failures.error(summary);
  if (error === null) return null;
  for (let cursor = since.completed; !failures.full; ) {
    const { rows, cursor: next } = await store.completed(cursor, page);
    if (rows.length === 0) break;
    for (const row of rows) failures.addRow(row);
    cursor = next;
  }
  return failures.error(summary);
}
