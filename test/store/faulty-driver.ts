/** A driver over the real one, whose statements fail when the test says so, with the error that SQLite would give. */
import type { Driver, DriverKind, Statement } from '../../src/store/sqlite/driver.ts';

export interface Faults {
  readonly kind: DriverKind;
  /** Every statement that was executed, in order. */
  readonly executed: string[];
  /** Called before each: what it returns is the result code to fail with; 0: it goes on. */
  before: (sql: string) => number;
}

class SqliteFailure extends Error {
  readonly rawCode: number;

  constructor(rawCode: number) {
    super(`injected failure ${rawCode}`);
    this.rawCode = rawCode;
  }
}

export function faultyDriver(real: DriverKind): Faults {
  const faults: Faults = { kind: { name: real.name, open, code }, executed: [], before: () => 0 };

  function step(sql: string): void {
    faults.executed.push(sql);
    const failure = faults.before(sql);
    if (failure !== 0) throw new SqliteFailure(failure);
  }

  function open(path: string): Driver {
    const driver = real.open(path);
    return {
      prepare(sql): Statement {
        const statement = driver.prepare(sql);
        return {
          run(...values) {
            step(sql);
            return statement.run(...values);
          },
          all(...values) {
            step(sql);
            return statement.all(...values);
          },
        };
      },
      exec(sql) {
        // One by one, so that a script can be interrupted in its middle.
        for (const single of sql.split(';')) {
          const statement = single.trim();
          if (statement === '') continue;
          step(statement);
          driver.exec(statement);
        }
      },
      close: () => driver.close(),
    };
  }

  function code(error: unknown): number {
    return error instanceof SqliteFailure ? error.rawCode : real.code(error);
  }

  return faults;
}

/** All that is in a file, table by table. */
export function dump(driver: Driver): Record<string, unknown[]> {
  const tables = driver.prepare(`select name from sqlite_schema where type = 'table' order by name`).all();
  return Object.fromEntries(
    tables.map(({ name }) => {
      const rows = driver.prepare(`select * from ${String(name)}`).all();
      return [String(name), rows.map((row) => JSON.stringify(Object.values(row)))];
    }),
  );
}
