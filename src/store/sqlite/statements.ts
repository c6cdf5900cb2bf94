/** The prepared statements of one connection, made on first use, and what is done with a list too long for one of them. */
import type { Driver, Row, Statement, Value } from './driver.ts';
import { getPayload } from './queries.ts';

/**
 * Longest list in one statement, in items and in characters. The text of so many common items stays below 128 KiB: a longer one is a large object, which
 * V8 frees only when it marks the whole heap (1,000,000 tasks streamed in lists of 2,000: up to 300 MB resident, in these 165).
 */
const most = { items: 512, characters: 2 ** 26 } as const;

export class Statements {
  readonly #driver: Driver;
  readonly #prepared = new Map<string, Statement>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  exec(sql: string): void {
    this.#statement(sql).run();
  }

  run(sql: string, ...values: Value[]): number {
    return this.#statement(sql).run(...values);
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  /** A statement of which there may be very many: it is not kept. */
  allOnce(sql: string, ...values: Value[]): Row[] {
    return this.#driver.prepare(sql).all(...values);
  }

  /** One statement over all items, or as few as their size allows; the rows changed. */
  bulk(sql: string, items: readonly unknown[]): number {
    if (items.length === 0) return 0;
    const text = items.length > most.items ? null : stringify(items);
    if (text !== null && (text.length <= most.characters || items.length === 1)) return this.run(sql, text);
    const half = Math.ceil(items.length / 2);
    return this.bulk(sql, items.slice(0, half)) + this.bulk(sql, items.slice(half));
  }

  /** As `bulk`, of items whose numbers follow one another from `first` on; `values`: the parameters behind that number. */
  bulkFrom(sql: string, first: number, items: readonly unknown[], ...values: Value[]): number {
    const text = items.length > most.items ? null : stringify(items);
    if (text !== null && (text.length <= most.characters || items.length === 1)) return this.run(sql, text, first, ...values);
    const half = Math.ceil(items.length / 2);
    return this.bulkFrom(sql, first, items.slice(0, half), ...values) + this.bulkFrom(sql, first + half, items.slice(half), ...values);
  }

  /** Let the statements go, after the connection was closed. */
  forget(): void {
    this.#prepared.clear();
  }

  /** All of it, or nothing of it and what it threw. */
  transaction<T>(call: () => T): T {
    this.exec('begin immediate');
    try {
      const result = call();
      this.exec('commit');
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** After a failure; SQLite may have ended the transaction by itself. */
  rollback(): void {
    try {
      this.#driver.exec('rollback');
    } catch {
      // No transaction is open: that is what was wanted.
    }
  }

  /** Stored bytes of a task's input or of an attempt. */
  readonly payload = (n: number, attempt: number): Uint8Array | null => {
    const bytes = this.all(getPayload, n, attempt)[0]?.bytes;
    if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
    return bytes instanceof Uint8Array ? bytes : null;
  };

  #statement(sql: string): Statement {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#driver.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}

/** Null: longer than a string can be. */
function stringify(items: readonly unknown[]): string | null {
  try {
    return JSON.stringify(items);
  } catch (error) {
    if (error instanceof RangeError && items.length > 1) return null;
    throw error;
  }
}
