/**
 * What filters mean in the memory store, task by task: numbers, ids and keys are looked up, all else is asked of every task in the range (0.1 µs
 * each by the columns, 1-3 µs where its text must be looked at). The counterpart of `sqlite/find.ts`.
 */
import { conditionTest } from '../conditions.ts';
import { sortRows } from '../order.ts';
import type { ClientRow, TaskFilter, TaskRow } from '../store.ts';
import { matches } from './filter.ts';
import type { Finished } from './finished.ts';
import { type Keys, pick } from './own.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

/** What a search reads; all of it belongs to the store. */
export interface SearchContext {
  readonly segments: Segments;
  readonly finished: Finished;
  readonly clients: ReadonlyMap<number, ClientRow>;
  readonly keys: Keys;
  readonly ids: ReadonlyMap<string, number>;
  readonly salt: string;
}

export class Search {
  readonly #context: SearchContext;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  find(filter: TaskFilter): TaskRow[] {
    const { orderBy = 'n', desc = false, limit = Number.POSITIVE_INFINITY } = filter;
    const rows: TaskRow[] = [];
    this.#matching(filter, orderBy === 'n' ? limit : Number.POSITIVE_INFINITY, (segment, i) => rows.push(this.row(segment, i)));
    return orderBy === 'n' ? rows : sortRows(rows, orderBy, desc).slice(0, limit);
  }

  numbers(filter: TaskFilter): number[] {
    const { orderBy = 'n', limit = Number.POSITIVE_INFINITY } = filter;
    if (orderBy !== 'n') return this.find(filter).map((row) => row.n);
    const numbers: number[] = [];
    this.#matching(filter, limit, (segment, i) => numbers.push(segment.first + i));
    return numbers;
  }

  count(filter: TaskFilter): number {
    let count = 0;
    this.#matching(filter, filter.limit ?? Number.POSITIVE_INFINITY, () => ++count);
    return count;
  }

  row(segment: Segment, i: number): TaskRow {
    const end = this.#context.finished.get(segment.ended.get(i));
    return {
      n: segment.first + i,
      submittedAt: segment.submittedAt(i),
      task: segment.task(i),
      state: segment.state[i] as number,
      group: segment.group.get(i),
      attempts: segment.attempts.get(i),
      losses: segment.losses.get(i),
      end,
      client: end === null || end.client === null ? null : (this.#context.clients.get(end.client) ?? null),
    };
  }

  /** The first `limit` tasks that a filter means, by number. */
  #matching(filter: TaskFilter, limit: number, take: (segment: Segment, i: number) => void): void {
    const { segments, finished, salt } = this.#context;
    const { after, upTo, desc = false } = filter;
    const test = filter.where === undefined ? null : conditionTest(filter.where, salt);
    let left = limit;
    if (left < 1) return;
    segments.scan(this.#named(filter), { desc, after, upTo }, (segment, i) => {
      const outcome = filter.outcome === undefined ? 0 : (finished.get(segment.ended.get(i))?.outcome ?? 0);
      if (!matches(filter, segment, i, outcome) || (test !== null && !test(this.row(segment, i)))) return true;
      take(segment, i);
      return --left > 0;
    });
  }

  /** The tasks that a filter names; undefined: none by name. */
  #named({ numbers, ids, keys }: TaskFilter): readonly number[] | undefined {
    if (numbers !== undefined) return numbers;
    if (ids !== undefined) return [...pick(this.#context.ids, ids).values()];
    return keys?.flatMap((key) => this.#context.keys.all(key));
  }
}
