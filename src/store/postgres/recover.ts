/** What a server finds when it opens the schema: everything but the tasks that are ready or done. */
import type { Ranges } from '../../protocol/messages.ts';
import type { GrantedNumbers } from '../granted.ts';
import { eachNumber } from '../ranges.ts';
import type { Recovery, StoreCounts, StoredTask, SubmitterRow } from '../store.ts';
import { type Driver, listOf, type Row } from './driver.ts';
import type { Queries } from './queries.ts';
import { clientRow, storedTask } from './rows.ts';

/** Fills `granted` anew; grants all of whose tasks are done are forgotten. */
export async function readRecovery(driver: Driver, sql: Queries, granted: GrantedNumbers): Promise<Recovery> {
  const [state] = (await driver.query(sql.state)) as [Row];
  const clients = (await driver.query(sql.clients)).map(clientRow);
  let ready = Number((await driver.query(sql.countReady))[0]?.count);
  const rows = (await driver.query(sql.grants)).map((row) => {
    const [client, attempt, ranges] = JSON.parse(String(row.facts)) as [number, number, Ranges];
    return { id: Number(row.id), client, attempt, ranges };
  });
  const leased: number[] = [];
  for (const { ranges } of rows) eachNumber(ranges, (n) => leased.push(n));
  const byNumber = new Map<number, StoredTask>();
  for (let i = 0; i < leased.length; i += 10_000) {
    const some = await driver.query(sql.pending, [listOf(leased.slice(i, i + 10_000))]);
    for (const task of some.map(storedTask)) byNumber.set(task.n, task);
  }
  granted.clear();
  const grants: Recovery['grants'] = [];
  const dead: number[] = [];
  for (const { id, client, attempt, ranges } of rows) {
    const tasks: StoredTask[] = [];
    eachNumber(ranges, (n) => {
      const task = byNumber.get(n);
      if (task !== undefined) tasks.push(task);
    });
    if (tasks.length === 0) {
      dead.push(id);
      continue;
    }
    granted.set(id, ranges);
    ready -= tasks.reduce((sum, task) => sum + task.state, 0);
    grants.push({ id, client, attempt, tasks });
  }
  if (dead.length > 0) await driver.query(sql.removeGrants, [listOf(dead)]);
  const submitters = (await driver.query(sql.submitters)).map(
    (row): SubmitterRow => ({
      id: JSON.parse(String(row.id)) as string,
      sequence: Number(row.sequence),
      receipts: JSON.parse(String(row.receipts)) as unknown[],
      seenAt: Number(row.seen_at),
      open: row.open === true,
    }),
  );
  return {
    epoch: Number(state.epoch),
    salt: String(state.salt),
    nextTask: Math.max(Number(state.next_task), Number((await driver.query(sql.highestTask))[0]?.n ?? 0) + 1),
    nextClient: clients.reduce((highest, client) => Math.max(highest, client.n), 0) + 1,
    counts: JSON.parse(String(state.counts)) as StoreCounts,
    ready,
    waiting: (await driver.query(sql.waiting)).map(storedTask),
    grants,
    clients,
    submitters,
  };
}
