/**
 * From the query that users write to the filter that stores understand: every field is checked, a wrong one is refused with what is
 * allowed there. Ids become task numbers, so that a store needs no index on computed ids.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import type { Awaitable, TaskFilter, TaskRow, TaskStore } from '../store/store.ts';
import { storedState } from '../store/store.ts';
import { parseTaskId, taskNumber } from '../task/id.ts';
import { type Outcome, outcomeCode, outcomes } from '../task/result.ts';
import { type TaskStateName, taskStates } from '../task/state.ts';
import { checkTags, isTagKey } from '../task/tags.ts';
import type { TagValue } from '../task/task.ts';
import { publicId } from './record.ts';

const orderings = ['submittedAt', 'completedAt', 'durationMs', 'priority', 'n'] as const;

/** Which tasks; all given fields must hold. */
export interface TaskQuery {
  /** Public ids of tasks. */
  ids?: readonly string[];
  /** Tags that a task must have: with this value, or with any where the value is `undefined`. A list of keys: with any value. */
  tags?: Readonly<Record<string, TagValue | undefined>> | readonly string[];
  group?: number;
  /** Of a store without a server, `leased` and `running` tasks are `ready`. */
  state?: TaskStateName;
  outcome?: Outcome;
  /** Default `'n'`: the order of acceptance. Tasks without a value come last. */
  orderBy?: (typeof orderings)[number];
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

const fields = ['ids', 'tags', 'group', 'state', 'outcome', 'orderBy', 'desc', 'limit'] as const;

/**
 * Check a query. Its ids are still to be resolved: see `resolveIds`.
 * @throws ERR_QUERY
 */
export function checkQuery(query: TaskQuery = {}): CheckedQuery {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) throw wrong('a query', 'an object of fields', query);
  for (const name of Object.keys(query)) {
    if (name === 'where')
      throw new MillraceError('ERR_QUERY', `conditions in 'where' are not available in this version; the fields are ${fields.join(', ')}`);
    if (!(fields as readonly string[]).includes(name))
      throw new MillraceError(
        'ERR_QUERY',
        `a query has no field '${name.slice(0, 64)}'.${didYouMean(name, fields)} The fields are ${fields.join(', ')}`,
      );
  }
  const { ids, tags, group, state, outcome, orderBy, desc, limit } = query;
  const filter: TaskFilter = {};
  if (tags !== undefined) filter.tags = checkWantedTags(tags);
  if (group !== undefined) filter.group = wholeNumber('group', group);
  if (limit !== undefined) filter.limit = wholeNumber('limit', limit);
  if (state !== undefined) {
    const name = oneOf('state', state, taskStates);
    filter.state = name === 'waiting' ? storedState.waiting : name === 'done' ? storedState.done : storedState.ready;
  }
  if (outcome !== undefined) filter.outcome = outcomeCode[oneOf('outcome', outcome, outcomes.slice(1) as Outcome[])];
  if (orderBy !== undefined) filter.orderBy = oneOf('orderBy', orderBy, orderings);
  if (desc !== undefined) {
    if (typeof desc !== 'boolean') throw wrong('desc', 'true or false', desc);
    filter.desc = desc;
  }
  return { filter, state: state ?? null, ids: ids === undefined ? null : checkIds(ids) };
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
      throw new MillraceError('ERR_QUERY', `ids: ${(cause as Error).message}`, { cause });
    }
  });
}

function checkWantedTags(tags: unknown): Record<string, TagValue | undefined> {
  const wanted: Record<string, TagValue | undefined> = {};
  if (Array.isArray(tags)) {
    for (const key of tags as unknown[]) {
      if (typeof key !== 'string' || !isTagKey(key)) throw wrong('tags', 'keys of tags', key);
      wanted[key] = undefined;
    }
    return wanted;
  }
  try {
    Object.assign(wanted, checkTags(tags));
  } catch (cause) {
    throw new MillraceError('ERR_QUERY', `tags: ${(cause as Error).message}`, { cause });
  }
  for (const [key, value] of Object.entries(tags as object)) {
    if (value !== undefined) continue;
    if (!isTagKey(key)) throw wrong('tags', 'keys of tags', key);
    wanted[key] = undefined;
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
