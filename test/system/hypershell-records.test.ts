/** What HyperShell keeps in columns and says of a run: the record of a task, the rate, the time that is left; and a file that is emptied. */
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openTasks, type ServerThread } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, runAll, startPair } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

/** All tasks of the server have ended, and its store knows it. */
async function settled(server: ServerThread): Promise<void> {
  await until(async () => (await server.tasks.count({ where: 'state != done' })) === 0, 'the tasks to end', 20_000);
}

it('a record has what is known of a task: its demands, who ran it, when, how often, how long and how it ended', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const { server, client } = await startPair({ database, maxRetries: 1 }, { template: '{}; true', cores: 2 });
  const began = Date.now();
  const args = '[ "$TASK_ATTEMPT" = 2 ] || exit 5; sleep 0.1';
  const { ids } = await server.submit([
    { args, cores: 2, memory: '1MB', timeout: 30, priority: 4, group: 3, tags: { site: 'north' } },
    'true',
  ]);
  await settled(server);
  const id = ids?.[0] ?? '';
  const expected = {
    id,
    kind: 'shell',
    args,
    command: `${args}; true`,
    group: 3,
    priority: 4,
    cores: 2,
    memory: 2 ** 20,
    timeoutMs: 30_000,
    tags: { site: 'north' },
    state: 'done',
    outcome: 'succeeded',
    exitStatus: 0,
    signal: null,
    attempt: 2,
    clientId: client.id,
    clientHost: expect.stringMatching(/./),
    slot: 0,
  };
  const [other] = await collect(server.tasks.find({ where: 'group == 0' }));
  for (const name of ['cores', 'memory', 'timeoutMs', 'priority']) expect(other).not.toHaveProperty(name);
  await server.stop();
  await using tasks = await openTasks(database);
  const record = await tasks.get(id);
  expect(record).toMatchObject(expected);
  const { submittedAt = 0, startedAt = 0, completedAt = 0, waitedMs = -1, durationMs = 0 } = record ?? {};
  expect([began <= submittedAt + 50, submittedAt <= (startedAt ?? 0) + 50, (startedAt ?? 0) <= completedAt]).toEqual([true, true, true]);
  expect(waitedMs).toBeGreaterThanOrEqual(0);
  expect(Number.isInteger(durationMs)).toBe(false);
  expect(durationMs).toBeGreaterThanOrEqual(95);
  expect((await tasks.history(id)).map(({ attempt, exitStatus }) => [attempt, exitStatus])).toEqual([
    [1, 5],
    [2, 0],
  ]);
  const out = join(temporaryFolder(), 'tasks.jsonl');
  await tasks.export(out, {
    format: 'jsonl',
    query: { where: 'timeoutMs == 30000' },
    fields: ['cores', 'memory', 'timeoutMs', 'priority'],
  });
  expect(await runAll([`cat ${out}`]).then(({ results }) => JSON.parse(String(results[0]?.stdout)) as unknown)).toEqual({
    cores: 2,
    memory: 2 ** 20,
    timeoutMs: 30_000,
    priority: 4,
  });
});

it('progress() tells the rate and the time that is left', async () => {
  const { server } = await startPair({}, { numTasks: 2 });
  expect(await server.progress()).toMatchObject({ tasksPerSecond: 0, etaMs: 0 });
  await server.submit(Array.from({ length: 200 }, () => 'sleep 0.02'));
  const sample = async (): Promise<{ tasksPerSecond: number; etaMs: number | null; succeeded: number }> => server.progress();
  const { tasksPerSecond, etaMs } = (await until(async () => {
    const now = await sample();
    return now.succeeded > 50 ? now : null;
  })) as Awaited<ReturnType<typeof sample>>;
  expect(tasksPerSecond).toBeGreaterThan(1);
  expect(etaMs).toBeGreaterThan(0);
  expect(etaMs).toBeLessThan(60_000);
  await settled(server);
  expect((await sample()).etaMs).toBe(0);
});

it('delete({}) empties a file, which serves on', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const { summary } = await runAll(['true', 'false'], { database });
  expect(summary.submitted).toBe(2);
  {
    await using tasks = await openTasks(database);
    expect(await tasks.delete({})).toBe(2);
    expect([await tasks.count(), await collect(tasks.find())]).toEqual([0, []]);
  }
  expect((await runAll(['true'], { database })).summary).toMatchObject({ succeeded: 1, pending: 0 });
});
