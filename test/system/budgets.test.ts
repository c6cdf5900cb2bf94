/** What a client may use: its cores and its time; and what it tells. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runClient, type TaskResult } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, runAll, startClient, startPair, startProgram, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

/** The most cores that ran at once, from start and end times; the clocks of both are a millisecond apart at most. */
function mostCores(results: readonly TaskResult[]): number {
  const changes = results.flatMap(({ tags, startedAt, durationMs }) => {
    const cores = Number(tags.cores);
    return [
      { at: (startedAt ?? 0) + 1, cores },
      { at: (startedAt ?? 0) + durationMs - 1, cores: -cores },
    ];
  });
  changes.sort((a, b) => a.at - b.at || a.cores - b.cores);
  let now = 0;
  return Math.max(...changes.map(({ cores }) => (now += cores)));
}

const needing = (cores: number, args = 'sleep 0.1') => ({ args, cores, tags: { cores } });

it('8 tasks that need 1 to 8 cores on a client of 8 never use more than it has, and all finish', async () => {
  const source = [3, 8, 1, 5, 2, 7, 4, 6].map((cores) => needing(cores));
  const { summary, results } = await runAll(source, { numTasks: 8, cores: 8 });
  expect(summary).toMatchObject({ submitted: 8, succeeded: 8 });
  expect(mostCores(results)).toBeLessThanOrEqual(8);
});

it('the same with a flood of small tasks around them: none of the large ones waits for the end of the flood', async () => {
  const small = Array.from({ length: 150 }, () => needing(1, 'sleep 0.05'));
  const large = [3, 8, 1, 5, 2, 7, 4, 6].map((cores) => needing(cores));
  const { summary, results } = await runAll([...small.slice(0, 75), ...large, ...small.slice(75)], { numTasks: 8, cores: 8 });
  expect(summary).toMatchObject({ submitted: 158, succeeded: 158 });
  expect(mostCores(results)).toBeLessThanOrEqual(8);
  expect(mostCores(results)).toBeGreaterThan(4);
  const order = results.toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0));
  expect(order.findLastIndex(({ args }) => args === 'sleep 0.1')).toBeLessThan(150);
});

it('at the end of its walltime a client gives back what runs, uncounted, and leaves; the next client runs it', async () => {
  const mark = join(temporaryFolder(), 'mark');
  const server = await startServer({ foreverMode: true, maxLosses: 1 });
  const client = await startClient(server, { walltime: 3, numTasks: 2 });
  const begun = performance.now();
  const long = server.run(`echo $$ >> ${mark}; [ $(wc -l < ${mark}) = 2 ] || sleep 60`);
  await until(() => existsSync(mark), 'the task to begin');
  await client.join();
  // The command alone would take a minute.
  expect(performance.now() - begun).toBeLessThan(30_000);
  expect(await server.progress()).toMatchObject({ ready: 1, running: 0, retried: 0, lost: 0, failed: 0 });
  await startClient(server);
  const result = await long;
  expect(result).toMatchObject({ outcome: 'succeeded', attempt: 1 });
  expect(await server.tasks.history(result.id)).toHaveLength(1);
  expect(await server.progress()).toMatchObject({ retried: 0, succeeded: 1 });
});

it('a client with a walltime starts nothing that may run longer; a client without one does', async () => {
  const { server, client } = await startPair({}, { walltime: 20, numTasks: 2 });
  const long = server.run({ args: 'true', timeout: 30 });
  const short = await server.run({ args: 'true', timeout: 10 });
  expect(short.clientId).toBe(client.id);
  expect((await server.progress()).ready).toBe(1);
  const other = await startClient(server);
  expect(await long).toMatchObject({ outcome: 'succeeded', clientId: other.id });
});

it('a walltime that leaves no time for any task is refused', async () => {
  expect(await codeOf(() => runAll(['true'], { walltime: 1, taskSignalwait: 0.5 }))).toBe('ERR_OPTION');
  const server = await startServer({ foreverMode: true });
  expect(await codeOf(() => startClient(server, { walltime: 100, taskTimeout: 100 }))).toBe('ERR_OPTION');
});

