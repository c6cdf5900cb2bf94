/**
 * Tells our schema from others and brings it to the present shape. A schema is ours by its table `meta`, which says which migrations it has (`version`) and
 * which version a program must know at least to work on it (`needs`). One at a time: under an advisory lock of the transaction.
 */
import { MillraceError } from '../../base/errors.ts';
import type { ConnectionFacts } from './address.ts';
import type { Driver, Row } from './driver.ts';
import { migrations as released } from './migrations/list.ts';
import type { Migration } from './migrations/migration.ts';

/** The migrations that a schema has, 0: there is none, or it is empty. Throws for a foreign or newer one; changes nothing. */
export async function inspect(
  driver: Driver,
  { schema, place }: ConnectionFacts,
  migrations: readonly Migration[] = released,
): Promise<number> {
  const name = schema.slice(1, -1);
  const [found] = await driver.query(
    `select to_regclass($1) is not null as ours, current_setting('server_encoding') as encoding, current_setting('array_nulls') as nulls,
      current_setting('extra_float_digits')::integer as digits, exists (select 1 from pg_class c join pg_namespace s on s.oid = c.relnamespace where s.nspname = $2) as used`,
    [`${schema}.meta`, name],
  );
  const unfit = unfitness(found);
  if (unfit !== null) throw new MillraceError('ERR_DATABASE', `${place}: ${unfit}`, { details: { lasting: true } });
  if (found?.ours !== true) {
    if (found?.used !== true) return 0;
    throw new MillraceError('ERR_DATABASE_FOREIGN', `${place}: the schema ${name} is of another program: name another one with ?schema=`);
  }
  const rows = await driver.query(`select name, value from ${schema}.meta`).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === '42703') return [];
    throw cause;
  });
  const facts = new Map(rows.map((row) => [row.name, Number(row.value)]));
  const [version, needs] = [facts.get('version'), facts.get('needs')];
  if (version === undefined || needs === undefined)
    throw new MillraceError('ERR_DATABASE_FOREIGN', `${place}: the schema ${name} is of another program: name another one with ?schema=`);
  const newest = migrations[migrations.length - 1]?.number ?? 0;
  if (needs > newest)
    throw new MillraceError(
      'ERR_DATABASE_VERSION',
      `${place} was written by a newer version (its shape is ${needs}, this version knows ${newest}): update this package; nothing was changed`,
      { details: { version, needs, known: newest } },
    );
  return version;
}

/** Settings under which values would not come back as they were given; null: there are none. */
function unfitness(row: Row | undefined): string | null {
  if (row?.encoding !== 'UTF8')
    return `the encoding of this database is ${String(row?.encoding)}, which cannot hold every text: create one with encoding 'UTF8'`;
  const reset = (name: string, value: unknown): string =>
    `${name} is ${String(value)} for this user or database, so values would be changed: say alter role … reset ${name} (or alter database)`;
  if (row.nulls !== 'on') return reset('array_nulls', row.nulls);
  return Number(row.digits) < 1 ? reset('extra_float_digits', row.digits) : null;
}

/** Apply what the schema lacks; inside a transaction. */
export async function migrate(
  driver: Driver,
  facts: ConnectionFacts,
  salt: () => string,
  migrations: readonly Migration[] = released,
): Promise<void> {
  const { schema } = facts;
  const newest = migrations[migrations.length - 1]?.number ?? 0;
  // Who has no right to change the schema need not: it is looked at first.
  if ((await inspect(driver, facts, migrations)) >= newest) return;
  await driver.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`millrace ${schema}`]);
  const version = await inspect(driver, facts, migrations);
  const missing = migrations.filter(({ number }) => number > version);
  if (missing.length === 0) return;
  if (version === 0) {
    // PostgreSQL wants the right to make schemas for this even where it is there.
    const [there] = await driver.query('select to_regnamespace($1) is not null as there', [schema]);
    if (there?.there !== true) await driver.query(`create schema ${schema}`);
    await driver.query(`create table ${schema}.meta (name text primary key, value bigint not null)`);
  }
  for (const migration of missing) await driver.query(migration.sql(schema));
  const put = `insert into ${schema}.meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value`;
  await driver.query(put, ['version', newest]);
  const breaking = missing.findLast((migration) => migration.breaking);
  if (breaking !== undefined) await driver.query(put, ['needs', breaking.number]);
  if (version !== 0) return;
  const counts = JSON.stringify({ submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} });
  await driver.query(`insert into ${schema}.state (salt, counts) values ($1, $2)`, [salt(), counts]);
}
