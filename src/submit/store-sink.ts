/** Submission straight into a store that no server holds: under its lock, one transaction a bundle. A server finds the tasks when it opens the store. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { unpackValue } from '../protocol/codec.ts';
import type { Packed } from '../protocol/msgpack-write.ts';
import type { Receipt } from '../source/pump.ts';
import { emptyWrites } from '../store/empty-writes.ts';
import { userNames } from '../store/known.ts';
import { newTaskRow } from '../store/new-task.ts';
import { openStore } from '../store/open.ts';
import { findParents, rejection, resolveParents } from '../store/parents.ts';
import type { Recovery, StoreCounts, TaskStore, Writes } from '../store/store.ts';
import { libraryError, outcomeCode } from '../task/result.ts';
import type { WireTask } from '../task/task.ts';
import type { OpenSink } from './submitter.ts';

export class StoreSink implements OpenSink {
  readonly #store: TaskStore;
  readonly #clock: Clock;
  readonly #counts: StoreCounts;
  readonly #salt: string;
  #next: number;
  /** One transaction at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws ERR_DATABASE…, ERR_DATABASE_IN_USE */
  static async open(database: string, clock: Clock): Promise<StoreSink> {
    const store = await openStore(database, { clock });
    try {
      return new StoreSink(store, await store.recover(), clock);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(store: TaskStore, recovery: Recovery, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#next = recovery.nextTask;
    this.#salt = recovery.salt;
    this.#counts = structuredClone(recovery.counts);
  }

  send(_sequence: number, tasks: WireTask[]): Promise<Receipt> {
    const step = this.#turn.then(() => this.#insert(tasks));
    this.#turn = step.catch(() => {});
    return step;
  }

  forward(sequence: number, tasks: Packed): Promise<Receipt> {
    return this.send(sequence, unpackValue(tasks) as WireTask[]);
  }

  onFailure(): void {}

  async close(): Promise<void> {
    await this.#turn;
    await this.#store.close();
  }

  async #insert(tasks: readonly WireTask[]): Promise<Receipt> {
    const wall = this.#clock.wall();
    const { keys, ids } = userNames(tasks);
    const known = keys.length + ids.length === 0 ? null : await this.#store.known(keys, ids);
    const parents = await findParents(this.#store, this.#salt, tasks);
    const fresh = { keys: new Map(known?.keys), ids: new Map(known?.ids) };
    const receipt: Receipt = { first: this.#next, submittedAt: wall, count: 0, duplicates: [], rejected: 0 };
    const duplicates: [number, number][] = [];
    const writes: Writes = { ...emptyWrites(), counts: this.#counts };
    tasks.forEach((given, place) => {
      const { key, id } = given[3] ?? {};
      const earlier = (key === undefined ? undefined : fresh.keys.get(key)) ?? (id === undefined ? undefined : fresh.ids.get(id));
      if (earlier !== undefined) {
        duplicates.push([place, earlier]);
        return;
      }
      const task = resolveParents(given, (id) => fresh.ids.get(id) ?? parents?.get(id));
      const n = this.#next++;
      if (key !== undefined) fresh.keys.set(key, n);
      if (id !== undefined) fresh.ids.set(id, n);
      const row = newTaskRow(n, wall, task, wall);
      writes.tasks.push(row);
      this.#counts.submitted++;
      const rejected = rejection(row);
      if (rejected === null) this.#pending(row.group);
      else {
        receipt.rejected++;
        this.#failed(n, row.group);
        this.#counts.outcomes[outcomeCode.rejected] = (this.#counts.outcomes[outcomeCode.rejected] ?? 0) + 1;
        const error = libraryError(rejected.code, rejected.message);
        const none = { exitStatus: null, client: null, slot: null, startedAt: null, durationMs: 0, waitedMs: 0 };
        writes.ends.push({ n, attempt: 0, outcome: outcomeCode.rejected, completedAt: wall, extra: { error }, ...none });
      }
    });
    await this.#store.commit(writes);
    return { ...receipt, count: writes.tasks.length, duplicates };
  }

  /** A malformed task is a failure of its group, as for a server. */
  #failed(n: number, group: number): void {
    const failed = this.#counts.failed ?? {};
    failed[group] ??= `task ${n} (group ${group}, rejected when it was submitted)`;
    const failures = this.#counts.failures ?? {};
    failures[group] = (failures[group] ?? 0) + 1;
    Object.assign(this.#counts, { failed, failures });
  }

  #pending(group: number): void {
    this.#counts.outcomes[0] = (this.#counts.outcomes[0] ?? 0) + 1;
    this.#counts.groups[group] = (this.#counts.groups[group] ?? 0) + 1;
  }
}

/** Whether a failure to open means that a server holds the store. */
export function isInUse(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'ERR_DATABASE_IN_USE';
}
