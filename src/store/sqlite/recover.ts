/** What a server finds when it opens the file: everything but the tasks that are ready or done. Reads only. */
import type { Ranges } from '../../protocol/messages.ts';
import type { GrantedNumbers } from '../granted.ts';
import { eachNumber } from '../ranges.ts';
import type { Recovery, StoreCounts, StoredTask, SubmitterRow } from '../store.ts';
import * as sql from './queries.ts';
import { clientRow, storedTask } from './rows.ts';
import type { Statements } from './statements.ts';

/** Fills `granted` anew. The epoch in the answer is still to be committed. */
export function readRecovery(statements: Statements, granted: GrantedNumbers): Recovery {
  const meta = new Map(statements.all(sql.getMeta).map((row) => [row.name, row.value]));
  const clients = statements.all(sql.allClients).map((row) => clientRow(Number(row.n), String(row.facts)));
  const grants: Recovery['grants'] = [];
  let ready = Number(statements.all(sql.countReady)[0]?.count);
  granted.clear();
  for (const row of statements.all(sql.allGrants)) {
    const [client, attempt, ranges] = JSON.parse(String(row.facts)) as [number, number, Ranges];
    const numbers: number[] = [];
    eachNumber(ranges, (n) => numbers.push(n));
    const tasks = pendingTasks(statements, numbers);
    granted.set(Number(row.id), ranges);
    ready -= tasks.reduce((sum, task) => sum + task.state, 0);
    if (tasks.length > 0) grants.push({ id: Number(row.id), client, attempt, tasks });
  }
  const submitters = statements.all(sql.allSubmitters).map(
    (row): SubmitterRow => ({
      id: JSON.parse(String(row.id)) as string,
      sequence: Number(row.sequence),
      receipts: JSON.parse(String(row.receipts)) as unknown[],
      seenAt: Number(row.seen_at),
      open: Number(row.open) === 1,
    }),
  );
  return {
    epoch: Number(meta.get('epoch')) + 1,
    ...(meta.has('clean') ? { endedCleanly: Number(meta.get('clean')) === 1 } : {}),
    salt: String(meta.get('salt')),
    nextTask: Math.max(Number(meta.get('next_task')), Number(statements.all(sql.highestTask)[0]?.n ?? 0) + 1),
    nextClient: clients.reduce((highest, client) => Math.max(highest, client.n), 0) + 1,
    counts: JSON.parse(String(meta.get('counts'))) as StoreCounts,
    ready,
    waiting: statements.all(sql.waitingTasks).map((row) => storedTask(row, statements.payload)),
    grants,
    clients,
    submitters,
  };
}

/** Those of the list that are not done, in its order. */
export function pendingTasks(statements: Statements, numbers: readonly number[]): StoredTask[] {
  return statements.all(sql.pendingTasks, JSON.stringify(numbers)).map((row) => storedTask(row, statements.payload));
}
