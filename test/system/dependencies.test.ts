import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { connect, openTasks, submitFrom, type TaskInput, type TaskResult } from '../../dist/index.js';
import { until } from '../support/until.ts';
import { codeOf, collect, isAlive, pidsIn, runAll, startClient, startPair, startServer } from './rig.ts';

const id = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('tasks run after those that they depend on, in chains and fans', async () => {
  const folder = temporary();
  const line = (n: number): string => `echo ${n} >> ${join(folder, 'order')}`;
  const source: TaskInput[] = [
    { id: id(1), args: `sleep 0.1; ${line(1)}` },
    { id: id(2), args: line(2), dependsOn: [id(1)] },
    { id: id(3), args: `sleep 0.05; ${line(3)}`, dependsOn: [id(1)] },
    { id: id(4), args: line(4), dependsOn: [id(2), id(3)] },
  ];
  const { summary } = await runAll(source, { numTasks: 4 });
  expect(summary).toMatchObject({ submitted: 4, succeeded: 4 });
  const order = pidsIn(join(folder, 'order'));
  expect([order[0], order[3], [...order].sort()]).toEqual([1, 4, [1, 2, 3, 4]]);
});

it('a failed parent ends its children at once as rejected, those of their children too, unless they are to run all the same', async () => {
  const { summary, results } = await runAll([
    { id: id(1), args: 'false' },
    { id: id(2), args: 'echo never', dependsOn: [id(1)] },
    { id: id(3), args: 'echo never', dependsOn: [id(2)] },
    { id: id(4), args: 'echo cleanup', dependsOn: [id(1)], dependencyFailure: 'run' },
  ]);
  expect(summary).toMatchObject({ failed: 1, rejected: 2, succeeded: 1 });
  const rejected = results.filter(({ outcome }) => outcome === 'rejected');
  expect(rejected.map(({ error }) => error?.code)).toEqual(['ERR_DEPENDENCY', 'ERR_DEPENDENCY']);
  expect(rejected.map(({ error }) => error?.message)).toEqual([
    `it depends on task ${id(1)}, which failed`,
    `it depends on task ${id(2)}, which was rejected`,
  ]);
});

it('a task may depend on ids that a server gave, in a file too, also when it is submitted to the file itself', async () => {
  const database = join(temporary(), 'tasks.db');
  const { server } = await startPair({ database });
  const { ids } = await server.submit(['echo first', 'false']);
  const [first = '', second = ''] = ids ?? [];
  await until(async () => (await server.progress()).pending === 0);
  expect((await server.run({ args: 'echo after', dependsOn: [first] })).outcome).toBe('succeeded');
  expect((await server.run({ args: 'echo after', dependsOn: [second] })).outcome).toBe('rejected');
  expect((await server.run({ args: 'echo after', dependsOn: [id(77)] })).error).toMatchObject({ code: 'ERR_DEPENDENCY' });
  await server.stop();
  const receipt = await submitFrom(
    [
      { args: 'echo offline', dependsOn: [first], id: id(5) },
      { args: 'echo offline', dependsOn: [id(5)] },
      { args: 'echo never', dependsOn: [second] },
      { args: 'echo never', dependsOn: [id(78)] },
    ],
    { database },
  );
  expect(receipt).toMatchObject({ submitted: 4, rejected: 1 });
  const again = await startServer({ database, restartMode: true, continueOnFailure: true });
  await startClient(again);
  expect(await again.join(20)).toMatchObject({ succeeded: 2, rejected: 1 });
});

it('explain names the parents that a task waits for, and the moment', async () => {
  const { server } = await startPair({ maxRetries: 1, backoff: 60 });
  await server.submit([
    { id: id(1), args: 'sleep 60' },
    { id: id(2), args: 'true', dependsOn: [id(1)] },
    { id: id(3), args: 'true', startAfter: 60 },
    { id: id(4), args: 'true', cron: '0 3 * * *', timezone: 'UTC' },
  ]);
  const why = async (n: number): Promise<string> => (await server.tasks.explain(id(n))).reasons.join();
  expect(await why(2)).toContain(`waits for the end of task ${id(1)}`);
  expect(await why(3)).toMatch(/starts in [56].{4} ms .*startAfter/);
  expect(await why(4)).toMatch(/"0 3 \* \* \*" matches next at 20..-..-..T03:00:00/);
  await server.cancel([id(1)]);
  expect(await why(2)).toMatch(/ended: rejected .*was cancelled/);
  await server.submit([{ id: id(5), args: 'false' }]);
  await until(async () => (await why(5)).includes('attempt 1 failed; it backs off for'));
});

it('a repeating task runs again and again, submitted twice it is one series, and cancel ends it', async () => {
  const folder = temporary();
  const { server } = await startPair({ database: join(folder, 'tasks.db') });
  const task = { args: `echo 1 >> ${join(folder, 'runs')}`, cron: '* * * * * *', key: 'every second' };
  await server.submit([task]);
  await until(() => pidsIn(join(folder, 'runs')).length >= 2, 'two runs', 10_000);
  expect(await server.submit([task])).toMatchObject({ submitted: 0, duplicates: 1 });
  expect((await server.progress()).pending).toBe(1);
  expect(await server.cancel({})).toBe(1);
  expect((await server.progress()).pending).toBe(0);
});

