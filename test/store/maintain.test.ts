import { copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { backupDatabase, rotateDatabase, vacuumDatabase } from '../../src/store/maintain.ts';
import { openStore } from '../../src/store/open.ts';
import type { TaskStore } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from './samples.ts';

let path: string;
let other: string;
beforeEach(() => {
  const folder = temporaryFolder();
  path = join(folder, 'tasks.db');
  other = join(folder, 'done.db');
});

async function using<T>(database: string, call: (store: TaskStore) => T | Promise<T>): Promise<T> {
  const store = await openStore(database);
  try {
    await store.recover();
    return await call(store);
  } finally {
    await store.close();
  }
}

/** Ends of 1 to 10 in a mixed order, 11 and 12 are not done and 12 depends on 3. */
const output = new Uint8Array([0, 255]);
const id = '018f0000-0000-7000-8000-00000000000a';
const failed = attemptEnd(2, { outcome: 2, client: 1, extra: { stdout: output } });
const ended = attemptEnd(2, { attempt: 2, client: 2, extra: { stdout: output, stderr: 'x' } });
async function fill(store: TaskStore): Promise<void> {
  await store.commit(
    writes({
      tasks: [
        storedTask(1),
        storedTask(2, { task: [0, 'cat', output, { id, key: 'k', tags: { a: 1 } }], lane: 'l' }),
        ...storedTasks(3, 11),
        storedTask(12, { state: storedState.waiting, task: [0, 'x', null, { parents: [3] }] }),
      ],
      clients: [1, 2, 3].map((n) => ({ n, id: `client-${n}`, host: 'h' })),
      attempts: [failed],
      ends: [9, 8, 7].map((n) => attemptEnd(n)),
    }),
  );
  await store.commit(writes({ ends: [ended, ...[1, 3, 4, 5, 6, 10].map((n) => attemptEnd(n))] }));
}

test('a rotation moves what is done with its history, output, clients, numbers and salt, and leaves the rest', async () => {
  const salt = await using(path, async (store) => {
    await fill(store);
    return store.salt();
  });
  expect(await rotateDatabase(path, other)).toBe(9);
  await using(other, async (store) => {
    expect(await store.salt()).toBe(salt);
    expect(await completedNumbers(store)).toEqual([9, 8, 7, 2, 1, 4, 5, 6, 10]);
    expect(await store.history(2)).toEqual([failed, ended]);
    expect(await store.find({ ids: [id] })).toMatchObject([
      { n: 2, task: [0, 'cat', output, { id, key: 'k', tags: { a: 1 } }], end: ended, client: { id: 'client-2' } },
    ]);
    expect([(await store.client(1))?.id, await store.client(3)]).toEqual(['client-1', null]);
  });
  expect(statSync(other).mode & 0o777).toBe(0o600);
  await using(path, async (store) => {
    expect(await store.numbers({})).toEqual([3, 11, 12]);
    expect(await completedNumbers(store)).toEqual([3]);
    expect(await store.history(2)).toEqual([]);
    const known = await store.known(['k'], [id]);
    expect([known.keys.size, known.ids.size]).toEqual([0, 0]);
    await store.commit(writes({ ends: [attemptEnd(12), attemptEnd(11)] }));
  });
  expect(await rotateDatabase(path, other)).toBe(3);
  await using(other, async (store) => {
    expect(await completedNumbers(store)).toEqual([9, 8, 7, 2, 1, 4, 5, 6, 10, 3, 12, 11]);
    expect((await store.recover()).counts).toMatchObject({ submitted: 12, outcomes: [0, 12, 0, 0, 0, 0, 0] });
  });
  await using(path, async (store) => {
    expect(await store.count({})).toBe(0);
    expect((await store.recover()).nextTask).toBe(13);
    await store.commit(writes({ tasks: [storedTask(13)], ends: [attemptEnd(13)] }));
    expect(await completedNumbers(store)).toEqual([13]);
  });
});

test('a rotation that was cut off loses nothing, and the next one leaves nothing twice', async () => {
  await using(path, async (store) => {
    await store.commit(writes({ tasks: storedTasks(1, 5_000), ends: Array.from({ length: 5_000 }, (_, i) => attemptEnd(i + 1)) }));
  });
  const before = `${path}.before`;
  copyFileSync(path, before);
  let pauses = 0;
  const cut: Clock = {
    ...systemClock,
    after(ms, call) {
      if (++pauses === 2) throw new Error('cut off');
      return systemClock.after(ms, call);
    },
  };
  await expect(rotateDatabase(path, other, null, cut)).rejects.toMatchObject({ code: 'ERR_DATABASE' });
  const left = await using(path, (store) => store.numbers({}));
  const moved = await using(other, (store) => store.numbers({}));
  expect([...moved, ...left]).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
  // As if the process had died after the copy and before the removal.
  copyFileSync(before, path);
  expect(await rotateDatabase(path, other)).toBe(5_000);
  expect(await using(path, (store) => store.count({}))).toBe(0);
  await using(other, async (store) => {
    expect(await completedNumbers(store, 0, 1_000)).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
    expect((await store.recover()).counts.submitted).toBe(5_000);
  });
});

test('with an age what ended since stays', async () => {
  const now = Date.now();
  const clock: Clock = { ...systemClock, wall: () => now };
  await using(path, (store) => store.commit(writes({ tasks: storedTasks(1, 3), ends: [attemptEnd(1), attemptEnd(2)] })));
  expect(await rotateDatabase(path, other, 3_600_000, clock)).toBe(0);
  expect(await rotateDatabase(path, other, 3_600_000, { ...clock, wall: () => now + 7_200_000 })).toBe(2);
  expect(await using(path, (store) => store.numbers({}))).toEqual([3]);
});

test('a rotation refuses a file that a server holds, tasks of another database, itself, and an id that was used again', async () => {
  const holder = await openStore(path);
  await holder.recover();
  await fill(holder);
  await expect(rotateDatabase(path, other)).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await expect(vacuumDatabase(path)).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  await holder.close();
  await using(other, () => undefined);
  await expect(rotateDatabase(path, other)).rejects.toThrow(/tasks of another database/);
  await expect(rotateDatabase(path, path)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  await expect(rotateDatabase(path, join(path, '..', 'none', 'x.db'))).rejects.toThrow(/no folder/);
  await expect(rotateDatabase(`${path}.none`, other)).rejects.toThrow(/does not exist/);
  await expect(rotateDatabase('memory:', other)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  expect(await using(path, (store) => store.count({}))).toBe(12);
  const fresh = `${other}.2`;
  expect(await rotateDatabase(path, fresh)).toBe(9);
  await using(path, (store) => store.commit(writes({ tasks: [storedTask(13, { task: [0, 'x', null, { id }] })], ends: [attemptEnd(13)] })));
  await expect(rotateDatabase(path, fresh)).rejects.toThrow(/rotate to a new file/);
  expect(await using(path, (store) => store.numbers({ ids: [id] }))).toEqual([13]);
});

test('a vacuum gives space back to the disk', async () => {
  await using(path, async (store) => {
    const big = new Uint8Array(100_000).fill(1);
    await store.commit(
      writes({ tasks: storedTasks(1, 20), ends: storedTasks(1, 20).map(({ n }) => attemptEnd(n, { extra: { stdout: big } })) }),
    );
    await store.commit(writes({ removed: storedTasks(2, 20).map((task) => task.n) }));
  });
  const size = statSync(path).size;
  expect(await vacuumDatabase(path)).toBeGreaterThan(1_500_000);
  expect(statSync(path).size).toBeLessThan(size - 1_500_000);
  expect(await using(path, (store) => completedNumbers(store))).toEqual([1]);
});

test('a backup is a whole copy for this user only, also beside a server, and writes over nothing', async () => {
  const holder = await openStore(path);
  await holder.recover();
  await fill(holder);
  await backupDatabase(path, other);
  await holder.commit(writes({ ends: [attemptEnd(11)] }));
  expect(statSync(other).mode & 0o777).toBe(0o600);
  await using(other, async (store) => {
    expect(await completedNumbers(store)).toEqual([9, 8, 7, 2, 1, 3, 4, 5, 6, 10]);
    expect(await store.history(2)).toEqual([failed, ended]);
    expect(await store.salt()).toBe(await holder.salt());
  });
  await expect(backupDatabase(path, other)).rejects.toThrow(/exists/);
  await expect(backupDatabase(path, join(path, '..', 'none', 'x.db'))).rejects.toThrow(/no folder/);
  await expect(backupDatabase(`${path}.none`, `${other}.2`)).rejects.toThrow(/does not exist/);
  writeFileSync(`${path}.text`, 'no database at all, and long enough to look at');
  await expect(backupDatabase(`${path}.text`, `${other}.2`)).rejects.toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
  expect(readdirSync(join(path, '..')).filter((name) => /^done\.db\./.test(name) && !/lock$/.test(name))).toEqual([]);
  await holder.commit(writes({ removed: [11] }));
  await holder.close();
});

test('what is for files is refused for a database of PostgreSQL, with the names of its own tools, before anything is opened', async () => {
  const database = 'postgres://worker:secret@127.0.0.1:1/work';
  for (const call of [vacuumDatabase(database), backupDatabase(database, other), rotateDatabase(path, database)]) {
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_OPTION', message: expect.stringMatching(/pg_dump.*autovacuum.*retain/) });
    expect(String(error)).not.toContain('secret');
  }
});
