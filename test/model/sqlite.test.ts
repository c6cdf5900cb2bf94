/** The simulation on a SQLite file, opened anew at each start of a server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SqliteStore } from '../../src/store/sqlite/adapter.ts';
import { connect } from '../../src/store/sqlite/connect.ts';
import { loadDriver } from '../../src/store/sqlite/driver.ts';
import type { TaskStore } from '../../src/store/store.ts';
import { simulate } from '../../src/testing/simulation.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-model-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('goes on a SQLite file, closed and opened again at each start of a server, exactly as on a memory store', async () => {
  const kind = await loadDriver();
  let lives = 0;
  let crashes = 0;
  for (let seed = 1; seed <= 10; seed++) {
    let store: SqliteStore | null = null;
    const open = (): TaskStore => {
      store?.close();
      lives++;
      const path = join(folder, `${seed}.db`);
      store = new SqliteStore(connect(kind, path, { access: 'write', synchronous: 'NORMAL', salt: () => '000000000' }), () => 0);
      return store;
    };
    const report = simulate({ seed }, open);
    expect(report, `seed ${seed}, beside the same on a memory store`).toEqual(simulate({ seed }));
    crashes += report.crashes;
    (store as SqliteStore | null)?.close();
  }
  expect(lives).toBeGreaterThan(20);
  expect(crashes).toBeGreaterThan(20);
});
