/**
 * From the option `database` to a store: which adapter, with which driver. Everything that can be wrong with the name or the
 * file is refused here, before a server listens.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { makeSalt } from '../task/id.ts';
import type { TaskStore } from './store.ts';

/** Finished tasks that the memory store keeps when nothing else is said. */
const defaultRetainCount = 100_000;

export interface OpenStoreOptions {
  /** What the memory store keeps of finished tasks: at most `count` (default 100,000), none longer than `age` ms (default: for ever). */
  readonly retain?: { readonly count?: number; readonly age?: number };
  /** SQLite: `FULL` (default) survives a power cut, `NORMAL` a crash of the process. */
  readonly synchronous?: 'FULL' | 'NORMAL';
  /** SQLite: `write` (default) holds the file against other servers; `read` looks on, also beside a server. */
  readonly access?: 'write' | 'read';
  readonly clock?: Clock;
  /** 0 ≤ x < 1; default: the clock's. */
  readonly random?: () => number;
}

/**
 * Open a store. Absent, `'memory:'` or `':memory:'`: in memory. `'sqlite:path'` or a path: a SQLite file, made when it is not there. `'postgres://…'`: a schema of
 * a PostgreSQL database, made when it is not there.
 * @throws ERR_OPTION, ERR_DATABASE, ERR_DATABASE_FOREIGN, ERR_DATABASE_IN_USE, ERR_DATABASE_VERSION, ERR_DATABASE_DRIVER
 */
export async function openStore(database: string | undefined, options: OpenStoreOptions = {}): Promise<TaskStore> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? (() => clock.random());
  if (database !== undefined && isPostgres(database)) return openPostgres(database, options.access ?? 'write', clock, random);
  const path = databasePath(database);
  if (path === null) {
    const { count = defaultRetainCount, age = Number.POSITIVE_INFINITY } = options.retain ?? {};
    const { MemoryStore } = await import('./memory/adapter.ts');
    return new MemoryStore({ count, age, now: () => clock.wall(), salt: makeSalt(random()) });
  }
  // Each adapter is loaded by those who use it: the files of SQLite's are a sixth of what a server's thread loads.
  const [{ loadDriver }, { SqliteStore }, { connect }] = await Promise.all([
    import('./sqlite/driver.ts'),
    import('./sqlite/adapter.ts'),
    import('./sqlite/connect.ts'),
  ]);
  const kind = await loadDriver();
  return new SqliteStore(
    connect(kind, path, {
      access: options.access ?? 'write',
      synchronous: options.synchronous ?? 'FULL',
      salt: () => makeSalt(random()),
    }),
    () => clock.wall(),
  );
}

async function openPostgres(database: string, access: 'write' | 'read', clock: Clock, random: () => number): Promise<TaskStore> {
  const [{ parsePostgresAddress }, { loadDial }, { connect }, { PostgresStore }] = await Promise.all([
    import('./postgres/address.ts'),
    import('./postgres/driver.ts'),
    import('./postgres/connect.ts'),
    import('./postgres/adapter.ts'),
  ]);
  const facts = parsePostgresAddress(database);
  const connection = await connect(await loadDial(), facts, { access, clock, salt: () => makeSalt(random()) });
  return PostgresStore.open(connection, clock);
}

/** Whether it is the address of a PostgreSQL database. */
export function isPostgres(database: string): boolean {
  return /^postgres(ql)?:/i.test(database);
}

/** The path of a SQLite file; null: in memory. */
export function databasePath(database: string | undefined): string | null {
  if (database === undefined || database === 'memory:' || database === ':memory:') return null;
  if (isPostgres(database))
    throw new MillraceError('ERR_OPTION', 'database: a database of PostgreSQL is no file; give the path of a SQLite file');
  const path = database.replace(/^sqlite:/, '');
  if (path === ':memory:') return null;
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1];
  if (scheme !== undefined)
    throw new MillraceError(
      'ERR_OPTION',
      `database: "${scheme}:" is not known; give 'memory:', the path of a SQLite file, or 'postgres://user@host/database'`,
    );
  if (path === '' || path.includes('\0'))
    throw new MillraceError(
      'ERR_OPTION',
      `database: ${JSON.stringify(database)} is no path; give the path of a SQLite file, for instance 'tasks.db'`,
    );
  return path;
}
