/**
 * The port to a SQLite library, and the choice between the two that can stand behind it: `node:sqlite` where Node has it
 * (22.13 and later), else the optional package `libsql` (the same SQLite, prebuilt, no compiler).
 *
 * What they do not share stays out of the port. In particular libsql ends the process when a text that is not UTF-8 is read, cuts
 * texts at NUL, and keeps a connection open until its statements are collected: so whatever users wrote is stored as JSON text
 * (where NUL and lone surrogates are escapes), and a lock is given back by a rollback, never by closing alone.
 */
import { MillraceError } from '../../base/errors.ts';

export type Value = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, unknown>>;

export interface Statement {
  /** Execute; the number of rows that it changed. */
  run(...values: Value[]): number;
  all(...values: Value[]): Row[];
}

export interface Driver {
  prepare(sql: string): Statement;
  /** One or more statements without parameters. */
  exec(sql: string): void;
  close(): void;
}

export interface DriverKind {
  readonly name: 'node:sqlite' | 'libsql';
  /** Open or create a file (an absolute path). */
  open(path: string): Driver;
  /** SQLite's extended result code in an error of this driver, its primary code in the low byte; 0: it has none. */
  code(error: unknown): number;
}

/** The primary result codes that are told apart. */
export const resultCode = { busy: 5, readOnly: 8, inputOutput: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

interface NodeSqlite {
  DatabaseSync: new (
    path: string,
  ) => {
    prepare(sql: string): { run(...values: Value[]): { changes: number | bigint }; all(...values: Value[]): Row[] };
    exec(sql: string): void;
    close(): void;
  };
}

interface Libsql {
  new (
    path: string,
  ): {
    prepare(sql: string): { run(values: Value[]): { changes: number }; all(values: Value[]): Row[] };
    exec(sql: string): void;
    close(): void;
  };
}

function overNodeSqlite({ DatabaseSync }: NodeSqlite): DriverKind {
  return {
    name: 'node:sqlite',
    open(path) {
      const database = new DatabaseSync(path);
      return {
        prepare(sql) {
          const statement = database.prepare(sql);
          return { run: (...values) => Number(statement.run(...values).changes), all: (...values) => statement.all(...values) };
        },
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
      };
    },
    code: (error) => (error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0),
  };
}

function overLibsql(Database: Libsql): DriverKind {
  return {
    name: 'libsql',
    open(path) {
      const database = new Database(path);
      return {
        prepare(sql) {
          const statement = database.prepare(sql);
          return { run: (...values) => statement.run(values).changes, all: (...values) => statement.all(values) };
        },
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
      };
    },
    code(error) {
      if (!(error instanceof Error)) return 0;
      if ('rawCode' in error && typeof error.rawCode === 'number') return error.rawCode;
      // An error of opening carries its code in the text alone.
      return Number(/: (\d+)"?\)?$/.exec(error.message)?.[1] ?? 0);
    },
  };
}

/** Node 22 warns on stderr that its SQLite is experimental: who runs tasks did not choose it and can do nothing about it. */
function loadBuiltin(): NodeSqlite | undefined {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined;
  } finally {
    process.emitWarning = warn;
  }
}

/** The driver to use on this Node; `ERR_DATABASE_DRIVER` says what to install. `only` asks for one of the two. */
export async function loadDriver(only?: DriverKind['name']): Promise<DriverKind> {
  if (only !== 'libsql') {
    const builtin = loadBuiltin();
    if (builtin?.DatabaseSync !== undefined) return overNodeSqlite(builtin);
  }
  if (only !== 'node:sqlite') {
    try {
      const loaded = (await import('libsql')) as unknown as { default: Libsql };
      return overLibsql(loaded.default);
    } catch (cause) {
      throw new MillraceError(
        'ERR_DATABASE_DRIVER',
        `no SQLite driver is available on Node ${process.version}: run "npm install libsql", or use Node 22.13 or later, which has SQLite built in`,
        { cause },
      );
    }
  }
  throw new MillraceError('ERR_DATABASE_DRIVER', `Node ${process.version} has no SQLite built in: use Node 22.13 or later`);
}
