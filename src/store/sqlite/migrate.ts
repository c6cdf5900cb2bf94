/**
 * Tells our files from others and brings them to the present shape. A file is ours by its `application_id`; `meta` says which
 * migrations it has (`version`) and which version a program must know at least to work on it (`needs`).
 */
import { MillraceError } from '../../base/errors.ts';
import type { Driver } from './driver.ts';
import { migrations as released } from './migrations/list.ts';
import type { Migration } from './migrations/migration.ts';

/** "MILL" */
const applicationId = 0x4d494c4c;

/** The migrations that a file has, 0: it is empty. Throws for a foreign or newer file; changes nothing. */
export function inspect(driver: Driver, path: string, migrations: readonly Migration[] = released): number {
  const found = Number(driver.prepare('pragma application_id').all()[0]?.application_id);
  if (found !== applicationId) {
    const objects = Number(driver.prepare('select count(*) as count from sqlite_schema').all()[0]?.count);
    if (found === 0 && objects === 0) return 0;
    throw new MillraceError('ERR_DATABASE_FOREIGN', `${path} is a SQLite database of another program: name another file`);
  }
  const facts = new Map(
    driver
      .prepare(`select name, value from meta where name in ('version', 'needs')`)
      .all()
      .map((row) => [row.name, row.value]),
  );
  const version = Number(facts.get('version'));
  const needs = Number(facts.get('needs'));
  const newest = migrations[migrations.length - 1]?.number ?? 0;
  if (needs > newest)
    throw new MillraceError(
      'ERR_DATABASE_VERSION',
      `${path} was written by a newer version (its shape is ${needs}, this version knows ${newest}): update this package; nothing was changed`,
      { details: { version, needs, known: newest } },
    );
  return version;
}

/** Apply what the file lacks, in one transaction. */
export function migrate(driver: Driver, version: number, salt: () => string, migrations: readonly Migration[] = released): void {
  const missing = migrations.filter((migration) => migration.number > version);
  const last = missing[missing.length - 1];
  if (last === undefined) return;
  driver.exec('begin immediate');
  try {
    for (const migration of missing) driver.exec(migration.sql);
    const put = driver.prepare('insert or replace into meta (name, value) values (?, ?)');
    put.run('version', last.number);
    const breaking = missing.filter((migration) => migration.breaking).pop();
    if (breaking !== undefined) put.run('needs', breaking.number);
    if (version === 0) {
      put.run('salt', salt());
      put.run('epoch', 0);
      put.run('next_task', 1);
      put.run('counts', JSON.stringify({ submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} }));
      driver.exec(`pragma application_id = ${applicationId}`);
    }
    driver.exec('commit');
  } catch (error) {
    driver.exec('rollback');
    throw error;
  }
}
