/**
 * The store that lives as long as its process: the default of a library call. Every answer is synchronous.
 *
 * Memory: a waiting task costs its text and some 100 bytes (`segment.ts`); at most `retain.count` finished tasks are kept, none longer than
 * `retain.age`, and the oldest end is forgotten first, with its task, history, key and id: a key that was forgotten is new again.
 *
 * A commit is checked before anything of it is applied, so one that throws has left nothing.
 */
import { MillraceError } from '../../base/errors.ts';
import { GrantedNumbers } from '../granted.ts';
import { eachNumber } from '../ranges.ts';
import {
  type AttemptEnd,
  type ClientRow,
  type GrantRow,
  type Move,
  type QueueKey,
  type Recovery,
  type StoreCounts,
  type StoredTask,
  type SubmitterRow,
  storedState,
  type TaskFilter,
  type TaskRow,
  type TaskStore,
  type Writes,
} from '../store.ts';
import { matches, sortRows } from './filter.ts';
import { Finished } from './finished.ts';
import { Lanes } from './lanes.ts';
import { ownExtra, pick } from './own.ts';
import { type Segment, segmentSize, vacant } from './segment.ts';
import { Segments } from './segments.ts';

export interface MemoryStoreOptions {
  /** Finished tasks to keep. */
  readonly count: number;
  /** How long to keep them, ms. */
  readonly age: number;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly salt: string;
}

