/**
 * A filter as one statement: fixed conditions chosen by which fields are given, values only as parameters. Conditions other than on
 * numbers, ids, keys and the stored state read the whole table, or the range of numbers that `after` and `upTo` leave (0.3 to 1 µs a task;
 * 5 µs where the row itself must be looked at).
 */
import { conditionTest } from '../conditions.ts';
import { sortRows } from '../order.ts';
import type { TaskFilter, TaskRow } from '../store.ts';
import type { Row, Value } from './driver.ts';
import { lightRow, recordRow, recordsOf } from './queries.ts';
import { type PayloadReader, quoted } from './rows.ts';
import type { Statements } from './statements.ts';
import { type SearchContext, tagWith, wherePart } from './where.ts';

const sortable = {
  n: 'n',
  submittedAt: `task ->> '$[0]'`,
  completedAt: `end ->> '$[6]'`,
  durationMs: `end ->> '$[5]'`,
  priority: `coalesce(task ->> '$[4].priority', 0)`,
} as const;

/** Rows read at once where each must be looked at. */
const lookedAt = 500;
const mostKeptTags = 2;

type RowReader = (row: Row, payload: PayloadReader) => TaskRow;

const noPayload: PayloadReader = () => null;

/** Reads what filters mean, over one connection. */
export class Search {
  readonly #statements: Statements;
  readonly #context: SearchContext;
  readonly #toRow: RowReader;

  constructor(statements: Statements, context: SearchContext, toRow: RowReader) {
    this.#statements = statements;
    this.#context = context;
    this.#toRow = toRow;
  }

  find(filter: TaskFilter): TaskRow[] {
    const compiled = this.#compile(filter);
    if (compiled.test !== null) {
      const numbers = JSON.stringify(this.#tested(filter, compiled));
      return this.#statements.all(recordsOf, numbers).map((row) => this.#toRow(row, this.#statements.payload));
    }
    const { limit = -1, light } = filter;
    if (light) return this.#select(lightRow, filter, compiled, limit).map((row) => this.#toRow(row, noPayload));
    return this.#select(recordRow, filter, compiled, limit).map((row) => this.#toRow(row, this.#statements.payload));
  }

  numbers(filter: TaskFilter): number[] {
    const compiled = this.#compile(filter);
    if (compiled.test !== null) return this.#tested(filter, compiled);
    return this.#select('n', filter, compiled, filter.limit ?? -1).map((row) => Number(row.n));
  }

  count(filter: TaskFilter): number {
    const compiled = this.#compile(filter);
    const { limit } = filter;
    if (compiled.test === null) {
      const text = `select count(*) as count from (select 1 from task${compiled.where} limit ?)`;
      return Number(this.#all(filter, text, [...compiled.values, limit ?? -1])[0]?.count);
    }
    let count = 0;
    this.#each(filter, compiled, () => ++count < (limit ?? Number.POSITIVE_INFINITY));
    return count;
  }

  /** The numbers of the rows that pass the test, in the order of the filter. */
  #tested(filter: TaskFilter, compiled: Compiled): number[] {
    const { orderBy = 'n', desc = false, limit = Number.POSITIVE_INFINITY } = filter;
    const enough = orderBy === 'n' ? limit : Number.POSITIVE_INFINITY;
    const found: TaskRow[] = [];
    this.#each(filter, compiled, (row) => found.push(row) < enough);
    return sortRows(found, orderBy, desc)
      .slice(0, limit)
      .map((row) => row.n);
  }

  /** Rows that pass the test, without their output, by number, until `take` has enough. */
  #each(filter: TaskFilter, compiled: Compiled, take: (row: TaskRow) => boolean): void {
    if (filter.limit !== undefined && filter.limit < 1) return;
    const { orderBy: _, ...byNumber } = filter;
    let part: TaskFilter = byNumber;
    for (;;) {
      const rows = this.#select(lightRow, part, this.#compile(part), lookedAt).map((row) => this.#toRow(row, noPayload));
      for (const row of rows) if (compiled.test?.(row) !== false && !take(row)) return;
      const last = rows[rows.length - 1];
      if (last === undefined || rows.length < lookedAt) return;
      part = { ...byNumber, after: last.n };
    }
  }

  #select(what: string, filter: TaskFilter, { where, values }: Compiled, limit: number): Row[] {
    const by = sortable[filter.orderBy ?? 'n'];
    const direction = filter.desc ? ' desc' : '';
    const order = by === 'n' ? `n${direction}` : `${by} is null, ${by}${direction}, n${direction}`;
    return this.#all(filter, `select ${what} from task${where} order by ${order} limit ?`, [...values, limit]);
  }

  /** There are few statements without conditions and with a tag or two, so these are kept. */
  #all({ where, tags = {} }: TaskFilter, text: string, values: readonly Value[]): Row[] {
    return where === undefined && Object.keys(tags).length <= mostKeptTags
      ? this.#statements.all(text, ...values)
      : this.#statements.allOnce(text, ...values);
  }

  #compile(filter: TaskFilter): Compiled {
    const parts: string[] = [];
    const values: Value[] = [];
    const add = (part: string, ...of: Value[]): void => {
      parts.push(part);
      values.push(...of);
    };
    if (filter.numbers !== undefined) add('n in (select value from json_each(?))', JSON.stringify(filter.numbers));
    if (filter.ids !== undefined) add('user_id in (select value from json_each(?))', JSON.stringify(filter.ids.map(quoted)));
    if (filter.keys !== undefined) add('key in (select value from json_each(?))', JSON.stringify(filter.keys.map(quoted)));
    // The partial indexes are used for a state that stands in the text of the statement only.
    if (filter.state === 0) parts.push('state = 0');
    else if (filter.state === 1) parts.push('state = 1');
    else if (filter.state !== undefined) add('state = ?', filter.state);
    if (filter.group !== undefined) add('grp = ?', filter.group);
    if (filter.outcome !== undefined) add('outcome = ?', filter.outcome);
    for (const [key, value] of Object.entries(filter.tags ?? {})) {
      const { sql, values: own } = tagWith(key, value);
      add(sql, ...own);
    }
    if (filter.after !== undefined) add(filter.desc ? 'n < ?' : 'n > ?', filter.after);
    if (filter.upTo !== undefined) add(filter.desc ? 'n >= ?' : 'n <= ?', filter.upTo);
    let exact = true;
    for (const condition of filter.where ?? []) {
      const part = wherePart(condition, this.#context);
      add(part.sql, ...part.values);
      exact &&= part.exact;
    }
    return {
      where: parts.length === 0 ? '' : ` where ${parts.join(' and ')}`,
      values,
      test: exact ? null : conditionTest(filter.where ?? [], this.#context.salt()),
    };
  }
}

interface Compiled {
  readonly where: string;
  readonly values: readonly Value[];
  /** What SQL leaves to be decided; null: nothing. */
  readonly test: ((row: TaskRow) => boolean) | null;
}
