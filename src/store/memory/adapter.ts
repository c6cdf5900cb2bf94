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
  type LaneChoice,
  type Move,
  type QueueKey,
  type Recovery,
  type Reopened,
  type StoreCounts,
  type StoredTask,
  type SubmitterRow,
  storedState,
  type TaskFilter,
  type TaskRow,
  type TaskStore,
  type Writes,
} from '../store.ts';
import { Search } from './find.ts';
import { Finished } from './finished.ts';
import { Lanes } from './lanes.ts';
import { Keys, ownExtra, pick } from './own.ts';
import { openTasks } from './recover.ts';
import { type Segment, segmentSize, vacant } from './segment.ts';
import { Segments } from './segments.ts';

export interface MemoryStoreOptions {
  /** Finished tasks to keep. */
  readonly count: number;
  /** How long to keep them, ms. */
  readonly age: number;
  /** Epoch ms. */
  readonly now: () => number;
  readonly salt: string;
}

export class MemoryStore implements TaskStore {
  readonly durable = false;
  readonly #options: MemoryStoreOptions;
  readonly #segments = new Segments();
  readonly #lanes = new Lanes((n, group, rank) => {
    const segment = this.#segments.of(n);
    const i = n % segmentSize;
    return (
      segment !== undefined && segment.state[i] === storedState.ready && segment.group.get(i) === group && segment.rank.get(i) === rank
    );
  });
  readonly #finished = new Finished();
  readonly #attempts = new Map<number, AttemptEnd[]>();
  readonly #keys = new Keys();
  readonly #ids = new Map<string, number>();
  readonly #clients = new Map<number, ClientRow>();
  readonly #grants = new Map<number, GrantRow>();
  readonly #granted = new GrantedNumbers();
  readonly #submitters = new Map<string, SubmitterRow>();
  #counts: StoreCounts = { submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} };
  #nextTask = 1;
  #nextClient = 1;
  #epoch = 0;
  readonly #search: Search;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.#search = new Search({
      segments: this.#segments,
      finished: this.#finished,
      clients: this.#clients,
      keys: this.#keys,
      ids: this.#ids,
      salt: options.salt,
    });
  }

  recover(): Recovery {
    this.#epoch++;
    const open = openTasks(this.#segments, this.#granted);
    const grants: Recovery['grants'] = [];
    for (const grant of [...this.#grants.values()].sort((a, b) => a.id - b.id)) {
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
      ...open,
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
    for (const task of writes.reopened) this.#reopen(task);
    for (const { n, attributes } of writes.changed) {
      if (this.#segments.state(n) !== vacant) (this.#segments.of(n) as Segment).change(n % segmentSize, attributes);
    }
    for (const n of writes.removed) this.#remove(n);
    for (const submitter of writes.submitters) this.#submitters.set(submitter.id, submitter);
    for (const id of writes.departed) this.#submitters.delete(id);
    if (writes.counts !== null) this.#counts = structuredClone(writes.counts);
    this.#forget(now);
  }

  ready(after: QueueKey | null, limit: number, lanes: LaneChoice = {}): StoredTask[] {
    const found: StoredTask[] = [];
    if (limit < 1) return found;
    this.#lanes.read(
      after,
      lanes,
      (n) => (this.#segments.of(n) as Segment).lane(n % segmentSize),
      (n) => {
        if (!this.#granted.has(n)) found.push((this.#segments.of(n) as Segment).stored(n % segmentSize));
        return found.length < limit;
      },
    );
    return found;
  }

  known(keys: readonly string[], ids: readonly string[]): { keys: Map<string, number>; ids: Map<string, number> } {
    return { keys: pick(this.#keys.first, keys), ids: pick(this.#ids, ids) };
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
    return this.#search.find(filter);
  }

  count(filter: TaskFilter): number {
    this.#forget(this.#options.now());
    return this.#search.count(filter);
  }

  numbers(filter: TaskFilter): number[] {
    this.#forget(this.#options.now());
    return this.#search.numbers(filter);
  }

  outcomes(numbers: readonly number[]): { n: number; outcome: number; group: number }[] {
    return numbers.map((n) => {
      const segment = this.#segments.of(n);
      const i = n % segmentSize;
      if (segment === undefined || segment.state[i] === vacant) return { n, outcome: -1, group: 0 };
      return { n, outcome: this.#finished.get(segment.ended.get(i))?.outcome ?? 0, group: segment.group.get(i) };
    });
  }

  retain(limits: { count: number | null; before: number | null }, most: number): number {
    const count = limits.count ?? Number.POSITIVE_INFINITY;
    const before = limits.before ?? Number.NEGATIVE_INFINITY;
    let forgotten = 0;
    for (; forgotten < most; forgotten++) {
      const oldest = this.#finished.oldest();
      if (oldest === null || (this.#finished.retained <= count && oldest >= before)) break;
      const end = this.#finished.shift();
      if (end !== null) this.#drop(end.n);
    }
    return forgotten;
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
    const { ends, last } = this.#finished.after(cursor, limit);
    return { rows: ends.map((end) => this.#search.row(this.#segments.of(end.n) as Segment, end.n % segmentSize)), cursor: last };
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
    if (attributes?.key !== undefined) this.#keys.add(attributes.key, task.n);
    if (attributes?.id !== undefined) this.#ids.set(attributes.id, task.n);
    if (task.state === storedState.ready) this.#lanes.add(task, task.lane);
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
    const segment = this.#segments.of(move.n) as Segment;
    segment.place(move.n % segmentSize, move);
    if (move.state === storedState.ready) this.#lanes.add(move, segment.lane(move.n % segmentSize));
  }

  #end(end: AttemptEnd, now: number): void {
    const state = this.#segments.state(end.n);
    if (state === vacant || state === storedState.done) return;
    (this.#segments.of(end.n) as Segment).end(end.n % segmentSize, this.#finished.push(ownExtra(end), now));
  }

  #reopen({ forget, ...move }: Reopened): void {
    const segment = this.#segments.of(move.n);
    const i = move.n % segmentSize;
    if (segment === undefined || segment.state[i] !== storedState.done) return;
    const end = this.#finished.remove(segment.ended.get(i));
    if (forget) this.#attempts.delete(move.n);
    else if (end !== null) this.#attempts.set(move.n, [...(this.#attempts.get(move.n) ?? []), end]);
    segment.place(i, move);
    if (move.state === storedState.ready) this.#lanes.add(move, segment.lane(i));
  }

  #remove(n: number): void {
    const segment = this.#segments.of(n);
    if (segment === undefined || segment.state[n % segmentSize] === vacant) return;
    this.#finished.remove(segment.ended.get(n % segmentSize));
    this.#drop(n);
  }

  /** Let go of finished tasks beyond what was asked for: nobody else bounds the memory. */
  #forget(now: number): void {
    this.retain({ count: this.#options.count, before: now - this.#options.age }, Number.POSITIVE_INFINITY);
  }

  /** Every trace of a task but its end. */
  #drop(n: number): void {
    const attributes = this.#segments.of(n)?.attributes(n % segmentSize);
    if (attributes?.key !== undefined) this.#keys.drop(attributes.key, n);
    if (attributes?.id !== undefined) this.#ids.delete(attributes.id);
    this.#attempts.delete(n);
    this.#segments.remove(n, this.#nextTask);
  }
}
