/** Reads the queue: pages of ready tasks in queue order, what is granted passed over. */
import type { GrantedNumbers } from '../granted.ts';
import type { LaneChoice, QueueKey, StoredTask } from '../store.ts';
import type { Value } from './driver.ts';
import * as sql from './queries.ts';
import { quoted, storedTask, storedTasks } from './rows.ts';
import type { Statements } from './statements.ts';

/** Tasks that are read as one text: some 100 KiB of common ones, which V8 does not hold for a large object. */
const most = 512;

export function readyTasks(
  statements: Statements,
  granted: GrantedNumbers,
  after: QueueKey | null,
  limit: number,
  lanes: LaneChoice | undefined,
): StoredTask[] {
  const found: StoredTask[] = [];
  let place = after;
  while (found.length < limit) {
    // Granted tasks stay in the queue's index; a page more is read when some were passed over.
    const wanted = place !== null && lanes === undefined ? Math.min(limit - found.length, most) : limit - found.length;
    const rows = page(statements, place, wanted, lanes);
    for (const row of rows) if (!granted.has(row.n)) found.push(row);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < wanted) break;
    place = last;
  }
  return found;
}

function page(statements: Statements, place: QueueKey | null, limit: number, lanes: LaneChoice | undefined): StoredTask[] {
  const { only, except = [] } = lanes ?? {};
  // Before everything: no group is below 0.
  const { group, rank, n } = place ?? { group: -1, rank: 0, n: 0 };
  const read = (query: string, ...values: Value[]): StoredTask[] =>
    statements.all(query, ...values, limit).map((row) => storedTask(row, statements.payload));
  if (only !== undefined) return except.includes(only) ? [] : read(sql.readyOfLane, quoted(only), group, rank, n);
  if (except.length > 0) return read(sql.readyExcept, group, rank, n, JSON.stringify(except.map(quoted)));
  return place === null ? read(sql.readyFromStart) : behind(statements, place, limit);
}

/** What follows a place of the queue: the rest of its group and rank first. */
function behind(statements: Statements, { group, rank, n }: QueueKey, limit: number): StoredTask[] {
  const { payload } = statements;
  const rowByRow = (query: string, ...values: Value[]): StoredTask[] =>
    statements.all(query, ...values).map((row) => storedTask(row, payload));
  const tasks =
    storedTasks(statements.all(sql.readyPage, group, rank, n, limit)[0], group, rank, payload) ??
    rowByRow(sql.readyOfTier, group, rank, n, limit);
  if (tasks.length < limit) tasks.push(...rowByRow(sql.readyBehind, group, rank, limit - tasks.length));
  return tasks;
}
