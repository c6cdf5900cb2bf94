/**
 * Names of remote objects in the database. Who writes must hold the queue, as for a commit. What is put or removed may be done twice, so it is tried until
 * the database answers, one call after the other: a later one never overtakes.
 */
import { factsOf, nameOf } from '../name-row.ts';
import type { StoredName, StoredNames } from '../names.ts';
import type { Connection } from './connect.ts';
import { type Driver, listOf, textsOf } from './driver.ts';
import { fenced } from './fenced.ts';
import { quoted } from './rows.ts';

export class PostgresNames implements StoredNames {
  readonly #connection: Connection;
  readonly #guard: <T>(call: () => Promise<T>) => Promise<T>;
  #last: Promise<unknown> = Promise.resolve();

  /** `guard`: only while the store is open. */
  constructor(connection: Connection, guard: <T>(call: () => Promise<T>) => Promise<T>) {
    this.#connection = connection;
    this.#guard = guard;
  }

  get(name: string): Promise<StoredName | null> {
    const { reader, sql } = this.#connection;
    return this.#guard(async () => {
      const [row] = await reader.persist((driver) => driver.query(sql.nameOf, [quoted(name)]));
      return row === undefined ? null : nameOf(row);
    });
  }

  all(): Promise<StoredName[]> {
    const { reader, sql } = this.#connection;
    return this.#guard(async () => (await reader.persist((driver) => driver.query(sql.names))).map(nameOf));
  }

  put(rows: readonly StoredName[]): Promise<void> {
    const last = [...new Map(rows.map((row) => [row.name, row])).values()];
    const { sql } = this.#connection;
    return this.#write(async (driver) => {
      await driver.query(sql.removeNames, [textsOf(last.map(({ name }) => quoted(name)))]);
      await driver.query(sql.putNames, [
        textsOf(last.map(({ name }) => quoted(name))),
        textsOf(last.map(factsOf)),
        listOf(last.map(({ lease }) => lease)),
        listOf(last.map(({ renewedAt }) => renewedAt)),
      ]);
    });
  }

  remove(names: readonly string[]): Promise<void> {
    return this.#write((driver) => driver.query(this.#connection.sql.removeNames, [textsOf(names.map(quoted))]));
  }

  #write(call: (driver: Driver) => Promise<unknown>): Promise<void> {
    return this.#guard(async () => {
      const turn = this.#last.then(() => fenced(this.#connection, call));
      this.#last = turn.catch(() => {});
      await turn;
    });
  }
}
