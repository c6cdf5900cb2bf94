/**
 * From the query that users write to the filter that stores understand: every field is checked, a wrong one is refused with what is
 * allowed there. Ids become task numbers, so that a store needs no index on computed ids.
 */
import { MillraceError, reasonOf } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import type { Awaitable, Condition, TaskFilter, TaskRow, TaskStore } from '../store/store.ts';
import { storedState } from '../store/store.ts';
import { parseTaskId, publicId, taskNumber } from '../task/id.ts';
import { type Outcome, outcomeCode, outcomes } from '../task/result.ts';
import { type TaskStateName, taskStates } from '../task/state.ts';
import { checkTags, isTagKey, parseTag } from '../task/tags.ts';
import type { TagValue } from '../task/task.ts';
import { type ReadCondition, readWhere, type Where } from './where.ts';

const orderings = ['submittedAt', 'completedAt', 'durationMs', 'priority', 'n'] as const;

/** Which tasks; all given fields must hold. */
export interface TaskQuery {
  /** Public ids of tasks. */
  ids?: readonly string[];
  /**
   * Conditions, all of which must hold: texts such as `'duration >= 5'`, `'exitStatus != 0'`, `'args ~ ^echo'`, `'signal == null'`, `'memory >= 4GB'`,
   * `'submittedAt > 2026-01-31T12:00:00Z'`, or tuples such as `['duration', '>=', '500ms']`. Operators: `== != > >= < <=` and `~` (a regular
   * expression is found in the text, of which it sees the first 4,096 characters). The value is all that follows the operator, in quotes if you like; its type follows
   * the field: durations in seconds or with a unit, sizes in bytes or with a unit, times in ISO or as ms. `tag.<key>` is a tag: there an unquoted number, `true`
   * or `false` means just that, and a text in quotes a text. HyperShell's names (`exit_status`, `submit_time`…) stand for ours. A field without a value fulfils
   * `== null` alone: `exitStatus != 0` means tasks that ended so, not those that wait or were killed.
   */
  where?: Where;
  /**
   * Tags that a task must have: with this value, or with any where the value is `undefined`. A text or a list of texts: `'key'` (any value) or
   * `'key:value'` (that text).
   */
  tags?: Readonly<Record<string, TagValue | undefined>> | readonly string[] | string;
  /** The phase that they belong to. */
  group?: number;
  /** Of a store without a server, `leased` and `running` tasks are `ready`. */
  state?: TaskStateName;
  /** How they ended; tasks that are not done have none. */
  outcome?: Outcome;
  /** Default `'n'`: the order of acceptance. Tasks without a value come last. */
  orderBy?: (typeof orderings)[number];
  /** The other way round. Default false. */
  desc?: boolean;
  /** At most so many; default: all. */
  limit?: number;
}

/** A query that was checked. `state` is what was asked for: `ready`, `leased` and `running` share one stored state, and only a server tells them apart. */
export interface CheckedQuery {
  readonly filter: TaskFilter;
  readonly state: TaskStateName | null;
  readonly ids: readonly string[] | null;
}

const fields = ['ids', 'where', 'tags', 'group', 'state', 'outcome', 'orderBy', 'desc', 'limit'] as const;

/**
 * Check a query. Its ids are still to be resolved: see `resolveIds`.
 * @throws ERR_QUERY
 */
export function checkQuery(query: TaskQuery = {}): CheckedQuery {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) throw wrong('a query', 'an object of fields', query);
  for (const name of Object.keys(query)) {
    if (!(fields as readonly string[]).includes(name))
      throw new MillraceError(
        'ERR_QUERY',
        `a query has no field '${name.slice(0, 64)}'.${didYouMean(name, fields)} The fields are ${fields.join(', ')}`,
      );
  }
  const { ids, where, tags, group, state, outcome, orderBy, desc, limit } = query;
  const filter: TaskFilter = {};
  if (tags !== undefined) filter.tags = checkWantedTags(tags);
  if (group !== undefined) filter.group = wholeNumber('group', group);
  if (limit !== undefined) filter.limit = wholeNumber('limit', limit);
  if (outcome !== undefined) filter.outcome = outcomeCode[oneOf('outcome', outcome, outcomes.slice(1) as Outcome[])];
  if (orderBy !== undefined) filter.orderBy = oneOf('orderBy', orderBy, orderings);
  if (desc !== undefined) {
    if (typeof desc !== 'boolean') throw wrong('desc', 'true or false', desc);
    filter.desc = desc;
  }
  const asked: Asked = {
    state: state === undefined ? null : oneOf('state', state, taskStates),
    ids: ids === undefined ? null : checkIds(ids),
  };
  if (where !== undefined) addConditions(filter, asked, readWhere(where));
  if (asked.state !== null) filter.state = storedStateOf(asked.state);
  return { filter, ...asked };
}

interface Asked {
  state: TaskStateName | null;
  ids: string[] | null;
}

function storedStateOf(name: TaskStateName): number {
  return name === 'waiting' ? storedState.waiting : name === 'done' ? storedState.done : storedState.ready;
}

