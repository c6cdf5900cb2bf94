/** Names of remote objects in the file. What users wrote is JSON text, as everywhere in it. */
import { factsOf, nameOf } from '../name-row.ts';
import type { StoredName, StoredNames } from '../names.ts';
import { allNames, deleteNames, getName, putNames } from './queries-names.ts';
import { quoted } from './rows.ts';
import type { Statements } from './statements.ts';

/** How the adapter reads and writes: with its errors, and only while the file is its own. */
export interface NameAccess {
  read<T>(call: () => T): T;
  write(call: () => void): void;
}

export class SqliteNames implements StoredNames {
  readonly #statements: Statements;
  readonly #access: NameAccess;

  constructor(statements: Statements, access: NameAccess) {
    this.#statements = statements;
    this.#access = access;
  }

  async get(name: string): Promise<StoredName | null> {
    const [row] = this.#access.read(() => this.#statements.all(getName, quoted(name)));
    return row === undefined ? null : nameOf(row);
  }

  async all(): Promise<StoredName[]> {
    return this.#access.read(() => this.#statements.all(allNames)).map(nameOf);
  }

  async put(rows: readonly StoredName[]): Promise<void> {
    const items = rows.map((row) => [quoted(row.name), factsOf(row), row.lease, row.renewedAt]);
    this.#access.write(() => void this.#statements.bulk(putNames, items));
  }

  async remove(names: readonly string[]): Promise<void> {
    this.#access.write(() => void this.#statements.bulk(deleteNames, names.map(quoted)));
  }
}
