/**
 * Upkeep of a database: finished tasks to another one; of a file: space given back, a copy. The path is given as in the option `database`.
 * Each call opens the file by itself; `rotateDatabase` and `vacuumDatabase` want it for themselves, a backup is taken beside a server too.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { makeSalt } from '../task/id.ts';
import { databasePath, isPostgres } from './open.ts';
import { loadDriver } from './sqlite/driver.ts';
import { backup, rotate, vacuum } from './sqlite/maintain.ts';

function fileOf(database: string, what: string): string {
  if (isPostgres(database))
    throw new MillraceError(
      'ERR_OPTION',
      `${what}: this is for files of SQLite. PostgreSQL has its own tools: pg_dump for a copy, autovacuum for space; rotate() moves what is done to another schema, the option retain forgets it`,
    );
  const path = databasePath(database);
  if (path === null) throw new MillraceError('ERR_OPTION', `${what}: a store in memory has no file; give the path of a SQLite file`);
  return path;
}

/**
 * Move finished tasks with their history and output to another file, which is made or, if it holds tasks of this very database, added to; of PostgreSQL: to
 * another schema of the same database. Ids stay the same, and `openStore` opens the other as it opens this one. Tasks that an unfinished one depends on stay;
 * in PostgreSQL also what ended after them. Killed in between, some tasks are in both files, none in neither; the next call puts that right. In PostgreSQL each is
 * always in one.
 * @param age Only what ended longer ago (ms); null: all. In PostgreSQL that is done beside a server that holds the queue.
 * @returns how many tasks were moved
 * @throws ERR_DATABASE_IN_USE, ERR_DATABASE, ERR_DATABASE_FOREIGN, ERR_DATABASE_VERSION, ERR_DATABASE_DRIVER, ERR_OPTION
 */
export async function rotateDatabase(
  database: string,
  target: string,
  age: number | null = null,
  clock: Clock = systemClock,
): Promise<number> {
  if (isPostgres(database) && isPostgres(target)) {
    const [{ parsePostgresAddress }, { loadDial }, postgres] = await Promise.all([
      import('./postgres/address.ts'),
      import('./postgres/driver.ts'),
      import('./postgres/rotate.ts'),
    ]);
    const [from, to] = [parsePostgresAddress(database), parsePostgresAddress(target)];
    return postgres.rotate(await loadDial(), from, to, age, clock);
  }
  if (isPostgres(database))
    throw new MillraceError(
      'ERR_OPTION',
      'target: tasks of PostgreSQL are moved to another schema: give its address, with another ?schema=',
    );
  return rotate(await loadDriver(), fileOf(database, 'database'), fileOf(target, 'target'), age, clock);
}

/**
 * Give the space of removed tasks back to the disk. It wants as much free space as the file takes while it works.
 * @returns the bytes that the file has become smaller
 * @throws ERR_DATABASE_IN_USE, ERR_DATABASE, ERR_DATABASE_FOREIGN, ERR_DATABASE_VERSION, ERR_OPTION
 */
export async function vacuumDatabase(database: string, clock: Clock = systemClock): Promise<number> {
  return vacuum(await loadDriver(), fileOf(database, 'database'), () => makeSalt(clock.random()));
}

/**
 * A copy of the file as it stands at one moment, also while a server writes to it; for this user only (mode 0600). It holds the calling thread: some
 * 100 MB a second.
 * @throws ERR_DATABASE (no such file, or the target exists), ERR_DATABASE_FOREIGN, ERR_DATABASE_VERSION, ERR_OPTION
 */
export async function backupDatabase(database: string, target: string): Promise<void> {
  backup(await loadDriver(), fileOf(database, 'database'), fileOf(target, 'target'));
}
