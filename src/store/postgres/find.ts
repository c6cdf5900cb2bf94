/**
 * A filter as one statement, as far as columns tell it: numbers, ids, keys, group, the stored state and the outcome. Tags and other conditions are decided
 * here by `conditionTest`, on rows without their input and output (some 5 µs a task), so that they mean the same as everywhere; a search narrows them to
 * stretches of numbers (`search.ts`).
 */
import { conditionTest } from '../conditions.ts';
import { sortRows } from '../order.ts';
import type { ClientRow, TaskFilter, TaskRow } from '../store.ts';
import { type Driver, listOf, textsOf, type Value } from './driver.ts';
import type { Queries } from './queries.ts';
import { quoted, taskRow } from './rows.ts';

/** Rows read at once where each must be looked at. */
const lookedAt = 1_000;

export interface SearchContext {
  client(n: number): ClientRow | null;
  salt(): string;
}

/** The numbers of the tasks that the filter means, in its order. */
export async function findNumbers(driver: Driver, sql: Queries, filter: TaskFilter, context: SearchContext): Promise<number[]> {
  const { orderBy = 'n', desc = false, limit = Number.POSITIVE_INFINITY } = filter;
  if (limit < 1) return [];
  const test = testOf(filter, context);
  if (test === null && orderBy === 'n') {
    const { where, values } = compile(filter);
    const end = Number.isFinite(limit) ? ` limit ${Math.floor(limit)}` : '';
    const rows = await driver.query(`${sql.numbers}${where} order by t.n${desc ? ' desc' : ''}${end}`, values);
    return rows.map((row) => Number(row.n));
  }
  const found: TaskRow[] = [];
  const enough = orderBy === 'n' ? limit : Number.POSITIVE_INFINITY;
  await each(driver, sql, filter, context, (row) => {
    if (test?.(row) !== false) found.push(row);
    return found.length < enough;
  });
  const sorted = sortRows(found, orderBy, desc).map((row) => row.n);
  return Number.isFinite(limit) ? sorted.slice(0, limit) : sorted;
}

export async function countRows(driver: Driver, sql: Queries, filter: TaskFilter, context: SearchContext): Promise<number> {
  if (testOf(filter, context) !== null) {
    const { orderBy: _, ...byNumber } = filter;
    return (await findNumbers(driver, sql, byNumber, context)).length;
  }
  const { where, values } = compile(filter);
  const limit = filter.limit === undefined ? '' : ` limit ${Math.max(0, Math.floor(filter.limit))}`;
  const [row] = await driver.query(`select count(*) as count from (${sql.count}${where}${limit}) found`, values);
  return Number(row?.count);
}

/** Rows by number, until `take` has enough. */
async function each(
  driver: Driver,
  sql: Queries,
  filter: TaskFilter,
  context: SearchContext,
  take: (row: TaskRow) => boolean,
): Promise<void> {
  let part = filter;
  for (;;) {
    const { where, values } = compile(part);
    const rows = await driver.query(`${sql.light}${where} order by t.n${filter.desc ? ' desc' : ''} limit ${lookedAt}`, values);
    for (const row of rows) if (!take(taskRow(row, (n) => context.client(n)))) return;
    const last = rows[rows.length - 1];
    if (last === undefined || rows.length < lookedAt) return;
    part = { ...filter, after: Number(last.n) };
  }
}

/** What SQL leaves to be decided; null: nothing. Throws ERR_QUERY for a condition that means nothing. */
function testOf({ where, tags }: TaskFilter, context: SearchContext): ((row: TaskRow) => boolean) | null {
  if (where === undefined && tags === undefined) return null;
  const holds = conditionTest(where ?? [], context.salt());
  const wanted = Object.entries(tags ?? {});
  return (row) => {
    const own = row.task[3]?.tags ?? {};
    return wanted.every(([key, value]) => Object.hasOwn(own, key) && (value === undefined || own[key] === value)) && holds(row);
  };
}

function compile(filter: TaskFilter): { where: string; values: Value[] } {
  const parts: string[] = [];
  const values: Value[] = [];
  const add = (part: string, value: Value): void => {
    values.push(value);
    parts.push(part.replace('?', `$${values.length}`));
  };
  if (filter.numbers !== undefined) add('t.n = any(?::bigint[])', listOf(filter.numbers));
  if (filter.ids !== undefined) add('t.user_id = any(?::text[])', textsOf(filter.ids.map(quoted)));
  if (filter.keys !== undefined) add('t.key = any(?::text[])', textsOf(filter.keys.map(quoted)));
  // The partial indexes are used for a state that stands in the text of the statement only.
  if (filter.state === 0) parts.push('t.state = 0');
  else if (filter.state === 1) parts.push('t.state = 1');
  else if (filter.state !== undefined) add('t.state = ?', filter.state);
  if (filter.group !== undefined) add('t.grp = ?', filter.group);
  if (filter.outcome !== undefined) add('t.outcome = ?', filter.outcome);
  if (filter.after !== undefined) add(filter.desc ? 't.n < ?::bigint' : 't.n > ?::bigint', filter.after);
  if (filter.upTo !== undefined) add(filter.desc ? 't.n >= ?::bigint' : 't.n <= ?::bigint', filter.upTo);
  return { where: parts.length === 0 ? '' : ` where ${parts.join(' and ')}`, values };
}
