/** Files of every earlier version, made by that version (`golden/make.mjs`): each is opened, brought to the present shape, and goes on with all that it holds. */
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { toTaskRecord } from '../../src/data/record.ts';
import { openStore } from '../../src/store/open.ts';
import { SqliteStore } from '../../src/store/sqlite/adapter.ts';
import { connect } from '../../src/store/sqlite/connect.ts';
import { type DriverKind, loadDriver } from '../../src/store/sqlite/driver.ts';
import { inspect } from '../../src/store/sqlite/migrate.ts';
import { migrations } from '../../src/store/sqlite/migrations/list.ts';
import type { TaskStore } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { dump, faultyDriver } from './faulty-driver.ts';
import { attemptEnd, completedNumbers, storedTask, writes } from './samples.ts';

// A commit waits for the disk, which others may keep busy.
vi.setConfig({ testTimeout: 60_000 });

interface Told {
  counts: { submitted: number; succeeded: number; failed: number; pending: number };
  tasks: ({ id: string; state: string; stdout?: string; stderr?: string } & Record<string, unknown>)[];
}

const folder = join(import.meta.dirname, 'golden');
const names = readdirSync(folder).filter((name) => name.endsWith('.db'));

function copyOf(name: string): string {
  const path = join(temporaryFolder(), name);
  copyFileSync(join(folder, name), path);
  return path;
}

function toldOf(name: string): Told {
  return JSON.parse(readFileSync(join(folder, name.replace(/db$/, 'json')), 'utf8')) as Told;
}

/** What the old server said of its tasks, as a store without a server has it: what was leased is in the queue. */
async function checkTasks(store: TaskStore, { tasks }: Told): Promise<void> {
  const salt = await store.salt();
  const found = new Map((await store.find({})).map((row) => [toTaskRecord(row, salt).id, toTaskRecord(row, salt)]));
  expect([...found.keys()]).toEqual(tasks.map(({ id }) => id));
  for (const { stdout, stderr, state, ...fields } of tasks) {
    const record = found.get(fields.id)!;
    expect(record).toMatchObject({ ...fields, state: ['leased', 'running'].includes(state) ? 'ready' : state });
    expect([record.stdout?.toString('base64'), record.stderr?.toString('base64')]).toEqual([stdout, stderr]);
  }
}

test('there is a golden file of every version of the schema', () => {
  expect(names).toEqual(migrations.map(({ number }) => `schema-${number}.db`));
});

describe.each(names)('%s', (name) => {
  test('is recovered with all that its server knew, also by who only looks on', async () => {
    const path = copyOf(name);
    const told = toldOf(name);
    const reader = await openStore(path, { access: 'read' });
    await checkTasks(reader, told);
    await reader.close();
    const store = await openStore(path);
    onTestFinished(() => store.close());
    const recovery = await store.recover();
    const { submitted, succeeded, failed, pending } = told.counts;
    expect(recovery).toMatchObject({
      epoch: 2,
      nextTask: submitted + 1,
      counts: { submitted, outcomes: [pending, succeeded, failed, 0, 0, 0, 0] },
    });
    // They were killed: the servers of the first two shapes do not say so yet.
    expect(recovery.endedCleanly).toBe(/schema-[12]\./.test(name) ? undefined : false);
    const leased = recovery.grants.flatMap((grant) => grant.tasks.map(({ task }) => task[1]));
    expect(leased.slice(0, 2)).toEqual(['sleep 1000 # one', 'sleep 1000 # two']);
    expect(recovery.waiting.map(({ task, readyAt }) => [task[1], readyAt])).toEqual([['echo later', Date.UTC(2100, 0)]]);
    expect(recovery.ready).toBe(pending - leased.length - 1);
    // How a submitter cuts its bundles has changed since.
    const last = /schema-[12]\./.test(name) ? 3 : 2;
    expect(recovery.submitters.map(({ sequence, receipts }) => [sequence, receipts.length])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
      [last, last],
    ]);
    expect(recovery.clients.length).toBeGreaterThanOrEqual(1);
    await checkTasks(store, told);
    expect(await completedNumbers(store)).toHaveLength(succeeded + failed);
    const keys = ['done-0', 'fails', 'leased', 'queued-29', 'waits', 'submitted-3', 'never'];
    expect([...(await store.known(keys, ['018f0000-0000-7000-8000-00000000000a'])).keys.keys()].sort()).toEqual(keys.slice(0, -1).sort());
    const failure = (await store.known(['fails'], [])).keys.get('fails')!;
    expect((await store.history(failure)).map(({ attempt, exitStatus }) => [attempt, exitStatus])).toEqual([
      [1, 3],
      [2, 3],
    ]);
    const inputs = (await store.find({})).flatMap(({ task }) => (task[2] instanceof Uint8Array ? [[...task[2]]] : []));
    expect(inputs).toEqual([
      [0, 1, 254, 255],
      [255, 0],
    ]);
  });

  test('goes on: its tasks end, new ones come, and it is opened again as a file of the present', async () => {
    const path = copyOf(name);
    const { counts, tasks } = toldOf(name);
    const store = await openStore(path);
    await store.recover();
    const open = (await store.find({ state: 1 })).map(({ n }) => n);
    const next = counts.submitted + 1;
    await store.commit(writes({ tasks: [storedTask(next, { lane: 'l' })], ends: [...open, next].map((n) => attemptEnd(n)) }));
    await store.close();
    const again = await openStore(path);
    onTestFinished(() => again.close());
    const recovery = await again.recover();
    expect(recovery).toMatchObject({ epoch: 3, endedCleanly: true, ready: 0, grants: [], nextTask: next + 1 });
    expect(await again.count({})).toBe(tasks.length + 1);
    expect(await completedNumbers(again)).toHaveLength(tasks.length);
  });

  test('is whole, in its old shape or the new one, wherever its migration is interrupted', async () => {
    const real = await loadDriver();
    const told = toldOf(name);
    const faults = faultyDriver(real);
    const options = { access: 'write', synchronous: 'FULL', salt: () => 'x' } as const;
    const before = contents(real, copyOf(name));
    for (let at = 1; ; at++) {
      const path = copyOf(name);
      faults.executed.length = 0;
      faults.before = (sql) => {
        if (faults.executed.length !== at || sql === 'rollback') return 0;
        // As a process leaves it that is killed here.
        copyFileSync(path, `${path}.killed`);
        if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${path}.killed-wal`);
        return 778;
      };
      try {
        connect(faults.kind, path, options).close();
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_DATABASE', details: { sqlite: 778 } });
      }
      if (faults.executed.length < at) break;
      if (faults.executed[at - 1] === 'rollback') continue;
      faults.before = () => 0;
      const last = faults.executed.indexOf('commit');
      if (last === -1 || last >= at - 1) expect(contents(real, path), `after a failure at ${faults.executed[at - 1]}`).toEqual(before);
      for (const file of [path, `${path}.killed`]) {
        const store = new SqliteStore(connect(real, file, options));
        store.recover();
        await checkTasks(store, told);
        store.close();
      }
    }
    expect(faults.executed.length).toBeGreaterThan(10);
  });
});

function contents(kind: DriverKind, path: string): unknown {
  const driver = kind.open(path);
  try {
    return [inspect(driver, path), dump(driver)];
  } finally {
    driver.close();
  }
}
