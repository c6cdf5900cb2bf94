/** Task data through a running server: what a handle and `connect()` show as `tasks`. */
import { MillraceError } from '../base/errors.ts';
import { type CheckedQuery, checkQuery, type TaskQuery } from '../data/query.ts';
import { type AttemptRecord, type TaskRecord, toAttemptRecord, toTaskRecord } from '../data/record.ts';
import type { Explanation, TaskData } from '../data/task-data.ts';
import type { AttemptEnd, TaskFilter, TaskRow } from '../store/store.ts';
import { taskState } from '../task/state.ts';

/** Rows asked for at a time. */
const pageSize = 500;

export type Ask = (method: string, parameters?: unknown) => Promise<unknown>;

export class RemoteTaskData implements TaskData {
  readonly #ask: Ask;
  readonly #salt: () => Promise<string>;

  constructor(ask: Ask, salt: () => Promise<string>) {
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
    let left = checked.filter.limit ?? Number.POSITIVE_INFINITY;
    let after: number | undefined;
    const ordered = checked.filter.orderBy !== undefined && checked.filter.orderBy !== 'n';
    while (left > 0) {
      const limit = ordered ? left : Math.min(left, pageSize);
      const parameters = { ...wire(checked), ...(after === undefined ? {} : { after }), ...(Number.isFinite(limit) ? { limit } : {}) };
      const rows = (await this.#ask('find', parameters)) as TaskRow[];
      for (const row of rows) yield recordOf(row, salt);
      if (ordered || rows.length < limit) return;
      left -= rows.length;
      after = rows[rows.length - 1]!.n;
    }
  }

  async count(query: TaskQuery = {}): Promise<number> {
    return (await this.#ask('count', wire(checkQuery(query)))) as number;
  }

  async history(id: string): Promise<AttemptRecord[]> {
    const { attempts } = (await this.#ask('history', { id })) as { attempts: AttemptEnd[] };
    return attempts.map(toAttemptRecord);
  }

  async explain(id: string): Promise<Explanation> {
    const facts = (await this.#ask('explain', { id })) as Omit<Explanation, 'id'>;
    return { id, ...facts };
  }

  /** Nothing to free: the connection is the handle's. */
  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A query as the server takes it: public ids in `publicIds`, the state as its own number. */
export function wire({ filter, state, ids }: CheckedQuery): TaskFilter & { publicIds?: readonly string[] } {
  return { ...filter, ...(state === null ? {} : { state: taskState[state] }), ...(ids === null ? {} : { publicIds: ids }) };
}

function recordOf(row: TaskRow, salt: string): TaskRecord {
  const live = row.state === taskState.leased ? 'leased' : row.state === taskState.running ? 'running' : undefined;
  try {
    return toTaskRecord(row, salt, live);
  } catch (cause) {
    throw MillraceError.from(cause, 'ERR_PROTOCOL');
  }
}
