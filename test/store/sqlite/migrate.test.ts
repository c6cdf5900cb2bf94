import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Driver, loadDriver } from '../../../src/store/sqlite/driver.ts';
import { inspect, migrate } from '../../../src/store/sqlite/migrate.ts';
import { migrations } from '../../../src/store/sqlite/migrations/list.ts';
import type { Migration } from '../../../src/store/sqlite/migrations/migration.ts';

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
