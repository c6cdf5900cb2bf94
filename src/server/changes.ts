/**
 * Changes of stored tasks, and `cancel`, however many tasks they mean: some at a time, each time a turn of its own, so that 200,000 of them
 * hold nobody else up for longer than one.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { TaskChange } from '../data/change.ts';
import { orderedNumbers } from '../data/ordered.ts';
import { requeuedRow, revertedRow } from '../store/reopen.ts';
import { searchNumbers, searchTasks } from '../store/search.ts';
import { type Condition, storedState, type TaskFilter, type TaskRow, type TaskStore } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';
import { taskState } from '../task/state.ts';
import { checkTags, isTagKey } from '../task/tags.ts';
import type { ServerCore } from './core/core.ts';
import type { Turns } from './turns.ts';

/** Tasks of one turn: about 20 ms of SQLite. */
const chunk = 2_000;

/** So long (ms) what is found is gathered for a turn: 445 tasks among a million, each found alone, were a hundred commits. */
const longestGather = 200;

/** Rows of finished tasks may carry output: so many are looked at before a turn. */
const rowsChunk = 500;

const pending: Condition = { field: 'state', op: '!=', value: 'done' };

/**
 * Ready tasks that were granted stand as ready in the store, and the core alone knows better. `search`: finds as many more as may have to be left out; null: the filter means
 * what the store says.
 */
export function readyOnly(core: ServerCore, filter: TaskFilter): { search: TaskFilter; limit: number; isReady(n: number): boolean } | null {
  if (filter.state !== storedState.ready) return null;
  const { limit = Number.POSITIVE_INFINITY } = filter;
  const { leased, running } = core.census();
  return {
    search: Number.isFinite(limit) ? { ...filter, limit: limit + leased + running } : filter,
    limit,
    isReady: (n) => (core.task(n)?.state ?? taskState.ready) === taskState.ready,
  };
}

export interface ChangesParts {
  readonly core: ServerCore;
  readonly store: TaskStore;
  readonly clock: Clock;
  readonly turns: Turns;
}

export class Changes {
  readonly #parts: ChangesParts;

  constructor(parts: ChangesParts) {
    this.#parts = parts;
  }

  /** @returns how many were cancelled @throws ERR_ENDED */
  async cancel(filter: TaskFilter): Promise<number> {
    const { core, store } = this.#parts;
    let cancelled = 0;
    for await (const numbers of this.#numbers({ ...filter, where: [...(filter.where ?? []), pending] })) {
      const rows = await store.pending(numbers.filter((n) => core.task(n) === null));
      const before = core.counts.outcomes[outcomeCode.cancelled] ?? 0;
      this.#parts.turns.feed({ type: 'cancel', numbers, rows }, numbers.length);
      cancelled += (core.counts.outcomes[outcomeCode.cancelled] ?? 0) - before;
      await this.#parts.turns.committed();
    }
    return cancelled;
  }

  /** @returns how many were changed @throws ERR_ENDED */
  async change(filter: TaskFilter, change: TaskChange): Promise<number> {
    let changed = 0;
    for await (const numbers of this.#numbers(filter)) changed += await this.#some(numbers, change);
    return changed;
  }

  async #some(numbers: readonly number[], change: TaskChange): Promise<number> {
    const { core, store, clock } = this.#parts;
    const outside = numbers.filter((n) => core.task(n) === null);
    const apply = async (numbers: readonly number[], done: readonly TaskRow[]): Promise<number> => {
      // Read last: what came into memory meanwhile is changed there.
      const rows = await store.pending(numbers.filter((n) => core.task(n) === null));
      const before = core.changes;
      this.#parts.turns.feed({ type: 'change', change, numbers, rows, done }, numbers.length);
      const changed = core.changes - before;
      if (changed > 0) await this.#parts.turns.committed();
      return changed === 0 || done.length === 0 ? changed : changed - (await this.#vanished(done, change));
    };
    const held = new Set(outside);
    let changed = await apply(
      numbers.filter((n) => !held.has(n)),
      [],
    );
    if (outside.length === 0) return changed;
    for await (const page of searchTasks(store, { numbers: outside }, clock, rowsChunk)) {
      changed += await apply(
        page.map(({ n }) => n),
        page.filter((row) => row.end !== null),
      );
    }
    return changed;
  }

  /**
   * What was done when it was looked at may have been forgotten, or moved out, before it was queued again: then there is nothing that could run, and the queue must not
   * count it.
   * @returns how many
   */
  async #vanished(done: readonly TaskRow[], { kind }: TaskChange): Promise<number> {
    if (kind !== 'revert' && kind !== 'requeue') return 0;
    const { core, store, clock, turns } = this.#parts;
    const outcomes = await store.outcomes(done.map(({ n }) => n));
    const gone = new Set(outcomes.flatMap(({ n, outcome }) => (outcome === -1 ? n : [])));
    if (gone.size === 0) return 0;
    const again = kind === 'revert' ? revertedRow : requeuedRow;
    const rows = done.flatMap((row) => (gone.has(row.n) && core.task(row.n) === null ? (again(row, clock.wall()) ?? []) : []));
    const before = core.counts.pending;
    turns.feed({ type: 'cancel', numbers: [...gone], rows });
    const cancelled = before - core.counts.pending;
    await turns.committed();
    return cancelled;
  }

  /** The tasks that are meant, some at a time. */
  async *#numbers(filter: TaskFilter): AsyncGenerator<readonly number[], void, undefined> {
    const { core, store, clock } = this.#parts;
    const refuse = (): void => {
      if (core.phase === 'finished')
        throw new MillraceError('ERR_ENDED', 'the run has ended; openTasks(database) changes what it left in a file');
    };
    refuse();
    const ordered = filter.limit !== undefined && filter.orderBy !== undefined && filter.orderBy !== 'n';
    const ready = readyOnly(core, filter);
    const search = ready?.search ?? filter;
    let left = ready?.limit ?? Number.POSITIVE_INFINITY;
    const lists = ordered ? [[...(await orderedNumbers(store, search, clock))]] : searchNumbers(store, search, clock);
    const parts = function* (numbers: readonly number[]): Generator<readonly number[]> {
      for (let from = 0; from < numbers.length; from += chunk) {
        refuse();
        const part = numbers.slice(from, from + chunk);
        // Meanwhile some may have begun.
        yield ready === null ? part : part.filter(ready.isReady);
      }
    };
    let held: number[] = [];
    let since = 0;
    for await (const found of lists) {
      const numbers = ready === null ? found : found.filter(ready.isReady).slice(0, left);
      left -= numbers.length;
      if (held.length === 0) since = clock.now();
      for (const n of numbers) held.push(n);
      if (held.length < chunk && clock.now() - since < longestGather) continue;
      yield* parts(held);
      held = [];
    }
    yield* parts(held);
  }
}

/**
 * A change from outside: each field is checked.
 * @throws ERR_PROTOCOL, ERR_TAG
 */
export function checkChange(value: unknown): TaskChange {
  const { kind, tags, removeTags } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (kind === 'revert' || kind === 'requeue' || kind === 'delete') return { kind };
  if (kind !== 'update' || !Array.isArray(removeTags) || !removeTags.every((key) => typeof key === 'string' && isTagKey(key)))
    throw new MillraceError('ERR_PROTOCOL', 'a change is an update (tags, removeTags), a revert, a requeue or a delete');
  return { kind, tags: checkTags(tags), removeTags };
}
