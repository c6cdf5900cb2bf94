/** Reads the queue: pages of ready tasks in queue order, what is granted passed over. */
import type { GrantedNumbers } from '../granted.ts';
import type { LaneChoice, QueueKey, StoredTask } from '../store.ts';
import type { Row } from './driver.ts';
import * as sql from './queries.ts';
import { quoted, storedTask } from './rows.ts';
import type { Statements } from './statements.ts';

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
    const wanted = limit - found.length;
    const rows = page(statements, place, wanted, lanes).map((row) => storedTask(row, statements.payload));
    for (const row of rows) if (!granted.has(row.n)) found.push(row);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < wanted) break;
    place = last;
  }
  return found;
}

function page(statements: Statements, place: QueueKey | null, limit: number, lanes: LaneChoice | undefined): Row[] {
  const { only, except = [] } = lanes ?? {};
  // Before everything: no group is below 0.
  const { group, rank, n } = place ?? { group: -1, rank: 0, n: 0 };
  if (only !== undefined) return except.includes(only) ? [] : statements.all(sql.readyOfLane, quoted(only), group, rank, n, limit);
  if (except.length > 0) return statements.all(sql.readyExcept, group, rank, n, JSON.stringify(except.map(quoted)), limit);
  return place === null ? statements.all(sql.readyFromStart, limit) : statements.all(sql.readyAfter, group, rank, n, limit);
}
