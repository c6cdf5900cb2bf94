/**
 * Conditions as SQL: fixed expressions over the columns, every text and number of a user as a parameter, in JSON, which SQLite decodes as it
 * decodes the stored texts, so that any two of them compare (and no digit of a number is lost).
 *
 * What SQL cannot say exactly (regular expressions, the order of texts, computed ids) is narrowed here as far as it goes and
 * decided by `conditionTest` on the rows.
 */
import { outcomeCode } from '../../task/result.ts';
import { taskStates } from '../../task/state.ts';
import { type TagValue, taskKinds } from '../../task/task.ts';
import { comparison, type NamedField, outcomeName, tagKey } from '../conditions.ts';
import type { ClientRow, Condition } from '../store.ts';
import type { Value } from './driver.ts';

/** A condition in SQL; not `exact`: it lets more rows through than the condition does. */
export interface WherePart {
  readonly sql: string;
  readonly values: readonly Value[];
  readonly exact: boolean;
}

interface Column {
  readonly is: 'number' | 'text';
  readonly sql: string;
}

/** Codes that stand for names: the comparison is made with the names, here. */
interface Coded {
  readonly is: 'code';
  readonly sql: string;
  readonly names: readonly (readonly [code: number, name: TagValue])[];
}

const number = (sql: string): Column => ({ is: 'number', sql });
const text = (sql: string): Column => ({ is: 'text', sql });
const coded = (sql: string, names: Iterable<readonly [number, TagValue]>): Coded => ({ is: 'code', sql, names: [...names] });

const columns: Readonly<Record<Exclude<NamedField, 'id' | 'clientId' | 'clientHost'>, Column | Coded>> = {
  n: number('n'),
  kind: coded(`task ->> '$[1]'`, taskKinds.entries()),
  args: text(`task ->> '$[2]'`),
  command: text(
    `coalesce(end ->> '$[8].command', case when end is not null and end ->> '$[4]' is not null and task ->> '$[1]' = 0 then task ->> '$[2]' end)`,
  ),
  state: coded('state', taskStates.entries()),
  outcome: coded(
    'outcome',
    Object.values(outcomeCode).map((code) => [code, outcomeName(code)] as const),
  ),
  exitStatus: number(`end ->> '$[1]'`),
  signal: text(`end ->> '$[8].signal'`),
  group: number('grp'),
  priority: number(`coalesce(task ->> '$[4].priority', 0)`),
  attempt: number(`coalesce(end ->> '$[0]', attempts)`),
  slot: number(`end ->> '$[3]'`),
  submittedAt: number(`task ->> '$[0]'`),
  startedAt: number(`end ->> '$[4]'`),
  completedAt: number(`end ->> '$[6]'`),
  waited: number(`end ->> '$[7]'`),
  duration: number(`end ->> '$[5]'`),
  cores: number(`task ->> '$[4].cores'`),
  memory: number(`task ->> '$[4].memory'`),
  timeout: number(`task ->> '$[4].timeout'`),
  peakCores: number(`end ->> '$[8].peakCores'`),
  peakMemory: number(`end ->> '$[8].peakMemory'`),
};

/** What a search must know of its store. */
export interface SearchContext {
  clients(): Iterable<ClientRow>;
  salt(): string;
}

const all: WherePart = { sql: '1', values: [], exact: false };
const always: WherePart = { sql: '1', values: [], exact: true };
const never: WherePart = { sql: '0', values: [], exact: true };

/** One condition. Throws ERR_QUERY for one that means nothing. */
export function wherePart(condition: Condition, context: SearchContext): WherePart {
  const holds = comparison(condition);
  const key = tagKey(condition.field);
  if (key !== null) return tagPart(condition, key);
  const field = condition.field as NamedField;
  switch (field) {
    case 'id':
      return all;
    case 'clientId':
      return clientPart(holds, (client) => client.id, context);
    case 'clientHost':
      return clientPart(holds, (client) => client.host, context);
  }
  const column = columns[field];
  if (column.is !== 'code') return columnPart(column, condition);
  const codes = column.names.filter(([, name]) => holds(name)).map(([code]) => code);
  return { sql: `${column.sql} in (select value from json_each(?))`, values: [JSON.stringify(codes)], exact: true };
}

