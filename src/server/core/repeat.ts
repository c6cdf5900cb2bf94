/**
 * Tasks that repeat: when a run has ended, the same transaction accepts the next one, which waits for the next time that the cron line
 * matches. A crash can so neither lose the series nor double it. Times that passed meanwhile are made up for by one run.
 */
import { newTaskRow } from '../../store/new-task.ts';
import type { StoredTask, Writes } from '../../store/store.ts';
import { endsSeries } from '../../task/cron.ts';
import type { WireTask } from '../../task/task.ts';
import type { Counts } from './counts.ts';
import type { CoreTask, Instant } from './entities.ts';
import type { NoteName } from './events.ts';

/** What it needs of the core. */
export interface RepeatHost {
  readonly retagged: ReadonlyMap<number, WireTask>;
  readonly limits: { readonly keys: readonly string[] };
  readonly time: Instant;
  readonly writes: Writes;
  readonly counts: Counts;
  nextTask: number;
  submissionTime(): number;
  admit(row: StoredTask): void;
  note(name: NoteName, task: StoredTask, attempt: number, client: null): void;
}

/** Accept the successor of a task that has ended, if it has one. */
export function repeat(state: RepeatHost, task: CoreTask, outcome: number): void {
  if (task.attributes?.cron === undefined || endsSeries(outcome)) return;
  const [kind, args, input, last] = state.retagged.get(task.n) ?? task.wire;
  // What was said of the first run only does not hold for the next; the key stays: it is that of the series.
  const { id, dependsOn, parents, dependencyFailure, startAfter, startDelay, earlierAttempts, ...attributes } = last ?? {};
  const wire: WireTask = [kind, args, input, attributes];
  const row = newTaskRow(state.nextTask, state.submissionTime(), wire, state.time.wall, state.limits.keys);
  // The line matches no more.
  if (row.readyAt === null) return;
  state.nextTask++;
  state.writes.tasks.push(row);
  state.counts.accepted(row.group);
  state.admit(row);
  state.note('submitted', row, 0, null);
}