export class MemoryStore implements TaskStore {
  readonly durable = false;
  readonly #options: MemoryStoreOptions;
  readonly #segments = new Segments();
  readonly #lanes = new Lanes();
  readonly #finished = new Finished();
  readonly #attempts = new Map<number, AttemptEnd[]>();
  readonly #keys = new Map<string, number>();
  readonly #ids = new Map<string, number>();
  readonly #clients = new Map<number, ClientRow>();
  readonly #grants = new Map<number, GrantRow>();
  readonly #granted = new GrantedNumbers();
  readonly #submitters = new Map<string, SubmitterRow>();
  #counts: StoreCounts = { submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} };
  #nextTask = 1;
  #nextClient = 1;
  #epoch = 0;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  recover(): Recovery {
    this.#epoch++;
    const waiting: StoredTask[] = [];
    let ready = 0;
    this.#segments.scan(undefined, false, (segment, i) => {
      if (segment.state[i] === storedState.waiting) waiting.push(segment.stored(i));
      else if (segment.state[i] === storedState.ready && !this.#granted.has(segment.first + i)) ready++;
      return true;
    });
    const grants: Recovery['grants'] = [];
    for (const grant of [...this.#grants.values()]) {
      const numbers: number[] = [];
      eachNumber(grant.tasks, (n) => numbers.push(n));
      const tasks = this.pending(numbers);
      if (tasks.length > 0) grants.push({ id: grant.id, client: grant.client, attempt: grant.attempt, tasks });
      else this.#grant({ ...grant, tasks: [] });
    }
    return {
      epoch: this.#epoch,
      salt: this.#options.salt,
      nextTask: this.#nextTask,
      nextClient: this.#nextClient,
      counts: structuredClone(this.#counts),
      ready,
      waiting,
      grants,
      clients: [...this.#clients.values()],
      submitters: [...this.#submitters.values()],
    };
  }

  commit(writes: Writes): void {
    this.#check(writes.tasks);
    for (const task of writes.tasks) this.#add(task);
    for (const client of writes.clients) {
      this.#clients.set(client.n, client);
      this.#nextClient = Math.max(this.#nextClient, client.n + 1);
    }
    for (const grant of writes.grants) this.#grant(grant);
    for (const move of writes.moves) this.#move(move);
    for (const attempt of writes.attempts) {
      const earlier = this.#attempts.get(attempt.n);
      if (earlier === undefined) this.#attempts.set(attempt.n, [ownExtra(attempt)]);
      else earlier.push(ownExtra(attempt));
    }
    const now = this.#options.now();
    for (const end of writes.ends) this.#end(end, now);
    for (const submitter of writes.submitters) this.#submitters.set(submitter.id, submitter);
    if (writes.counts !== null) this.#counts = structuredClone(writes.counts);
    this.#forget(now);
  }

  ready(after: QueueKey | null, limit: number): StoredTask[] {
    const found: StoredTask[] = [];
    if (limit < 1) return found;
    this.#lanes.read(
      after,
      (n, group, rank) => {
        const segment = this.#segments.of(n);
        const i = n % segmentSize;
        return (
          segment !== undefined && segment.state[i] === storedState.ready && segment.group.get(i) === group && segment.rank.get(i) === rank
        );
      },
      (n) => {
        if (!this.#granted.has(n)) found.push((this.#segments.of(n) as Segment).stored(n % segmentSize));
        return found.length < limit;
      },
    );
    return found;
  }

  known(keys: readonly string[], ids: readonly string[]): { keys: Map<string, number>; ids: Map<string, number> } {
    return { keys: pick(this.#keys, keys), ids: pick(this.#ids, ids) };
  }

  pending(numbers: readonly number[]): StoredTask[] {
    const found: StoredTask[] = [];
    for (const n of numbers) {
      const state = this.#segments.state(n);
      if (state !== vacant && state !== storedState.done) found.push((this.#segments.of(n) as Segment).stored(n % segmentSize));
    }
    return found;
  }

  find(filter: TaskFilter): TaskRow[] {
    this.#forget(this.#options.now());
    const limit = filter.limit ?? Number.POSITIVE_INFINITY;
    const orderBy = filter.orderBy ?? 'n';
    const rows: TaskRow[] = [];
    if (limit < 1) return rows;
    this.#matching(filter, (segment, i) => {
      rows.push(this.#row(segment, i));
      return orderBy !== 'n' || rows.length < limit;
    });
    return orderBy === 'n' ? rows : sortRows(rows, orderBy, filter.desc ?? false).slice(0, limit);
  }

  count(filter: TaskFilter): number {
    this.#forget(this.#options.now());
    let count = 0;
    this.#matching(filter, () => ++count < (filter.limit ?? Number.POSITIVE_INFINITY));
    return filter.limit === undefined ? count : Math.min(count, filter.limit);
  }

  history(n: number): AttemptEnd[] {
    const end = this.#finished.get(this.#segments.of(n)?.ended.get(n % segmentSize) ?? 0);
    return [...(this.#attempts.get(n) ?? []), ...(end === null ? [] : [end])];
  }

  client(n: number): ClientRow | null {
    return this.#clients.get(n) ?? null;
  }

  completed(cursor: number, limit: number): { rows: TaskRow[]; cursor: number } {
    this.#forget(this.#options.now());
    const ends = this.#finished.after(cursor, limit);
    const rows = ends.map((end) => this.#row(this.#segments.of(end.n) as Segment, end.n % segmentSize));
    const last = ends[ends.length - 1];
    return { rows, cursor: last === undefined ? cursor : (this.#segments.of(last.n) as Segment).ended.get(last.n % segmentSize) };
  }

  cursor(): number {
    return this.#finished.last;
  }

  salt(): string {
    return this.#options.salt;
  }

  close(): void {
    this.#segments.clear();
  }

  #check(tasks: readonly StoredTask[]): void {
    const ids = new Set<string>();
    for (const { n, task } of tasks) {
      const id = task[3]?.id;
      if (id !== undefined && (this.#ids.has(id) || ids.has(id)))
        throw new MillraceError('ERR_DATABASE', `a task with the id ${id} is stored already; ask known() before a commit`);
      if (id !== undefined) ids.add(id);
      if (n >= this.#nextTask) continue;
      if (this.#segments.state(n) !== vacant) throw new MillraceError('ERR_DATABASE', `task ${n} is stored already`);
    }
  }

  #add(task: StoredTask): void {
    this.#segments.add(task);
    const attributes = task.task[3];
    if (attributes?.key !== undefined && !this.#keys.has(attributes.key)) this.#keys.set(attributes.key, task.n);
    if (attributes?.id !== undefined) this.#ids.set(attributes.id, task.n);
    if (task.state === storedState.ready) this.#lanes.add(task);
    if (task.n >= this.#nextTask) this.#nextTask = task.n + 1;
  }

  #grant(grant: GrantRow): void {
    this.#granted.set(grant.id, grant.tasks);
    if (grant.tasks.length === 0) this.#grants.delete(grant.id);
    else this.#grants.set(grant.id, grant);
  }

  #move(move: Move): void {
    const state = this.#segments.state(move.n);
    if (state === vacant || state === storedState.done) return;
    (this.#segments.of(move.n) as Segment).place(move.n % segmentSize, move);
    if (move.state === storedState.ready) this.#lanes.add(move);
  }

  #end(end: AttemptEnd, now: number): void {
    const state = this.#segments.state(end.n);
    if (state === vacant || state === storedState.done) return;
    (this.#segments.of(end.n) as Segment).end(end.n % segmentSize, this.#finished.push(ownExtra(end), now));
  }

  /** Let go of finished tasks beyond `retain`. */
  #forget(now: number): void {
    const { count, age } = this.#options;
    for (;;) {
      const oldest = this.#finished.oldest();
      if (oldest === null || (this.#finished.retained <= count && now - oldest <= age)) return;
      const end = this.#finished.shift();
      if (end === null) return;
      const attributes = this.#segments.of(end.n)?.attributes(end.n % segmentSize);
      if (attributes?.key !== undefined && this.#keys.get(attributes.key) === end.n) this.#keys.delete(attributes.key);
      if (attributes?.id !== undefined) this.#ids.delete(attributes.id);
      this.#attempts.delete(end.n);
      this.#segments.remove(end.n, this.#nextTask);
    }
  }

  #row(segment: Segment, i: number): TaskRow {
    const end = this.#finished.get(segment.ended.get(i));
    return {
      n: segment.first + i,
      submittedAt: segment.submittedAt(i),
      task: segment.task(i),
      state: segment.state[i] as number,
      group: segment.group.get(i),
      attempts: segment.attempts.get(i),
      losses: segment.losses.get(i),
      end,
      client: end === null || end.client === null ? null : (this.#clients.get(end.client) ?? null),
    };
  }

  /** The tasks that a filter means, by number, until `take` says that it has enough. */
  #matching(filter: TaskFilter, take: (segment: Segment, i: number) => boolean): void {
    const desc = filter.desc ?? false;
    const { after } = filter;
    this.#segments.scan(filter.numbers, desc, (segment, i) => {
      const n = segment.first + i;
      if (after !== undefined && (desc ? n >= after : n <= after)) return true;
      const outcome = filter.outcome === undefined ? 0 : (this.#finished.get(segment.ended.get(i))?.outcome ?? 0);
      return matches(filter, segment, i, outcome) ? take(segment, i) : true;
    });
  }
}