/** What a field of the query says as well goes there: stores have better ways to it, and a state or an id means more than its row tells. */
function addConditions(filter: TaskFilter, asked: Asked, conditions: readonly ReadCondition[]): void {
  const rest: Condition[] = [];
  for (const { condition, refuse } of conditions) {
    const { field, op, value } = condition;
    if (field === 'state') {
      const name = value as TaskStateName;
      if (op === '!=') {
        if (name !== 'done' && name !== 'waiting')
          throw refuse(`state != ${name} cannot be asked for: ask for the states that you want, by ==`);
        rest.push(condition);
        continue;
      }
      if (asked.state !== null && asked.state !== name) throw refuse(`a task cannot be ${asked.state} and ${name} at once`);
      asked.state = name;
    } else if (field === 'id') {
      const [id] = checkIds([value]);
      asked.ids = asked.ids === null ? [id!] : asked.ids.filter((other) => other === id);
    } else if (field === 'group' && op === '==' && filter.group === undefined && Number.isSafeInteger(value)) {
      filter.group = value as number;
    } else if (field === 'outcome' && op === '==' && value !== null && filter.outcome === undefined) {
      filter.outcome = outcomeCode[value as Outcome];
    } else rest.push(condition);
  }
  if (rest.length > 0) filter.where = rest;
}

/**
 * The numbers of the tasks with these public ids, in any order; an id that no task has is left out.
 * An id may be computed or a user's own; a number in a forged or foreign id is not believed: the task must have exactly this id.
 */
export async function resolveIds(store: Pick<TaskStore, 'find' | 'known'>, salt: string, ids: readonly string[]): Promise<number[]> {
  const computed = new Map<number, string>();
  for (const id of ids) {
    const known = taskNumber(salt, id);
    if (known !== null) computed.set(known.n, id);
  }
  const numbers = new Set((await store.known([], ids)).ids.values());
  if (computed.size > 0) {
    const rows: TaskRow[] = await (store.find({ numbers: [...computed.keys()] }) satisfies Awaitable<TaskRow[]>);
    for (const row of rows) if (publicId(row, salt) === computed.get(row.n)) numbers.add(row.n);
  }
  return [...numbers];
}

/** The task with this public id; null: there is none. One look into the store where the id is computed, as nearly all are. */
export async function findTask(store: Pick<TaskStore, 'find' | 'known'>, salt: string, given: string): Promise<TaskRow | null> {
  const [id] = checkIds([given]);
  const computed = taskNumber(salt, id!);
  if (computed !== null) {
    const [row] = await store.find({ numbers: [computed.n], limit: 1 });
    if (row !== undefined && publicId(row, salt) === id) return row;
  }
  const n = (await store.known([], [id!])).ids.get(id!);
  if (n === undefined) return null;
  const [row] = await store.find({ numbers: [n], limit: 1 });
  return row ?? null;
}

/** A query as one filter for a store. */
export async function toFilter(store: Pick<TaskStore, 'find' | 'known'>, salt: string, query: CheckedQuery): Promise<TaskFilter> {
  return query.ids === null ? query.filter : { ...query.filter, numbers: await resolveIds(store, salt, query.ids) };
}

function checkIds(ids: unknown): string[] {
  if (!Array.isArray(ids)) throw wrong('ids', 'a list of task ids', ids);
  return ids.map((id: unknown) => {
    if (typeof id !== 'string') throw wrong('ids', 'a list of task ids', id);
    try {
      return parseTaskId(id);
    } catch (cause) {
      throw new MillraceError('ERR_QUERY', `ids: ${reasonOf(cause)}`, { cause });
    }
  });
}

function checkWantedTags(tags: unknown): Record<string, TagValue | undefined> {
  if (typeof tags === 'string') return tagsOf([tags]);
  if (Array.isArray(tags)) return tagsOf(tags);
  const wanted: Record<string, TagValue | undefined> = {};
  try {
    Object.assign(wanted, checkTags(tags));
  } catch (cause) {
    throw new MillraceError('ERR_QUERY', `tags: ${reasonOf(cause)}`, { cause });
  }
  for (const [key, value] of Object.entries(tags as object)) {
    if (value !== undefined) continue;
    if (!isTagKey(key)) throw wrong('tags', 'keys of tags', key);
    wanted[key] = undefined;
  }
  return wanted;
}

/** `'key'`: any value; `'key:value'`: that text. */
function tagsOf(texts: readonly unknown[]): Record<string, TagValue | undefined> {
  const wanted: Record<string, TagValue | undefined> = {};
  for (const text of texts) {
    if (typeof text !== 'string') throw wrong('tags', "keys of tags, or texts such as 'key:value'", text);
    try {
      const [key, value] = parseTag(text);
      const before = Object.hasOwn(wanted, key) ? wanted[key] : undefined;
      const asked = text.includes(':') ? value : before;
      if (before !== undefined && asked !== before) throw wrong('tags', `one value for the tag '${key}'`, texts);
      wanted[key] = asked;
    } catch (cause) {
      if (cause instanceof MillraceError && cause.code === 'ERR_QUERY') throw cause;
      throw new MillraceError('ERR_QUERY', `tags: ${reasonOf(cause)}`, { cause });
    }
  }
  return wanted;
}

function wholeNumber(field: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(field, 'a whole number, 0 or more', value);
  return value;
}

function oneOf<T extends string>(field: string, value: unknown, names: readonly T[]): T {
  if ((names as readonly unknown[]).includes(value)) return value as T;
  throw wrong(field, `one of ${names.join(', ')}`, value, typeof value === 'string' ? didYouMean(value, names) : '');
}

function wrong(field: string, allowed: string, value: unknown, hint = ''): MillraceError {
  let shown: string;
  try {
    shown = JSON.stringify(value)?.slice(0, 100) ?? String(value);
  } catch {
    shown = String(value);
  }
  return new MillraceError('ERR_QUERY', `${field} must be ${allowed}; it is ${shown}.${hint}`, { details: { field } });
}
