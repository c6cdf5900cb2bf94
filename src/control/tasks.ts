/** Task data through a running server: what a handle and `connect()` show as `tasks`. */
import { MillraceError } from '../base/errors.ts';
import type { TaskChange } from '../data/change.ts';
import { type CheckedQuery, checkQuery, type TaskQuery } from '../data/query.ts';
import { type AttemptRecord, type LiveRow, type TaskRecord, toAttemptRecord, toTaskRecord } from '../data/record.ts';
import { TaskChanges } from '../data/task-changes.ts';
import type { Explanation, TaskData } from '../data/task-data.ts';
import type { AttemptEnd, ClientRow, TaskFilter, TaskRow } from '../store/store.ts';
import { taskState } from '../task/state.ts';

/** Rows asked for at a time; in another order than by number they are held until all of the page are there. */
const pageSize = 500;
const orderedPageSize = 64;

export type WireFilter = TaskFilter & { publicIds?: readonly string[]; tagKeys?: readonly string[] };

/** A part of the attempts of a task, with the clients that they name. */
interface History {
  readonly attempts: readonly AttemptEnd[];
  readonly clients: readonly ClientRow[];
  readonly more: boolean;
}

export type Ask = (method: string, parameters?: unknown) => Promise<unknown>;

export class RemoteTaskData extends TaskChanges implements TaskData {
  readonly #ask: Ask;
  readonly #salt: () => Promise<string>;

  constructor(ask: Ask, salt: () => Promise<string>) {
    super();
    this.#ask = ask;
    this.#salt = salt;
  }

  async get(id: string): Promise<TaskRecord | null> {
    const row = (await this.#ask('get', { id })) as TaskRow | null;
    return row === null ? null : recordOf(row, await this.#salt());
  }

  async *find(query: TaskQuery = {}): AsyncIterable<TaskRecord> {
    const checked = checkQuery(query);
    const salt = await this.#salt();
    const { orderBy } = checked.filter;
    const rows = orderBy === undefined || orderBy === 'n' ? this.#rows(wire(checked)) : this.#ordered(wire(checked));
    for await (const row of rows) yield recordOf(row, salt);
  }

  /**
   * A page of tasks, as many as fit into an answer and at most `limit`; `after` is the `next` of the page before. `next` is null after an empty page, and in another
   * order than that of acceptance, which cannot be continued. `light`: without output and value.
   */
  async page(query: TaskQuery, after: string | null, light: boolean): Promise<{ records: TaskRecord[]; next: string | null }> {
    const checked = checkQuery(query);
    const { orderBy } = checked.filter;
    if (orderBy !== undefined && orderBy !== 'n') {
      if (after !== null)
        throw new MillraceError('ERR_QUERY', `pages go on in the order of acceptance, not by ${orderBy}: leave out after or orderBy`);
      const records: TaskRecord[] = [];
      for await (const record of this.find(query)) records.push(record);
      return { records, next: null };
    }
    if (after !== null && !/^\d{1,15}$/.test(after)) throw new MillraceError('ERR_QUERY', 'after must be the `next` of the page before');
    const filter = { ...wire(checked), ...(after === null ? {} : { after: Number(after) }), light };
    const rows = filter.limit === 0 ? [] : ((await this.#ask('find', filter)) as TaskRow[]);
    const salt = await this.#salt();
    return { records: rows.map((row) => recordOf(row, salt)), next: rows.length === 0 ? null : String(rows.at(-1)!.n) };
  }

  async count(query: TaskQuery = {}): Promise<number> {
    return (await this.#ask('count', wire(checkQuery(query)))) as number;
  }

  async history(id: string): Promise<AttemptRecord[]> {
    const records: AttemptRecord[] = [];
    for (let more = true; more; ) {
      const part = (await this.#ask('history', { id, from: records.length })) as History;
      const clients = new Map(part.clients.map((client) => [client.n, client]));
      records.push(...part.attempts.map((end) => toAttemptRecord(end, clients.get(end.client ?? -1) ?? null)));
      more = part.more;
    }
    return records;
  }

  async explain(id: string): Promise<Explanation> {
    const facts = (await this.#ask('explain', { id })) as Omit<Explanation, 'id'>;
    return { id, ...facts };
  }

  protected async change(query: CheckedQuery, change: TaskChange): Promise<number> {
    return (await this.#ask('change', { ...wire(query), change })) as number;
  }

  /** Nothing to free: the connection is the handle's. */
  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Rows by number, page by page. An answer may be short (it has about 1 MiB at most); an empty one is the end. */
  async *#rows(filter: WireFilter): AsyncIterable<TaskRow> {
    let left = filter.limit ?? Number.POSITIVE_INFINITY;
    let page = filter;
    while (left > 0) {
      const rows = (await this.#ask('find', { ...page, limit: Math.min(left, pageSize) })) as TaskRow[];
      yield* rows;
      if (rows.length === 0) return;
      left -= rows.length;
      page = { ...page, after: rows[rows.length - 1]!.n };
    }
  }

  /** In another order: all numbers first, then their rows, some at a time. */
  async *#ordered(filter: WireFilter): AsyncIterable<TaskRow> {
    const numbers = (await this.#ask('numbers', filter)) as number[];
    for (let from = 0; from < numbers.length; from += orderedPageSize) {
      const wanted = numbers.slice(from, from + orderedPageSize);
      const rows = new Map<number, TaskRow>();
      for await (const row of this.#rows({ numbers: wanted })) rows.set(row.n, row);
      for (const n of wanted) {
        const row = rows.get(n);
        // Forgotten meanwhile: `retain`.
        if (row !== undefined) yield row;
      }
    }
  }
}

/**
 * A query as the server takes it: public ids in `publicIds`, the state as its own number, and tags of any value in `tagKeys`: a field that is
 * `undefined` does not travel, and a query that lost its only condition would mean every task.
 */
export function wire({ filter, state, ids }: CheckedQuery): WireFilter {
  const tagKeys = Object.entries(filter.tags ?? {}).flatMap(([key, value]) => (value === undefined ? [key] : []));
  return {
    ...filter,
    ...(tagKeys.length === 0 ? {} : { tagKeys }),
    ...(state === null ? {} : { state: taskState[state] }),
    ...(ids === null ? {} : { publicIds: ids }),
  };
}

function recordOf(row: LiveRow, salt: string): TaskRecord {
  const live = row.state === taskState.leased ? 'leased' : row.state === taskState.running ? 'running' : undefined;
  try {
    return toTaskRecord(row, salt, live);
  } catch (cause) {
    throw MillraceError.from(cause, 'ERR_PROTOCOL');
  }
}
