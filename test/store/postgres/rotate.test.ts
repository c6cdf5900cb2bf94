/** Finished tasks are moved to another schema of the database: each is in exactly one of them, whenever it is looked. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { rotateDatabase } from '../../../src/store/maintain.ts';
import { openStore } from '../../../src/store/open.ts';
import type { TaskStore } from '../../../src/store/store.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../samples.ts';
import { usePostgres } from './database.ts';

vi.setConfig({ testTimeout: 60_000 });
const postgres = usePostgres();

async function using<T>(url: string, call: (store: TaskStore) => Promise<T>): Promise<T> {
  const store = await openStore(url);
  try {
    await store.recover();
    return await call(store);
  } finally {
    await store.close();
  }
}

const numbersOf = async (store: TaskStore): Promise<number[]> => store.numbers({});

/** 1 to 8, the first six of them done; 2 after a first attempt, 7 waits for 5. */
async function fill(store: TaskStore): Promise<void> {
  await store.commit(writes({ clients: [{ n: 1, id: 'client', host: 'here' }], tasks: storedTasks(1, 6) }));
  await store.commit(writes({ tasks: [storedTask(7, { task: [0, 'x', null, { dependsOn: ['of 5'], parents: [5] }] }), storedTask(8)] }));
  await store.commit(writes({ attempts: [attemptEnd(2, { attempt: 1, outcome: 2, exitStatus: 1 })] }));
  for (const n of [3, 1, 2, 4, 5, 6])
    await store.commit(writes({ ends: [attemptEnd(n, { attempt: n === 2 ? 2 : 1, client: 1, extra: { stdout: `of ${n}` } })] }));
}

test('what is done moves with its history up to what an unfinished task depends on, and is opened there as it is here', async () => {
  const [url, other] = [postgres.schema(), postgres.schema()];
  await using(url, fill);
  expect(await rotateDatabase(url, other)).toBe(4);
  await using(url, async (store) => {
    expect(await numbersOf(store)).toEqual([5, 6, 7, 8]);
    expect(await completedNumbers(store)).toEqual([5, 6]);
    // The child is done, so that nothing holds its parent.
    await store.commit(writes({ ends: [attemptEnd(7)] }));
  });
  await using(other, async (store) => {
    expect(await numbersOf(store)).toEqual([1, 2, 3, 4]);
    expect(await completedNumbers(store)).toEqual([3, 1, 2, 4]);
    expect((await store.history(2)).map(({ outcome }) => outcome)).toEqual([2, 1]);
    expect((await store.find({ numbers: [4] }))[0]).toMatchObject({
      client: { id: 'client' },
      end: { extra: { stdout: 'of 4' } },
    });
  });
  expect(await rotateDatabase(url, other)).toBe(3);
  expect(await using(url, numbersOf)).toEqual([8]);
  await using(other, async (store) => {
    expect(await completedNumbers(store)).toEqual([3, 1, 2, 4, 5, 6, 7]);
    expect((await store.recover()).counts.submitted).toBe(7);
    await store.commit(writes({ tasks: [storedTask(9)] }));
  });
});

test('what ended some time ago moves beside the server that holds the queue and goes on; all of it only without one', async () => {
  const [url, other] = [postgres.schema(), postgres.schema()];
  const tasks = 5_000;
  const holder = await openStore(url);
  onTestFinished(() => holder.close());
  await holder.recover();
  await holder.commit(writes({ tasks: storedTasks(1, tasks) }));
  await holder.commit(writes({ ends: storedTasks(1, tasks).map(({ n }) => attemptEnd(n)) }));
  await expect(rotateDatabase(url, other)).rejects.toMatchObject({ code: 'ERR_DATABASE_IN_USE' });
  expect(await rotateDatabase(url, other, 3_600_000)).toBe(0);
  let n = tasks;
  let stop = false;
  const load = (async () => {
    for (; !stop; n++) await holder.commit(writes({ tasks: [storedTask(n + 1)], ends: n > tasks ? [attemptEnd(n)] : [] }));
  })();
  await expect.poll(() => rotateDatabase(url, other, 1), { timeout: 20_000 }).toBeGreaterThanOrEqual(tasks);
  stop = true;
  await load;
  const left = await holder.numbers({});
  const moved = await using(other, numbersOf);
  expect([...moved, ...left]).toEqual(Array.from({ length: n }, (_, i) => i + 1));
  expect(moved.length).toBeGreaterThanOrEqual(tasks);
  expect(left).toContain(n);
  expect(await holder.cursor()).toBe(n - 1);
});

test('a rotation that is cut off at any place leaves each task in one of the schemas, and the next one goes on', async () => {
  const [url, other] = [postgres.schema(), postgres.schema()];
  await using(url, async (store) => {
    await store.commit(writes({ tasks: storedTasks(1, 9_000) }));
    await store.commit(writes({ ends: storedTasks(1, 9_000).map(({ n }) => attemptEnd(n)) }));
  });
  const rotating = rotateDatabase(url, other, 0).catch((error: { code: string }) => error.code);
  const stepped = async (): Promise<boolean> => {
    const rows = await postgres.query(postgres.server.url(), `select to_regclass($1) is not null as there`, [`${schemaOf(other)}.task`]);
    if (rows[0]?.there !== true) return false;
    return Number((await postgres.query(postgres.server.url(), `select count(*) as count from ${schemaOf(other)}.task`))[0]?.count) > 0;
  };
  await expect.poll(stepped, { timeout: 20_000 }).toBe(true);
  await postgres.query(
    postgres.server.url(),
    `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'millrace'`,
  );
  const first = await rotating;
  const there = await using(other, numbersOf);
  expect([...there, ...(await using(url, numbersOf))]).toEqual(Array.from({ length: 9_000 }, (_, i) => i + 1));
  expect(first === 'ERR_DATABASE' || first === 9_000).toBe(true);
  expect(await rotateDatabase(url, other)).toBe(9_000 - there.length);
  expect(await using(other, (store) => completedNumbers(store, 0, 2_000))).toEqual(Array.from({ length: 9_000 }, (_, i) => i + 1));
});

test('a rotation refuses another database, the same schema, a file, tasks of another queue, and an id that was used again', async () => {
  const [url, other] = [postgres.schema(), postgres.schema()];
  const named = storedTask(13, { task: [0, 'x', null, { id: 'mine' }] });
  await using(url, async (store) => store.commit(writes({ tasks: [named], ends: [attemptEnd(13)] })));
  for (const target of [url, await postgres.database(), 'old.db'])
    await expect(rotateDatabase(url, target)).rejects.toMatchObject({ code: 'ERR_OPTION', message: expect.stringMatching(/schema=/) });
  await expect(rotateDatabase(postgres.schema(), other)).rejects.toMatchObject({ code: 'ERR_DATABASE_FOREIGN' });
  await using(other, async () => {});
  await expect(rotateDatabase(url, other)).rejects.toThrow(/tasks of another queue/);
  const fresh = postgres.schema();
  expect(await rotateDatabase(url, fresh)).toBe(1);
  await using(url, async (store) => store.commit(writes({ tasks: [{ ...named, n: 14 }], ends: [attemptEnd(14)] })));
  await expect(rotateDatabase(url, fresh)).rejects.toThrow(/rotate to a new schema/);
  expect(await using(url, numbersOf)).toEqual([14]);
});

function schemaOf(url: string): string {
  return new URL(url).searchParams.get('schema') ?? '';
}
