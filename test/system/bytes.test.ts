/** What is large: many large results, one that is larger than a message, a task that is, a host that lets bytes lie. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { readValue, type TaskResult } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, functions, runAll, standstill, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const size = 900_000;
const large = `head -c ${size} /dev/zero | tr '\\0' x`;
const lengths = (results: readonly { stdout?: Buffer }[]): number[] => results.map(({ stdout }) => stdout?.length ?? -1);

for (const kind of ['memory', 'SQLite'] as const) {
  it(`40 results of 900 kB each come by results(), onResult, completed and tasks.find() (${kind})`, async () => {
    const told: TaskResult[] = [];
    const completed: TaskResult[] = [];
    const database = kind === 'memory' ? {} : { database: join(temporaryFolder(), 'tasks.db') };
    const server = await startServer({ foreverMode: true, onResult: (result) => void told.push(result), ...database });
    server.on('completed', (results) => void completed.push(...results));
    const first = server.results();
    await server.submit(Array.from({ length: 40 }, () => large));
    await startClient(server, { numTasks: 2, bundlesize: 40, bundlewait: 5 });
    const read: TaskResult[] = [];
    for await (const result of first) if (read.push(result) === 40) break;
    await until(() => told.length === 40 && completed.length === 40, 'every result to be told', 30_000);
    // All lie in the store now: one page could hold them all.
    const expected = new Array<number>(40).fill(size);
    expect([lengths(read), lengths(told), lengths(completed)]).toEqual([expected, expected, expected]);
    expect(new Set(read.map(({ id }) => id)).size).toBe(40);
    const found = await collect(server.tasks.find());
    expect(lengths(found)).toEqual(expected);
    expect(lengths(await collect(server.tasks.find({ limit: 23 })))).toEqual(expected.slice(0, 23));
    const ids = found.map(({ id }) => id);
    expect((await collect(server.tasks.find({ desc: true }))).map(({ id }) => id)).toEqual([...ids].reverse());
    const ordered = await collect(server.tasks.find({ orderBy: 'completedAt', desc: true, limit: 30 }));
    const times = ordered.map(({ completedAt }) => completedAt ?? 0);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(lengths(ordered)).toEqual(expected.slice(0, 30));
  });
}

it('results() that is read when 40 results of 900 kB lie there gives every one once', async () => {
  const server = await startServer({ source: Array.from({ length: 40 }, () => large) });
  const results = server.results();
  await startClient(server, { numTasks: 2 });
  expect(await server.join(30)).toMatchObject({ succeeded: 40 });
  const read = await collect(results);
  expect(lengths(read)).toEqual(new Array<number>(40).fill(size));
  expect(new Set(read.map(({ id }) => id)).size).toBe(40);
});

it('the history of 20 attempts of 900 kB each is whole', async () => {
  const { server } = await startPair({ maxRetries: 19 });
  const { id } = await server.run(`${large}; exit 1`);
  const attempts = await server.tasks.history(id);
  expect(attempts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(lengths(attempts)).toEqual(new Array<number>(20).fill(size));
});

it('a value larger than a message stays in a file', async () => {
  const call = (bytes: number): object => ({ module: functions, name: 'text', args: [bytes] });
  const { summary, results } = await runAll([call(20_000_000), call(13_000_000), 'echo after'] as never, { valueLimit: '14MiB' });
  expect(summary).toMatchObject({ submitted: 3, succeeded: 3 });
  expect(results[0]).toMatchObject({ outcome: 'succeeded', value: undefined, valuePath: expect.any(String) });
  const path = results[0]?.valuePath ?? '';
  onTestFinished(() => rmSync(dirname(path), { recursive: true }));
  expect(String(await readValue(path))).toHaveLength(20_000_000);
  expect(String(results[1]?.value)).toHaveLength(13_000_000);
  expect(results[2]?.stdout.toString()).toBe('after\n');
});

it('both streams at the largest captureLimit come with their task', async () => {
  const line = 'head -c 7340032 /dev/zero | tr "\\0" a; head -c 7340032 /dev/zero | tr "\\0" b >&2';
  const { results } = await runAll([line], { captureLimit: '7MiB' });
  expect(results[0]).toMatchObject({ outcome: 'succeeded' });
  // The command line travels too: it is taken off the end of the output.
  expect(results[0]!.stdout.length + results[0]!.stderr.length).toBeGreaterThan(14_679_000);
});

it('a task larger than a message is rejected alone, or named by its line where strict', async () => {
  const huge = { args: 'wc -c', stdin: 'x'.repeat(20_000_000) };
  const fits = { args: 'wc -c', stdin: 'x'.repeat(14_000_000) };
  const { summary, results } = await runAll(['echo 1', huge, fits, fits]);
  expect(summary).toMatchObject({ submitted: 4, succeeded: 3, rejected: 1 });
  expect(results.map(({ outcome }) => outcome)).toEqual(['succeeded', 'rejected', 'succeeded', 'succeeded']);
  expect(results[1]?.error).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE', message: expect.stringContaining('line 2') });
  expect(results[3]?.stdout.toString().trim()).toBe('14000000');
  const server = await startServer({ foreverMode: true });
  expect(await codeOf(() => server.submit(['echo 1', huge], { strict: true }))).toBe('ERR_FRAME_TOO_LARGE');
  expect(await codeOf(() => server.run(huge))).toBe('ERR_FRAME_TOO_LARGE');
});

it('a slow onResult of large results holds the run at 16 MiB unread, long before thousands of results', async () => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const count = 120;
  const server = await startServer({ source: Array.from({ length: count }, () => large), onResult: () => held });
  // Little ahead: what is leased when the run is held still ends.
  await startClient(server, { numTasks: 2, prefetch: 0 });
  const last = await standstill(server, 30_000);
  // 18 results are 16 MiB.
  expect(last).toBeGreaterThanOrEqual(18);
  expect(last).toBeLessThan(18 + 12);
  release();
  expect(await server.join(30)).toMatchObject({ submitted: count, succeeded: count });
});
