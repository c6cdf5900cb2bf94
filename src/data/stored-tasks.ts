/**
 * Task data straight from a store, beside or without a server. Leased and running tasks are `ready` here: only a server knows them. What changes
 * tasks, and the upkeep of the file, is given by whoever opened it.
 */
import type { Clock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { countTasks, searchTasks } from '../store/search.ts';
import type { TaskRow, TaskStore } from '../store/store.ts';
import { outcomes } from '../task/result.ts';
import type { TaskChange } from './change.ts';
import { orderedNumbers } from './ordered.ts';
import { type CheckedQuery, checkQuery, findTask, type TaskQuery, toFilter } from './query.ts';
import { type AttemptRecord, type TaskRecord, toAttemptRecord, toTaskRecord } from './record.ts';
import { TaskChanges } from './task-changes.ts';
import type { Explanation, RotateOptions, StoredTaskData } from './task-data.ts';

/** Rows that are read at once by their numbers. */
const pageSize = 500;

/** What reading alone cannot do. */
export interface Upkeep {
  change(query: CheckedQuery, change: TaskChange): Promise<number>;
  rotate(target: string, age: number | null): Promise<number>;
  vacuum(): Promise<number>;
  backup(target: string): Promise<void>;
}

export class StoredTasks extends TaskChanges implements StoredTaskData {
  readonly #store: TaskStore;
  readonly #salt: string;
  readonly #clock: Clock;
  readonly #upkeep: Upkeep;
  /** What holds the file does so one after the other: two at once would find it in use by each other. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(store: TaskStore, salt: string, clock: Clock, upkeep: Upkeep) {
    super();
    this.#store = store;
    this.#salt = salt;
    this.#clock = clock;
    this.#upkeep = upkeep;
  }

  async get(id: string): Promise<TaskRecord | null> {
    const row = await findTask(this.#store, this.#salt, id);
    return row === null ? null : toTaskRecord(row, this.#salt);
  }

  async *find(query: TaskQuery = {}): AsyncIterable<TaskRecord> {
    const filter = await toFilter(this.#store, this.#salt, checkQuery(query));
    if (filter.orderBy === undefined || filter.orderBy === 'n') {
      for await (const rows of searchTasks(this.#store, filter, this.#clock)) for (const row of rows) yield toTaskRecord(row, this.#salt);
      return;
    }
    const numbers = await orderedNumbers(this.#store, filter, this.#clock);
    for (let from = 0; from < numbers.length; from += pageSize) {
      const wanted = [...numbers.subarray(from, from + pageSize)];
      const rows = new Map((await this.#store.find({ numbers: wanted })).map((row) => [row.n, row]));
      for (const n of wanted) {
        const row = rows.get(n);
        // Removed meanwhile.
        if (row !== undefined) yield toTaskRecord(row, this.#salt);
      }
    }
  }

  async count(query: TaskQuery = {}): Promise<number> {
    return countTasks(this.#store, await toFilter(this.#store, this.#salt, checkQuery(query)), this.#clock);
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

  async rotate(target: string, options: RotateOptions = {}): Promise<number> {
    checkTarget('rotate', target);
    const unknown = Object.keys(options).find((name) => name !== 'age');
    if (unknown !== undefined) throw new MillraceError('ERR_OPTION', `rotate() has no option '${unknown}'. Did you mean 'age'?`);
    const age = options.age === undefined ? null : parseDuration(options.age, 'age');
    return this.#alone(() => this.#upkeep.rotate(target, age));
  }

  async vacuum(): Promise<number> {
    return this.#alone(() => this.#upkeep.vacuum());
  }

  async backup(target: string): Promise<void> {
    checkTarget('backup', target);
    await this.#alone(() => this.#upkeep.backup(target));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected change(query: CheckedQuery, change: TaskChange): Promise<number> {
    return this.#alone(() => this.#upkeep.change(query, change));
  }

  #alone<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new MillraceError('ERR_ENDED', 'these task data are closed: open them again with openTasks()'));
    const done = this.#turn.then(call);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #found(id: string): Promise<TaskRow> {
    const row = await findTask(this.#store, this.#salt, id);
    if (row === null) throw new MillraceError('ERR_NOT_FOUND', `no task has the id ${id}`);
    return row;
  }
}

function checkTarget(call: string, target: unknown): void {
  if (typeof target !== 'string' || target === '')
    throw new MillraceError('ERR_OPTION', `${call}() takes the path of a file`, { details: { option: 'target' } });
}