it('a run in this process ends with its walltime: what is left is pending', async () => {
  const whole = await runAll(
    Array.from({ length: 300 }, () => 'true'),
    { walltime: 100 },
  );
  expect(whole.summary).toMatchObject({ succeeded: 300, pending: 0 });
  expect(whole.results).toHaveLength(300);
  const { summary } = await runAll(['true', 'sleep 60', 'sleep 60'], { walltime: 3, numTasks: 1 });
  expect(summary).toMatchObject({ submitted: 3, succeeded: 1, pending: 2, failed: 0, lost: 0 });
});

it('a client that is stopped while it waits for its delayed start is gone at once', async () => {
  const server = await startServer({ foreverMode: true });
  const signal = AbortSignal.timeout(300);
  const begun = performance.now();
  expect(await codeOf(() => startClient(server, { delayStart: 60, signal }))).toBe('ERR_ABORTED');
  expect(performance.now() - begun).toBeLessThan(5_000);
});

it('an abort of runClient() before it is connected resolves with nothing done', async () => {
  const server = await startServer({ foreverMode: true });
  const waiting = runClient({ address: server.address, delayStart: 60, signal: AbortSignal.timeout(300) });
  expect(await waiting).toMatchObject({ succeeded: 0, failed: 0, timedOut: 0, durationMs: expect.any(Number) });
  expect(await runClient({ address: server.address, signal: AbortSignal.abort() })).toMatchObject({ succeeded: 0 });
});

it.each(['server', 'client'] as const)(
  'with noConfirm of the %s nobody tells that a task began, and one of a lost client runs again',
  async (where) => {
    const mark = join(temporaryFolder(), 'mark');
    const noConfirm = { noConfirm: true };
    const server = await startServer({ foreverMode: true, reconnectGrace: 0.2, ...(where === 'server' ? noConfirm : {}) });
    const started: unknown[] = [];
    server.on('started', (tasks) => started.push(...tasks));
    const { host, port } = server.address as { host: string; port: number };
    const lost = startProgram('work.mjs', { address: [host, port], ...(where === 'client' ? noConfirm : {}) });
    const result = server.run(`echo $$ >> ${mark}; [ $(wc -l < ${mark}) = 2 ] || sleep 60`);
    await until(() => existsSync(mark), 'the task to begin');
    expect((await server.progress()).running).toBe(0);
    await lost.kill();
    await startClient(server, noConfirm);
    expect(await result).toMatchObject({ outcome: 'succeeded' });
    expect(started).toEqual([]);
  },
);

it('with monitor a result names its peaks and its series, which outlives the client', async () => {
  const { server, client } = await startPair({}, { monitor: { interval: '50ms' } });
  const result = await server.run('sleep 0.5');
  const folder = dirname(dirname(result.monitorPath ?? '/none/none/none'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  expect(result).toMatchObject({ peakCores: expect.any(Number), peakMemory: expect.any(Number), monitorPath: expect.any(String) });
  await client.stop();
  expect(readFileSync(result.monitorPath ?? '', 'utf8')).toMatch(/^time,cores,memory\n0\.\d+,\d/);
  expect(await server.tasks.get(result.id)).toMatchObject({ peakMemory: result.peakMemory, monitorPath: result.monitorPath });
});

it('runLocal rejects what its one client can never hold, and runs the rest', async () => {
  const { summary, results } = await runAll([{ args: 'true', memory: '2GB' }, { args: 'true', resources: { gpu: 1 } }, 'true'], {
    memory: '1GB',
  });
  expect(summary).toMatchObject({ submitted: 3, rejected: 2, succeeded: 1, pending: 0 });
  expect(results.map(({ error }) => error?.code)).toEqual(['ERR_RESOURCES', 'ERR_RESOURCES', undefined]);
  expect(results[0]?.error?.message).toContain('it asks for 2147483648 bytes of memory, which the client of this run does not have');
});
