/** Every accepted line has exactly one recorded result, and the summary accounts for all of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ClientThread, openTasks, runLocal, type Summary, serveFile, serveFrom } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, functions, pidsIn, runAll, startClient, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

/** Every outcome and what is pending together are what was submitted. */
function expectBalanced(summary: Summary): void {
  const { submitted, succeeded, failed, cancelled, timedOut, lost, rejected, pending } = summary;
  expect(succeeded + failed + cancelled + timedOut + lost + rejected + pending).toBe(submitted);
}

it('serveFile() over 10,000 lines with two clients on SQLite records exactly one result for every line', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'tasks.db');
  const path = join(folder, 'lines.txt');
  const count = 10_000;
  const runs = join(folder, 'runs');
  // Every hundredth line leaves a trace of each execution; the others are as cheap as a line can be.
  const lines = Array.from({ length: count }, (_, i) =>
    i % 100 === 0 ? `echo ${i} >> ${runs}` : i % 7 === 0 ? `exit ${i % 5}` : `: ${i}`,
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  const address: [string, number] = ['localhost', await freePort()];
  const served = serveFile(path, { address, database });
  const clients = [1, 2].map(() => ClientThread.new({ address, numTasks: 2 }));
  const joined = await Promise.all(clients.map(async (client) => (await client).join()));
  const summary = await served;
  expect(summary).toMatchObject({ submitted: count, pending: 0, retried: 0, lost: 0, duplicatesRefused: 0 });
  expectBalanced(summary);
  expect(joined.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0)).toBe(count);
  for (const { succeeded, failed } of joined) expect(succeeded + failed).toBeGreaterThan(count / 10);

  await using tasks = await openTasks(database);
  const records = await collect(tasks.find());
  expect(records.map(({ args }) => args)).toEqual(lines);
  expect(new Set(records.map(({ id }) => id)).size).toBe(count);
  for (const { args, state, outcome, exitStatus, attempt } of records) {
    const status = args.startsWith('exit') ? Number(args.slice(5)) : 0;
    const expected = { state: 'done', outcome: status === 0 ? 'succeeded' : 'failed', exitStatus: status, attempt: 1 };
    expect({ state, outcome, exitStatus, attempt }, args).toEqual(expected);
  }
  expect(await tasks.count({ outcome: 'succeeded' })).toBe(summary.succeeded);
  expect(await tasks.count({ outcome: 'failed' })).toBe(summary.failed);
  // Not only recorded once: run once.
  expect(pidsIn(runs).sort((a, b) => a - b)).toEqual(Array.from({ length: count / 100 }, (_, i) => i * 100));
});

it('a source that pauses between two lines loses neither, and the first runs before the second comes', async () => {
  const folder = temporaryFolder();
  const mark = join(folder, 'first');
  async function* slow(): AsyncGenerator<string> {
    yield `echo first > ${mark}`;
    // The pause lasts until the first line has run: it is not held back for a bundle to fill.
    await until(() => pidsIn(mark).length === 1);
    yield 'echo second';
  }
  const { summary, results } = await runAll(slow());
  expect(summary).toMatchObject({ submitted: 2, succeeded: 2, pending: 0 });
  expect(results[1]?.stdout.toString()).toBe('second\n');
});

it('a file in which the last line has no newline and some are blank is read whole', async () => {
  const path = join(temporaryFolder(), 'lines.txt');
  writeFileSync(path, 'echo 1\n\n   \r\necho 2\r\necho 3');
  const { results } = await runAll(path);
  expect(results.map(({ stdout }) => stdout.toString())).toEqual(['1\n', '2\n', '3\n']);
});

it('an empty source ends at once with a summary of nothing', async () => {
  expect(await runLocal([])).toMatchObject({ submitted: 0, succeeded: 0, pending: 0 });
  const path = join(temporaryFolder(), 'empty.txt');
  writeFileSync(path, '');
  expect(await serveFile(path, { address: 'localhost:0' })).toMatchObject({ submitted: 0, pending: 0 });
  expect(await serveFrom([], { address: 'localhost:0' })).toMatchObject({ submitted: 0, pending: 0 });
});

it('a client that joins after the last task of a server that goes on ends cleanly with it', async () => {
  const server = await startServer({ foreverMode: true });
  const first = await startClient(server);
  await server.run('true');
  const late = await startClient(server);
  await server.stop();
  expect(await Promise.all([first.join(10), late.join(10)])).toMatchObject([{ succeeded: 1 }, { succeeded: 0 }]);
});

it('a client that joins while a server ends is told so and ends cleanly', async () => {
  const server = await startServer({ source: ['sleep 0.2'] });
  const first = await startClient(server);
  const racing = Array.from({ length: 4 }, () => ClientThread.new({ address: server.address, connectTimeout: 1 }));
  expect(await server.join(15)).toMatchObject({ succeeded: 1 });
  for (const client of await Promise.allSettled(racing)) {
    // Too late to be let in is a refusal in time; whoever was let in is told the end.
    if (client.status === 'rejected') expect(client.reason.code).toMatch(/^ERR_CONNECT/);
    else expect(await client.value.join(5)).toMatchObject({ failed: 0 });
  }
  await first.join(5);
});

it('a run in which every task fails says so in its summary', async () => {
  const source = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 'exit 9' : { module: functions, name: 'throwError' }));
  const { summary } = await runAll(source);
  expect(summary).toMatchObject({ submitted: 50, succeeded: 0, failed: 50, timedOut: 0, pending: 0 });
  expectBalanced(summary);
});

it('a summary accounts for every kind of outcome at once', async () => {
  const source = ['true', 'true', 'exit 1', { args: 'sleep 60', timeout: 0.1 }, { args: 'x', priority: 'high' } as never, 'kill -9 $$'];
  const { summary, results } = await runAll(source);
  expect(summary).toMatchObject({ submitted: 6, succeeded: 2, failed: 2, timedOut: 1, rejected: 1, cancelled: 0, lost: 0, pending: 0 });
  expectBalanced(summary);
  expect(results.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'failed', 'timeout', 'rejected', 'failed']);
  expect(summary.durationMs).toBeGreaterThan(0);
  expect(summary.tasksPerSecond).toBeGreaterThan(0);
});

it('what a database stored is there for openTasks() beside the running server and after it', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const server = await startServer({ foreverMode: true, database });
  await startClient(server);
  const { id } = await server.run({ args: 'echo kept', tags: { kind: 'kept' } });
  for (const moment of ['beside', 'after']) {
    if (moment === 'after') await server.stop();
    await using tasks = await openTasks(database);
    expect(await tasks.get(id)).toMatchObject({ state: 'done', outcome: 'succeeded', stdout: Buffer.from('kept\n') });
    expect(await tasks.count({ tags: { kind: 'kept' } })).toBe(1);
  }
  expect(readFileSync(database).subarray(0, 15).toString()).toBe('SQLite format 3');
});
