import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { type Driver, loadDriver } from '../../../src/store/sqlite/driver.ts';
import { inspect, migrate } from '../../../src/store/sqlite/migrate.ts';
import { tasks as firstShape } from '../../../src/store/sqlite/migrations/001-tasks.ts';
import { migrations } from '../../../src/store/sqlite/migrations/list.ts';
import type { Migration } from '../../../src/store/sqlite/migrations/migration.ts';
import { attemptEnd, completedNumbers, storedTask, writes } from '../samples.ts';

let folder: string;
let driver: Driver;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-migrate-'));
  driver = (await loadDriver()).open(join(folder, 'x.db'));
});
afterEach(() => {
  driver.close();
  rmSync(folder, { recursive: true });
});

const next: Migration = { number: 900, breaking: false, sql: 'create table later (id integer primary key)' };

test('migrations are numbered in order', () => {
  expect(migrations.map((migration) => migration.number)).toEqual(migrations.map((_, i) => i + 1));
});

test('a file gets what it lacks and nothing twice', () => {
  expect(inspect(driver, 'x')).toBe(0);
  migrate(driver, 0, () => 'salt');
  const version = inspect(driver, 'x');
  migrate(driver, version, () => 'other', [...migrations, next]);
  expect(inspect(driver, 'x')).toBe(900);
  expect(driver.prepare(`select value from meta where name = 'salt'`).all()[0]?.value).toBe('salt');
  migrate(driver, 900, () => 'other', [...migrations, next]);
});

test('a migration that fails leaves the file as it was', () => {
  migrate(driver, 0, () => 'salt');
  const version = inspect(driver, 'x');
  expect(() =>
    migrate(driver, version, () => 'x', [...migrations, next, { number: 901, breaking: true, sql: 'create table later (id)' }]),
  ).toThrow();
  expect(inspect(driver, 'x')).toBe(version);
  expect(driver.prepare(`select count(*) as count from sqlite_schema where name = 'later'`).all()[0]?.count).toBe(0);
});

/** A file as the first version left it: three tasks that ended, one that waits, one in a grant, one that is ready. */
function writeFirstShape(): void {
  migrate(driver, 0, () => '012345678', [firstShape]);
  const end = (n: number): string => JSON.stringify([1, 0, 1, 0, 1_000, 5, 2_000 + n, 3, { stdout: 'out' }]);
  driver.exec(`
    insert into client values (1, '["client-one","host"]');
    insert into submitter values ('"sub"', 4, '[[4,{"first":1}]]', 99);
    insert into grants values (4294967297, '[1,1,[5,5]]');
    insert into completion values (1, 2, '[1,2]'), (3, 1, '[4,4]');
    update meta set value = 7 where name = 'next_task';
    update meta set value = '{"submitted":6,"outcomes":[3,3,0,0,0,0,0],"retried":0,"groups":{"0":3}}' where name = 'counts';`);
  const put = driver.prepare(
    'insert into task (n, state, grp, rank, task, outcome, end, key, ready_at) values (?, ?, 0, 0.5, ?, ?, ?, ?, ?)',
  );
  for (const [i, state] of [4, 4, 0, 4, 1, 1].entries()) {
    const n = i + 1;
    put.run(
      n,
      state,
      `[${n},0,"echo ${n}",null,null]`,
      state === 4 ? 1 : 0,
      state === 4 ? end(n) : null,
      n === 6 ? '"key"' : null,
      n === 3 ? 77 : null,
    );
  }
}

test('a file of the first shape is brought to the present one, with everything that it holds', async () => {
  writeFirstShape();
  driver.close();
  const path = join(folder, 'x.db');
  const store = await openStore(path);
  const row = (n: number, changes = {}) => storedTask(n, { submittedAt: n, rank: 0.5, ...changes });
  expect(await store.recover()).toMatchObject({
    epoch: 1,
    salt: '012345678',
    nextTask: 7,
    ready: 1,
    waiting: [row(3, { state: 0, readyAt: 77 })],
    grants: [{ id: 4294967297, tasks: [row(5)] }],
    submitters: [{ id: 'sub', sequence: 4, open: false }],
    counts: { submitted: 6 },
  });
  expect(await store.ready(null, 10)).toEqual([row(6)]);
  expect((await store.known(['key'], [])).keys.get('key')).toBe(6);
  expect(await completedNumbers(store)).toEqual([1, 2, 4]);
  expect(await store.retain({ count: null, before: 2_003 }, 10)).toBe(2);
  await store.commit(writes({ tasks: [storedTask(7, { lane: 'a' })], ends: [attemptEnd(6)] }));
  expect((await store.ready(null, 10, { only: 'a' })).map((task) => task.n)).toEqual([7]);
  expect(await completedNumbers(store)).toEqual([4, 6]);
  await store.close();
  driver = (await loadDriver()).open(join(folder, 'y.db'));
});

test('a reader beside a file of the first shape finds what it holds', async () => {
  writeFirstShape();
  const reader = await openStore(join(folder, 'x.db'), { access: 'read' });
  expect(await reader.numbers({ where: [{ field: 'outcome', op: '==', value: 'succeeded' }] })).toEqual([1, 2, 4]);
  expect(await completedNumbers(reader)).toEqual([1, 2, 4]);
  await reader.close();
});
