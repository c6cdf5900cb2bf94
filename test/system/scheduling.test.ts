/** What runs when: groups, priorities, retries, and the cores, memory and named resources of a client. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openTasks } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, failureOf, pidsIn, runAll, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

it('groups are phases: a group starts when all lower ones have ended', async () => {
  const order = join(temporaryFolder(), 'order');
  const { summary } = await runAll(
    [
      { args: `echo 3 >> ${order}`, group: 2 },
      { args: `echo 2 >> ${order}`, group: 1 },
      ...Array.from({ length: 6 }, () => ({ args: `sleep 0.05; echo 1 >> ${order}` })),
      { args: `echo 2 >> ${order}`, group: 1 },
    ],
    { numTasks: 4 },
  );
  expect(summary).toMatchObject({ submitted: 9, succeeded: 9 });
  expect(pidsIn(order)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 3]);
});

it('a task that failed for good ends the run with its group named, and later groups never start', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const source = ['true', { args: 'exit 1', group: 1 }, { args: 'true', group: 2 }, { args: 'true', group: 2 }];
  const { error } = await failureOf(() => runAll(source, { database }));
  expect(error).toMatchObject({ code: 'ERR_GROUP_FAILED', message: expect.stringContaining('1') });
  expect(error.details.summary).toMatchObject({ submitted: 4, succeeded: 1, failed: 1 });
  await using tasks = await openTasks(database);
  expect(await tasks.count({ group: 2, outcome: 'succeeded' })).toBe(0);
  expect((await runAll(source, { continueOnFailure: true })).summary).toMatchObject({ succeeded: 3, failed: 1 });
});

it('of what is ready the higher priority runs first, and equal ones in their order', async () => {
  const order = join(temporaryFolder(), 'order');
  const line = (n: number) => `echo ${n} >> ${order}`;
  await runAll(
    [{ args: line(1), priority: 9 }, { args: line(5), priority: -1 }, { args: line(3) }, { args: line(2), priority: 5 }, { args: line(4) }],
    { numTasks: 1 },
  );
  expect(pidsIn(order)).toEqual([1, 2, 3, 4, 5]);
});

it('a failed task is tried again as often as it may, and its history has every attempt', async () => {
  const { server, client } = await startPair({ maxRetries: 3 });
  const result = await server.run('echo "attempt $TASK_ATTEMPT"; [ "$TASK_ATTEMPT" = 3 ]');
  expect(result).toMatchObject({ outcome: 'succeeded', attempt: 3, stdout: Buffer.from('attempt 3\n') });
  const history = await server.tasks.history(result.id);
  expect(history.map(({ attempt, outcome, exitStatus }) => [attempt, outcome, exitStatus])).toEqual([
    [1, 'failed', 1],
    [2, 'failed', 1],
    [3, 'succeeded', 0],
  ]);
  expect(history.map(({ clientId, clientHost }) => [clientId, clientHost])).toEqual(history.map(() => [client.id, result.clientHost]));
  expect(await server.run('exit 7')).toMatchObject({ outcome: 'failed', attempt: 4, exitStatus: 7 });
  expect(await server.run({ args: 'exit 8', maxRetries: 0 })).toMatchObject({ outcome: 'failed', attempt: 1 });
  expect(await server.progress()).toMatchObject({ retried: 5, succeeded: 1, failed: 2 });
});

it('a retry waits for its back-off', async () => {
  const { server } = await startPair();
  const begun = performance.now();
  const result = await server.run({ args: '[ "$TASK_ATTEMPT" = 3 ]', maxRetries: 2, backoff: { delay: '150ms', factor: 2 } });
  expect(result).toMatchObject({ outcome: 'succeeded', attempt: 3 });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(445);
});

it('failed tasks are retried after new ones, with eager before them', async () => {
  const source = ['[ $TASK_ATTEMPT = 2 ]', ...Array.from({ length: 300 }, (_, i) => `: ${i}`)];
  for (const eager of [false, true]) {
    const seen: string[] = [];
    const { summary } = await runAll(source, { numTasks: 1, maxRetries: 1, eager, onResult: ({ args }) => void seen.push(args) });
    expect(summary).toMatchObject({ succeeded: 301, retried: 1 });
    const place = seen.indexOf('[ $TASK_ATTEMPT = 2 ]');
    if (eager) expect(place).toBeLessThan(300);
    else expect(place).toBe(300);
  }
});

it('tasks never use more cores, memory or named resources together than their client has', async () => {
  const folder = temporaryFolder();
  // Each task counts those that run with it by the folders that exist.
  const counting = (kind: string) =>
    `mkdir ${folder}/${kind}.$TASK_ID; ls -d ${folder}/${kind}.* | wc -l >> ${folder}/${kind}; sleep 0.05; rmdir ${folder}/${kind}.$TASK_ID`;
  const make = (kind: string, needs: object) => Array.from({ length: 6 }, () => ({ args: counting(kind), ...needs }));
  const source = [...make('cores', { cores: 2 }), ...make('memory', { memory: '3GB' }), ...make('gpu', { resources: { gpu: 1 } })];
  const { summary } = await runAll(source, { numTasks: 8, cores: 4, memory: '4GB', resources: { gpu: 3 } });
  expect(summary).toMatchObject({ submitted: 18, succeeded: 18 });
  expect(Math.max(...pidsIn(join(folder, 'cores')))).toBe(2);
  expect(Math.max(...pidsIn(join(folder, 'memory')))).toBe(1);
  expect(Math.max(...pidsIn(join(folder, 'gpu')))).toBeLessThanOrEqual(3);
  expect(Math.max(...pidsIn(join(folder, 'gpu')))).toBeGreaterThan(1);
});

it('a task that no client can hold waits with the reason, and runs when one comes that can', async () => {
  const { server } = await startPair({}, { cores: 1 });
  const { ids } = await server.submit([{ args: 'echo big', cores: 3, resources: { gpu: 1 } }]);
  const id = ids?.[0] ?? '';
  const { reasons } = await server.tasks.explain(id);
  expect(reasons.join()).toMatch(/3 cores.*1 gpu.*no connected client/);
  expect((await server.run('echo small')).outcome).toBe('succeeded');
  const large = await startClient(server, { cores: 4, resources: { gpu: 1 } });
  await until(async () => (await server.tasks.get(id))?.state === 'done');
  expect(await server.tasks.get(id)).toMatchObject({ outcome: 'succeeded', clientId: large.id });
});

it('explain says why a task does not run: no client, a pause, its group, and that it ended', async () => {
  const server = await startServer({ foreverMode: true });
  const gate = join(temporaryFolder(), 'gate');
  const { ids } = await server.submit([`until [ -e ${gate} ]; do sleep 0.02; done`, { args: 'true', group: 1 }]);
  const [first = '', second = ''] = ids ?? [];
  const why = async (id: string) => (await server.tasks.explain(id)).reasons.join();
  expect(await why(first)).toMatch(/no client is connected/);
  expect(await why(second)).toMatch(/group 0 has not ended/);
  await server.pause();
  expect(await why(first)).toMatch(/paused/);
  await server.resume();
  const client = await startClient(server);
  await until(async () => (await why(first)).includes(`runs on client ${client.id}`));
  writeFileSync(gate, '');
  await until(async () => (await why(second)).includes('ended: succeeded'));
  expect(await codeOf(() => server.tasks.explain('018f0000-0000-7000-8000-00000000ffff'))).toBe('ERR_NOT_FOUND');
});

it('ratelimit bounds the starts per second of a client', async () => {
  const begun = performance.now();
  const { summary } = await runAll(
    Array.from({ length: 12 }, () => 'true'),
    { ratelimit: 20, numTasks: 1 },
  );
  expect(summary.succeeded).toBe(12);
  // 11 waits of 50 ms, and none that is longer.
  expect(performance.now() - begun).toBeGreaterThan(540);
  expect(summary.durationMs).toBeLessThan(5_000);
});