function columnPart({ is, sql }: Column, { op, value }: Condition): WherePart {
  if (value === null)
    return op === '==' ? { ...always, sql: `${sql} is null` } : op === '!=' ? { ...always, sql: `${sql} is not null` } : never;
  if (typeof value !== (is === 'number' ? 'number' : 'string')) return op === '!=' ? { ...always, sql: `${sql} is not null` } : never;
  const values = [JSON.stringify(value)];
  if (op === '==') return { sql: `${sql} = (? ->> '$')`, values, exact: true };
  if (op === '!=') return { sql: `${sql} <> (? ->> '$')`, values, exact: true };
  if (is === 'text') return { ...all, sql: `${sql} is not null` };
  return { sql: `${sql} ${op} (? ->> '$')`, values, exact: true };
}

/** Clients are few: who fulfils the condition is known before the tasks are read. */
function clientPart(holds: (actual: TagValue) => boolean, of: (client: ClientRow) => string, context: SearchContext): WherePart {
  const numbers: number[] = [];
  const known: number[] = [];
  for (const client of context.clients()) {
    known.push(client.n);
    if (holds(of(client))) numbers.push(client.n);
  }
  const one = `end ->> '$[2]' in (select value from json_each(?))`;
  if (!holds(null)) return { sql: one, values: [JSON.stringify(numbers)], exact: true };
  // Without a client, or with one that is not known any more.
  const none = `(end is null or end ->> '$[2]' is null or end ->> '$[2]' not in (select value from json_each(?)) or ${one})`;
  return { sql: none, values: [JSON.stringify(known), JSON.stringify(numbers)], exact: true };
}

/**
 * A tag of a filter: with this value, or with any (`undefined`). Each side is decoded by SQLite, so any text compares.
 */
export function tagWith(key: string, value: TagValue | undefined): WherePart {
  const path = pathOf(key);
  if (value === undefined) return needled(key, undefined, { sql: 'json_type(task, ?) is not null', values: [path], exact: true });
  if (value === null) return needled(key, null, { sql: `json_type(task, ?) is 'null'`, values: [path], exact: true });
  return tagPart({ op: '==', value }, key);
}

const pathOf = (key: string): string => `$[4].tags."${key}"`;

/**
 * What the text of a task with such a tag holds in any case is looked for first: of a million tasks those without are passed over in 0.3 s, where reading each as
 * JSON takes 0.6.
 */
function needled(key: string, value: TagValue | undefined, { sql, values, exact }: WherePart): WherePart {
  const plain = typeof value === 'string' ? /^[\w.+-]*$/.test(value) : typeof value !== 'number' || Number.isSafeInteger(value);
  const needle = `"${key}":${value === undefined || !plain ? '' : JSON.stringify(value)}`;
  return { sql: `instr(task, ?) > 0 and ${sql}`, values: [needle, ...values], exact };
}

function tagPart({ op, value }: Pick<Condition, 'op' | 'value'>, key: string): WherePart {
  const path = pathOf(key);
  const absent = `coalesce(json_type(task, ?), 'null') = 'null'`;
  if (value === null) {
    if (op === '==') return { sql: absent, values: [path], exact: true };
    return op === '!=' ? needled(key, undefined, { sql: `not ${absent}`, values: [path], exact: true }) : never;
  }
  if (typeof value === 'boolean') {
    const type = value ? 'true' : 'false';
    if (op === '==') return needled(key, value, { sql: `json_type(task, ?) is '${type}'`, values: [path], exact: true });
    if (op !== '!=') return never;
    const sql = `coalesce(json_type(task, ?), 'null') not in ('null', '${type}')`;
    return needled(key, undefined, { sql, values: [path], exact: true });
  }
  const types = typeof value === 'number' ? `('integer', 'real')` : `('text')`;
  const typed = `coalesce(json_type(task, ?), 'null') in ${types}`;
  if (op === '~' || (typeof value === 'string' && op !== '==' && op !== '!='))
    return needled(key, undefined, { sql: typed, values: [path], exact: false });
  const compared = `(${typed} and task ->> ? ${op === '!=' ? '=' : op} (? ->> '$'))`;
  const values = [path, path, JSON.stringify(value)];
  if (op !== '!=') return needled(key, op === '==' ? value : undefined, { sql: compared, values, exact: true });
  return needled(key, undefined, { sql: `not ${absent} and not ${compared}`, values: [path, ...values], exact: true });
}
