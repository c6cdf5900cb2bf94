/** Reads the queue: pages of ready tasks in queue order, what is granted passed over. */
import type { GrantedNumbers } from '../granted.ts';
import type { LaneChoice, QueueKey, StoredTask } from '../store.ts';
import { type Driver, type Row, textsOf } from './driver.ts';
import type { Queries } from './queries.ts';
import { quoted, storedTask } from './rows.ts';

export async function readyTasks(
  driver: Driver,
  sql: Queries,
  granted: GrantedNumbers,
  after: QueueKey | null,
  limit: number,
  lanes: LaneChoice | undefined,
): Promise<StoredTask[]> {
  const found: StoredTask[] = [];
  let place = after;
  while (found.length < limit) {
    // Granted tasks stay in the queue's index; a page more is read when some were passed over.
    const wanted = limit - found.length;
    const rows = (await page(driver, sql, place, wanted, lanes)).map(storedTask);
    for (const row of rows) if (!granted.has(row.n)) found.push(row);
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < wanted) break;
    place = last;
  }
  return found;
}

async function page(driver: Driver, sql: Queries, place: QueueKey | null, limit: number, lanes: LaneChoice | undefined): Promise<Row[]> {
  const { only, except = [] } = lanes ?? {};
  // Before everything: no group is below 0.
  const { group, rank, n } = place ?? { group: -1, rank: 0, n: 0 };
  if (only !== undefined) return except.includes(only) ? [] : driver.query(sql.readyOfLane, [group, rank, n, limit, quoted(only)]);
  if (except.length > 0) return driver.query(sql.readyExcept, [group, rank, n, limit, textsOf(except.map(quoted))]);
  return place === null ? driver.query(sql.readyFromStart, [limit]) : driver.query(sql.readyAfter, [group, rank, n, limit]);
}
