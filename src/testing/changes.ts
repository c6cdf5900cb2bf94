/** Cancels and changes of stored tasks in a simulation, as a server makes them: what is not in memory is looked up in the store. */
import type { TaskChange } from '../data/change.ts';
import { outcomeCode } from '../task/result.ts';
import type { ServerPart } from './server-part.ts';
import type { Fault, World } from './world.ts';

const faultOf = { update: 'tags changed', revert: 'revert', requeue: 'requeue', delete: 'delete' } as const satisfies Record<
  TaskChange['kind'],
  Fault
>;

export function cancelTasks(server: ServerPart, { store, ledger, count, tell }: World, numbers: readonly number[]): void {
  const { core } = server;
  if (core === null || server.life?.process.frozen || server.finished) return;
  const rows = store.pending(numbers.filter((n) => core.task(n) === null));
  if (rows instanceof Promise) return;
  const had = numbers.filter((n) => !ledger.ends.has(n));
  const before = core.counts.outcomes[outcomeCode.cancelled]!;
  server.feed({ type: 'cancel', numbers, rows });
  const cancelled = core.counts.outcomes[outcomeCode.cancelled]! - before;
  if (cancelled > 0) count('cancel');
  tell(`cancel ${had.join(' ')}: ${cancelled}`);
  if (cancelled < numbers.length) return;
  server.afterCommit(() => {
    for (const n of numbers) ledger.cancelled.add(n);
  });
}

export function changeTasks(
  server: ServerPart,
  { store, ledger, count, tell }: World,
  change: TaskChange,
  numbers: readonly number[],
): void {
  const { core } = server;
  if (core === null || server.life?.process.frozen || server.finished) return;
  const outside = numbers.filter((n) => core.task(n) === null);
  const rows = store.pending(outside);
  const found = store.find({ numbers: outside });
  if (rows instanceof Promise || found instanceof Promise) return;
  const leased = numbers.flatMap((n) => core.task(n)?.grant ?? []);
  const grants = leased.map(({ id, tasks }) => ({ id, tasks: [...tasks] }));
  const before = core.changes;
  server.feed({ type: 'change', change, numbers, rows, done: found.filter(({ end }) => end !== null) });
  const changed = core.changes - before;
  tell(`${change.kind} ${numbers.join(' ')}: ${changed}`);
  if (changed > 0) count(faultOf[change.kind]);
  // What was taken back from its client runs again with a reason.
  for (const { id, tasks } of grants)
    for (const task of tasks)
      if (task !== null && numbers.includes(task.n) && task.grant?.id !== id) ledger.leaseEnded(id, task.n, change.kind);
}
