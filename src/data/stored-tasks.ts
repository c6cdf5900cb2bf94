/** Task data straight from a store, beside or without a server. Leased and running tasks are `ready` here: only a server knows them. */
import { MillraceError } from '../base/errors.ts';
import type { TaskRow, TaskStore } from '../store/store.ts';
import { outcomes } from '../task/result.ts';
import { checkQuery, resolveIds, type TaskQuery, toFilter } from './query.ts';
import { type AttemptRecord, type TaskRecord, toAttemptRecord, toTaskRecord } from './record.ts';
import type { Explanation, TaskData } from './task-data.ts';

const pageSize = 1_000;

export class StoredTasks implements TaskData {
  readonly #store: TaskStore;
  readonly #salt: string;

  constructor(store: TaskStore, salt: string) {
    this.#store = store;
    this.#salt = salt;
  }

  async get(id: string): Promise<TaskRecord | null> {
    const row = await this.#row(id);
    return row === null ? null : toTaskRecord(row, this.#salt);
  }

  async *find(query: TaskQuery = {}): AsyncIterable<TaskRecord> {
    const filter = await toFilter(this.#store, this.#salt, checkQuery(query));
    const ordered = filter.orderBy !== undefined && filter.orderBy !== 'n';
    let left = filter.limit ?? Number.POSITIVE_INFINITY;
    let after: number | undefined;
    while (left > 0) {
      const limit = ordered ? left : Math.min(left, pageSize);
      const page = { ...filter, ...(after === undefined ? {} : { after }), ...(Number.isFinite(limit) ? { limit } : {}) };
      const rows = await this.#store.find(page);
      for (const row of rows) yield toTaskRecord(row, this.#salt);
      if (ordered || rows.length < limit) return;
      left -= rows.length;
      after = rows[rows.length - 1]!.n;
    }
  }

  async count(query: TaskQuery = {}): Promise<number> {
    return this.#store.count(await toFilter(this.#store, this.#salt, checkQuery(query)));
  }

  async history(id: string): Promise<AttemptRecord[]> {
    const row = await this.#found(id);
    const records: AttemptRecord[] = [];
    for (const end of await this.#store.history(row.n))
      records.push(toAttemptRecord(end, end.client === null ? null : await this.#store.client(end.client)));
    return records;
  }

  async explain(id: string): Promise<Explanation> {
    const record = toTaskRecord(await this.#found(id), this.#salt);
    const reason =
      record.state === 'done'
        ? `it has ended: ${record.outcome ?? outcomes[0]}`
        : 'no server works on this store, as far as can be seen from here';
    return { id, state: record.state, reasons: [reason] };
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #found(id: string): Promise<TaskRow> {
    const row = await this.#row(id);
    if (row === null) throw new MillraceError('ERR_NOT_FOUND', `no task has the id ${id}`);
    return row;
  }

  async #row(id: string): Promise<TaskRow | null> {
    const { ids } = checkQuery({ ids: [id] });
    const numbers = await resolveIds(this.#store, this.#salt, ids ?? []);
    if (numbers.length === 0) return null;
    const [row] = await this.#store.find({ numbers, limit: 1 });
    return row ?? null;
  }
}