it('tags of tasks change in any state, and the next attempt sees them', async () => {
  const folder = temporary();
  const { server } = await startPair({ maxRetries: 1 });
  const args = `echo "$TASK_TAG_SITE" >> ${join(folder, 'seen')}; echo $$ > ${join(folder, 'up')}; until [ -e ${join(folder, 'go')} ]; do sleep 0.01; done; [ "$TASK_TAG_SITE" = south ]`;
  const running = server.run({ id: id(1), args, tags: { site: 'north' } });
  await until(() => pidsIn(join(folder, 'up')).length > 0);
  expect(await server.tasks.update([id(1)], { tags: { site: 'south' } })).toBe(1);
  writeFileSync(join(folder, 'go'), '');
  expect(await running).toMatchObject({ outcome: 'succeeded', attempt: 2, tags: { site: 'south' } });
  expect(await server.tasks.update({}, { removeTags: ['site'] })).toBe(1);
  expect((await server.tasks.get(id(1)))?.tags).toEqual({});
});

it('revert, requeue and delete work from another process, on what runs and on what has ended', async () => {
  const folder = temporary();
  const auth = 'a key of the tests';
  const { server } = await startPair({ auth }, { auth });
  const connection = await connect(server.address, { auth });
  onTestFinished(() => connection.close());
  const pids = join(folder, 'pids');
  await server.submit([{ id: id(1), args: `echo $$ >> ${pids}; exec sleep 100` }]);
  await until(() => pidsIn(pids).length === 1);
  expect(await connection.tasks.revert([id(1)])).toBe(1);
  await until(() => pidsIn(pids).length === 2);
  const [first = 0, second = 0] = pidsIn(pids);
  await until(() => !isAlive(first));
  expect(await connection.tasks.delete([id(1)])).toBe(1);
  await until(() => !isAlive(second));
  expect(await connection.tasks.get(id(1))).toBeNull();
  const results: TaskResult[] = [await server.run({ id: id(2), args: `test -e ${join(folder, 'there')}` })];
  appendFileSync(join(folder, 'there'), '');
  expect(await connection.tasks.requeue({ outcome: 'failed' })).toBe(1);
  await until(async () => (await connection.tasks.get(id(2)))?.outcome === 'succeeded');
  expect(results[0]?.outcome).toBe('failed');
  expect((await connection.tasks.history(id(2))).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
    [1, 'failed'],
    [2, 'succeeded'],
  ]);
  const { submitted, succeeded, failed, cancelled, pending } = await connection.progress();
  expect(submitted).toBe(succeeded + failed + cancelled + pending);
});

it('20,000 tasks are cancelled, reverted and deleted in stretches, with others served in between', async () => {
  const server = await startServer({ database: join(temporary(), 'tasks.db'), foreverMode: true });
  const many = 20_000;
  await server.submit(Array.from({ length: many }, (_, i) => `true ${i}`));
  for (const [how, call] of [
    ['cancel', () => server.cancel({})],
    ['revert', () => server.tasks.revert({})],
    ['update', () => server.tasks.update({}, { tags: { seen: true } })],
    ['delete', () => server.tasks.delete({})],
  ] as const) {
    let longest = 0;
    let over = false;
    const asking = until(
      async () => {
        const begun = performance.now();
        await server.progress();
        longest = Math.max(longest, performance.now() - begun);
        return over;
      },
      `${how} to be over`,
      60_000,
    );
    const begun = performance.now();
    expect(await call(), how).toBe(many);
    over = true;
    await asking;
    console.log(`${how} of ${many}: ${Math.round(performance.now() - begun)} ms, others waited ${Math.round(longest)} ms at most`);
    expect(longest, how).toBeLessThan(1_000);
  }
  expect(await server.progress()).toMatchObject({ pending: 0 });
  expect(await server.tasks.count({})).toBe(0);
}, 60_000);

it('a client is not to tell of starts with noConfirm, and its results come all the same', async () => {
  const { server } = await startPair({ noConfirm: true });
  const started: unknown[] = [];
  server.on('started', (list) => started.push(...list));
  await server.progress();
  const result = await server.run('sleep 0.05');
  expect(result).toMatchObject({ outcome: 'succeeded' });
  expect(result.waitedMs).toBeGreaterThanOrEqual(0);
  expect(started).toEqual([]);
});

it('a file keeps no more finished tasks than retain says, while the server runs', async () => {
  const database = join(temporary(), 'tasks.db');
  const { server } = await startPair({ database, retain: { count: 50 } }, { numTasks: 2 });
  await server.submit(Array.from({ length: 400 }, (_, i) => `true ${i}`));
  await until(async () => (await server.progress()).pending === 0, 'all to end', 20_000);
  await until(async () => (await server.tasks.count({})) === 50, 'old ones to be forgotten', 10_000);
  expect(await server.progress()).toMatchObject({ submitted: 400, succeeded: 400 });
});

it('a failed group is remembered by the file, and mended by a requeue', async () => {
  const database = join(temporary(), 'tasks.db');
  const there = join(temporary(), 'there');
  const source: TaskInput[] = [
    { id: id(1), args: `test -e ${there}` },
    { args: 'true', group: 1 },
  ];
  const first = await startServer({ database, source });
  await startClient(first);
  expect(await codeOf(() => first.join(20))).toBe('ERR_GROUP_FAILED');
  const second = await startServer({ database, restartMode: true });
  expect(await codeOf(() => second.join(20))).toBe('ERR_GROUP_FAILED');
  writeFileSync(there, '');
  const third = await startServer({ database, foreverMode: true });
  await startClient(third);
  await until(async () => (await collect(third.tasks.find({ state: 'ready' }))).length === 1);
  expect(await third.tasks.requeue([id(1)])).toBe(1);
  await until(async () => (await third.progress()).pending === 0);
  await third.stop();
  await using tasks = await openTasks(database);
  expect((await collect(tasks.find())).map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
});
