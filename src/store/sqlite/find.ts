/**
 * A filter as one statement: fixed conditions chosen by which fields are given, values only as parameters. Conditions other than on
 * numbers, ids and the stored state read the whole table (about a second for 5,000,000 tasks).
 */
import type { TaskFilter } from '../store.ts';
import type { Value } from './driver.ts';
import { recordRow } from './queries.ts';
import { quoted } from './rows.ts';

const sortable = {
  n: 'n',
  submittedAt: `task ->> '$[0]'`,
  completedAt: `end ->> '$[6]'`,
  durationMs: `end ->> '$[5]'`,
  priority: `coalesce(task ->> '$[4].priority', 0)`,
} as const;

/** Every tag of the list ([key] = any value, [key, value]) is on the task. Both sides are decoded by SQLite, so any text compares. */
const hasTags = `not exists (
  select 1 from json_each(?) wanted where not exists (
    select 1 from json_each(task.task, '$[4].tags') tag where tag.key = wanted.value ->> 0
    and (json_array_length(wanted.value) = 1 or (tag.type = json_type(wanted.value, '$[1]') and tag.atom is wanted.value ->> 1))))`;

export interface Query {
  readonly sql: string;
  readonly values: Value[];
}

function conditions(filter: TaskFilter): { where: string; values: Value[] } {
  const parts: string[] = [];
  const values: Value[] = [];
  const add = (part: string, value: Value): void => {
    parts.push(part);
    values.push(value);
  };
  if (filter.numbers !== undefined) add('n in (select value from json_each(?))', JSON.stringify(filter.numbers));
  if (filter.ids !== undefined) add('user_id in (select value from json_each(?))', JSON.stringify(filter.ids.map(quoted)));
  // The partial indexes are used for a state that stands in the text of the statement only.
  if (filter.state === 0) parts.push('state = 0');
  else if (filter.state === 1) parts.push('state = 1');
  else if (filter.state !== undefined) add('state = ?', filter.state);
  if (filter.group !== undefined) add('grp = ?', filter.group);
  if (filter.outcome !== undefined) add('outcome = ?', filter.outcome);
  if (filter.tags !== undefined) {
    const wanted = Object.entries(filter.tags).map(([key, value]) => (value === undefined ? [key] : [key, value]));
    add(hasTags, JSON.stringify(wanted));
  }
  if (filter.after !== undefined) add(filter.desc ? 'n < ?' : 'n > ?', filter.after);
  return { where: parts.length === 0 ? '' : ` where ${parts.join(' and ')}`, values };
}

export function findQuery(filter: TaskFilter): Query {
  const { where, values } = conditions(filter);
  const by = sortable[filter.orderBy ?? 'n'];
  const direction = filter.desc ? ' desc' : '';
  const order = by === 'n' ? `n${direction}` : `${by} is null, ${by}${direction}, n${direction}`;
  return { sql: `select ${recordRow} from task${where} order by ${order} limit ?`, values: [...values, filter.limit ?? -1] };
}

export function countQuery(filter: TaskFilter): Query {
  const { where, values } = conditions(filter);
  return { sql: `select count(*) as count from (select 1 from task${where} limit ?)`, values: [...values, filter.limit ?? -1] };
}
