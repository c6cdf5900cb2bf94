/** What a host learns of its run: results, events, progress, clients, task data. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { runLocal, type TaskResult } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, functions, runAll, standstill, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `echo ${i}`);
const numbersOf = (results: readonly TaskResult[]): number[] => results.map(({ stdout }) => Number(stdout)).sort((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

for (const kind of ['memory', 'SQLite'] as const) {
  const options = (): { database?: string } => (kind === 'memory' ? {} : { database: join(temporaryFolder(), 'tasks.db') });

  it(`results() that was opened first gives every result while the run goes on (${kind})`, async () => {
    const server = await startServer({ source: lines(1_500), ...options() });
    const reading = collect(server.results());
    await startClient(server, { numTasks: 2 });
    expect(numbersOf(await reading)).toEqual(upTo(1_500));
    expect(await server.join(10)).toMatchObject({ succeeded: 1_500 });
  });

  it(`results() that was opened first gives every result also when it is read after join() (${kind})`, async () => {
    const server = await startServer({ source: lines(1_200), ...options() });
    const results = server.results();
    await startClient(server, { numTasks: 2 });
    expect(await server.join(20)).toMatchObject({ succeeded: 1_200 });
    expect(numbersOf(await collect(results))).toEqual(upTo(1_200));
  });
}

it('onResult misses nothing of a server that has read its file before this thread hears that it stands', async () => {
  const path = join(temporaryFolder(), 'tasks.jsonl');
  writeFileSync(path, '[1]\n[2]\n');
  const results: TaskResult[] = [];
  const starting = startServer({ source: path, onResult: (result) => void results.push(result) });
  await new Promise(setImmediate);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  expect(await (await starting).join(10)).toMatchObject({ submitted: 2, rejected: 2 });
  expect(results.map(({ outcome }) => outcome)).toEqual(['rejected', 'rejected']);
});

it('results() refuses what it does not know', async () => {
  const server = await startServer();
  const given = async (options: unknown): Promise<unknown> => server.results(options as never);
  expect(await codeOf(() => given({ ordre: 'input' }))).toBe('ERR_UNKNOWN_OPTION');
  expect(await codeOf(() => given({ order: 'inputs' }))).toBe('ERR_OPTION');
  expect(await codeOf(() => given(null))).toBe('ERR_OPTION');
});

it('a reader that leaves early holds up neither the run nor the end', async () => {
  const server = await startServer({ source: lines(600) });
  const results = server.results();
  await startClient(server, { numTasks: 2 });
  const seen: TaskResult[] = [];
  for await (const result of results) {
    seen.push(result);
    if (seen.length === 3) break;
  }
  expect(await server.join(20)).toMatchObject({ succeeded: 600 });
  expect(seen).toHaveLength(3);
});

it('onResult is called once per result, one at a time, and join() waits for the last call', async () => {
  let open = 0;
  let most = 0;
  const seen: TaskResult[] = [];
  const summary = await runLocal(lines(200), {
    numTasks: 4,
    async onResult(result) {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      seen.push(result);
    },
  });
  expect([summary.succeeded, seen.length, most]).toEqual([200, 200, 1]);
  expect(numbersOf(seen)).toEqual(upTo(200));
});

it('a slow onResult holds the run at 4,096 unread results', async () => {
  const count = 12_000;
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const add = { module: functions, name: 'add', args: [1, 2] };
  const server = await startServer({ source: Array.from({ length: count }, () => add), onResult: () => held });
  // Little ahead: what is leased when the run is held still ends.
  await startClient(server, { numTasks: 2, prefetch: 0.05 });
  // It grows until the host is full, then it stands still.
  const last = await standstill(server, 15_000);
  expect(last).toBeGreaterThan(4_096);
  expect(last).toBeLessThan(4_096 + 2_048);
  release();
  expect(await server.join(20)).toMatchObject({ submitted: count, succeeded: count });
});

it('an onResult that throws stops the server with that error', async () => {
  const mine = new Error('no more, please');
  const run = runLocal(lines(2_000), {
    onResult() {
      throw mine;
    },
  });
  await expect(run).rejects.toBe(mine);
});

it('events of tasks come in lists, each task once, in the order of its life', async () => {
  const server = await startServer({ foreverMode: true, maxRetries: 1 });
  const story: [string, string, number][] = [];
  for (const name of ['submitted', 'scheduled', 'started', 'retried'] as const) {
    server.on(name, (tasks) => {
      expect(Array.isArray(tasks)).toBe(true);
      for (const { id, attempt } of tasks) story.push([name, id, attempt]);
    });
  }
  server.on('completed', (results) => {
    for (const { id, attempt, stdout } of results) story.push([`completed ${stdout}`, id, attempt]);
  });
  const joined: string[] = [];
  const left: string[] = [];
  server.on('clientJoined', ({ id }) => void joined.push(id));
  server.on('clientLeft', ({ id }) => void left.push(id));
  const client = await startClient(server);
  const id = '01a2021c-3156-75b2-b0a6-0c0000000001';
  await server.run({ id, args: 'printf done; [ $TASK_ATTEMPT = 2 ]' });
  await until(() => story.some(([name]) => name === 'completed done'));
  expect(story.every(([, other]) => other === id)).toBe(true);
  expect(story.map(([name]) => name)).toEqual(['submitted', 'scheduled', 'started', 'retried', 'scheduled', 'started', 'completed done']);
  expect(joined).toEqual([client.id]);
  await client.stop();
  await until(() => left.length === 1);
  expect(left).toEqual([client.id]);
});

it('progress() counts by state and outcome, and says what clients and slots there are', async () => {
  const { server, client } = await startPair({}, { numTasks: 2, tags: { rack: 'a' } });
  await server.submit([
    ...lines(4),
    'exit 1',
    'sleep 600',
    'sleep 600',
    'sleep 600',
    { args: 'true', startAfter: 3_600 },
    { args: 'true', group: 1 },
  ]);
  // Both of one answer: of two, the first may count the fifth as running, and the second be told before the next has begun.
  let progress = await server.progress();
  await until(async () => {
    progress = await server.progress();
    return progress.running === 2 && progress.pending === 5;
  });
  expect(progress).toMatchObject({ submitted: 10, succeeded: 4, failed: 1, pending: 5, running: 2, clients: 1, slots: 2 });
  expect(progress.waiting + progress.ready + progress.leased + progress.running).toBe(5);
  const [info] = await server.clients();
  expect(info).toMatchObject({ id: client.id, connected: true, slots: 2, running: 2, tags: { rack: 'a' } });
  const told = new Promise((resolve) => server.once('progress', resolve));
  expect(await told).toMatchObject({ submitted: 10, running: 2 });
});

it('tasks.find() and count() answer by state, outcome, group, tags and order', async () => {
  const { server } = await startPair();
  await server.submit([
    { args: 'echo a', tags: { part: 1, odd: true } },
    { args: 'echo b', tags: { part: 2 } },
    { args: 'exit 1', tags: { part: 3, odd: true } },
    { args: 'true', group: 4, startAfter: 3_600, tags: { part: 4 } },
  ]);
  await until(async () => (await server.tasks.count({ state: 'done' })) === 3);
  const found = async (query: object) => (await collect(server.tasks.find(query))).map(({ tags }) => tags.part);
  expect(await found({})).toEqual([1, 2, 3, 4]);
  expect(await found({ tags: { odd: true } })).toEqual([1, 3]);
  expect(await found({ outcome: 'succeeded' })).toEqual([1, 2]);
  expect(await found({ state: 'waiting' })).toEqual([4]);
  expect(await found({ group: 4 })).toEqual([4]);
  expect(await found({ orderBy: 'submittedAt', desc: true, limit: 2 })).toHaveLength(2);
  expect(await server.tasks.count({ tags: ['part'] })).toBe(4);
  expect(await codeOf(() => server.tasks.count({ grup: 1 } as never))).toBe('ERR_QUERY');
  expect(await server.tasks.get('018f0000-0000-7000-8000-00000000ffff')).toBeNull();
  for (const ask of ['get', 'history', 'explain'] as const) expect(await codeOf(() => server.tasks[ask]('nonsense'))).toBe('ERR_QUERY');
});

it('the memory store keeps as many finished tasks as it is told, and counts them all', async () => {
  const { server } = await startPair({ retain: { count: 20 } }, { numTasks: 2 });
  await server.submit(lines(300));
  await until(async () => (await server.progress()).succeeded === 300);
  expect(await server.tasks.count()).toBeLessThanOrEqual(20 + 256);
  expect(await server.progress()).toMatchObject({ submitted: 300, succeeded: 300, pending: 0 });
});

it('a run whose last result is read while its end is committed ends all the same', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  // Which of the two comes first is chance.
  for (let run = 1; run <= 15; run++) {
    const { summary, results } = await runAll(['true'], { database, numTasks: 1 });
    expect([summary.succeeded, summary.pending, results.length], `run ${run}`).toEqual([1, 0, 1]);
  }
});
