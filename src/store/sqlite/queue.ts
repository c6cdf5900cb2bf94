/** Reads the queue: pages of ready tasks in queue order, what is granted passed over. */
import type { GrantedNumbers } from '../granted.ts';
import type { LaneChoice, QueueKey, StoredTask } from '../store.ts';
import type { Value } from './driver.ts';
import * as sql from './queries.ts';
import { pendingTasks } from './recover.ts';
import { quoted, storedTasks } from './rows.ts';
import type { Statements } from './statements.ts';

/** A page as text stays below 128 KiB for common tasks: see `Statements`. */
const pageSize = 512;

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
    const wanted = Math.min(pageSize, limit - found.length);
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
  const list = (query: string, ...values: Value[]): StoredTask[] =>
    storedTasks(statements.all(query, ...values, limit)[0], statements.payload, (long) => pendingTasks(statements, [long]));
  if (only !== undefined) return except.includes(only) ? [] : list(sql.readyOfLane, quoted(only), group, rank, n);
  if (except.length > 0) return list(sql.readyExcept, group, rank, n, JSON.stringify(except.map(quoted)));
  return place === null ? list(sql.readyFromStart) : list(sql.readyAfter, group, rank, n);
}
