/** Options and habits of HyperShell's library that no topic of its own shows: defaults of tasks, bundles, memory alone, idle servers, groups. */
import { createReadStream, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  ClientThread,
  connect,
  type ServerThread,
  type SubmitOptions,
  SubmitThread,
  serveForever,
  serveFrom,
  submitFile,
  submitFrom,
} from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, pidsIn, runAll, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

/** All tasks of the server have ended, and its store knows it. */
async function settled(server: ServerThread): Promise<void> {
  await until(async () => (await server.tasks.count({ where: 'state != done' })) === 0, 'the tasks to end', 20_000);
}

const submitters: Readonly<Record<string, (path: string, lines: string[], options: SubmitOptions) => Promise<unknown>>> = {
  SubmitThread: async (_, lines, options) => (await SubmitThread.new(lines, options)).join(10),
  submitFrom: (_, lines, options) => submitFrom(lines, options),
  submitFile: (path, _, options) => submitFile(path, options),
};

for (const [callable, submit] of Object.entries(submitters))
  it.each(['a server', 'a database'])(
    `cores, memory, timeout, group, tags and template of ${callable} to %s reach each task that names none itself`,
    async (where) => {
      const database = join(temporaryFolder(), 'tasks.db');
      const path = join(temporaryFolder(), 'lines');
      const lines = ['a', 'b # HYPERSHELL: cores:0.5 memory:2MB timeout:7 group:2 site:south'];
      writeFileSync(path, lines.join('\n'));
      const options: SubmitOptions = {
        cores: 1,
        memory: '1MB',
        timeout: '90s',
        group: 1,
        tags: { site: 'north', all: 'yes' },
        template: 'echo $TASK_CORES $TASK_MEMORY $TASK_TIMEOUT $TASK_GROUP $TASK_TAG_SITE $TASK_TAG_ALL {}',
      };
      if (where === 'a database') await submit(path, lines, { ...options, database });
      const server = await startServer({ database, foreverMode: true });
      if (where === 'a server') await submit(path, lines, { ...options, address: server.address });
      await startClient(server, { cores: 1 });
      await settled(server);
      const found = await collect(server.tasks.find());
      expect(found.map(({ stdout }) => stdout?.toString())).toEqual(['1 1048576 90 1 north yes a\n', '0.5 2097152 7 2 south yes b\n']);
    },
  );

it('taskCores, taskMemory and taskTimeout of a server reach each task that names none itself, whoever submits it', async () => {
  const args = 'echo $TASK_CORES $TASK_MEMORY $TASK_TIMEOUT';
  const server = await startServer({ source: [args], taskCores: 1, taskMemory: '64MB', taskTimeout: '20s' });
  const output = collect(server.results());
  await server.submit([args, { args, cores: 0.5, memory: 1000, timeout: 9 }]);
  await startClient(server, { cores: 1 });
  await server.join(15);
  expect((await output).map(({ stdout }) => stdout.toString()).sort()).toEqual(['0.5 1000 9\n', '1 67108864 20\n', '1 67108864 20\n']);
});

it.each(['a server', 'a database'])(
  'the lines of a slow source are committed to %s while it is open, however large its bundles may be',
  async (where) => {
    let release: () => void = () => {};
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield* ['true', 'true', 'true'];
      await open;
      yield 'true';
    }
    const target =
      where === 'a server'
        ? { address: (await startServer({ foreverMode: true })).address }
        : { database: join(temporaryFolder(), 'tasks.db') };
    const submitter = await SubmitThread.new(slow(), { ...target, bundlesize: 1_000, bundlewait: '50ms' });
    await until(() => submitter.count === 3, 'the lines of the open source', 5_000);
    release();
    expect(await submitter.join(10)).toMatchObject({ submitted: 4 });
    expect(submitter.count).toBe(4);
  },
);

it('a file in another encoding is submitted as a stream of that encoding', async () => {
  const path = join(temporaryFolder(), 'lines');
  writeFileSync(path, Buffer.from('echo gr\u00f6\u00dfer\necho caf\u00e9\n', 'latin1'));
  const { results } = await runAll(createReadStream(path, { encoding: 'latin1', highWaterMark: 5 }));
  expect(results.map(({ stdout }) => stdout.toString())).toEqual(['größer\n', 'café\n']);
});

it('with inMemory nothing is written, and tasks are retried, have groups and go to another client all the same', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const order = join(temporaryFolder(), 'order');
  const server = await startServer({ database, inMemory: true, maxRetries: 1, foreverMode: true });
  const first = await startClient(server);
  await server.submit([
    { args: `echo 2 >> ${order}`, group: 1 },
    { args: `[ $TASK_ATTEMPT = 2 ] && echo 1 >> ${order}` },
    { args: `echo 3 >> ${order}; [ $(grep -c 3 ${order}) = 2 ] || sleep 60`, group: 2 },
  ]);
  await until(() => pidsIn(order).length === 3, 'the last group to begin');
  await first.interrupt();
  await startClient(server);
  await until(async () => (await server.progress()).pending === 0);
  expect(pidsIn(order)).toEqual([1, 2, 3, 3]);
  expect(await server.progress()).toMatchObject({ succeeded: 3, retried: 2 });
  expect(existsSync(database)).toBe(false);
});

it('serveForever({ inMemory }) writes nothing either', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const address: [string, number] = ['localhost', await freePort()];
  const stop = new AbortController();
  const served = serveForever({ address, database, inMemory: true, signal: stop.signal });
  const client = await ClientThread.new({ address });
  {
    await using control = await connect(address);
    expect(await control.run('true')).toMatchObject({ outcome: 'succeeded' });
  }
  stop.abort();
  expect(await served).toMatchObject({ submitted: 1, succeeded: 1 });
  await client.join(5);
  expect(existsSync(database)).toBe(false);
});

it('serveFrom() in restartMode finishes what an earlier run left, and ends by itself when that is nothing', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const address: [string, number] = ['localhost', await freePort()];
  await submitFrom(['true', 'false'], { database });
  const served = serveFrom([], { address, database, restartMode: true });
  const client = await ClientThread.new({ address });
  expect(await served).toMatchObject({ submitted: 2, succeeded: 1, failed: 1, pending: 0 });
  await client.join(5);
  expect(await serveFrom([], { address, database, restartMode: true })).toMatchObject({ pending: 0 });
});

it('nobody polls: what is submitted to an idle server starts at once', async () => {
  const { server } = await startPair();
  await server.run('true');
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const begun = performance.now();
    await server.run('true');
    times.push(performance.now() - begun);
  }
  // A few ms each; a look around every half second would show in the middle one.
  expect(times.sort((a, b) => a - b)[4]).toBeLessThan(200);
});

it('a negative delayStart is drawn anew for each client, up to it', async () => {
  const server = await startServer({ foreverMode: true });
  const stop = new AbortController();
  const begun = performance.now();
  const clients = Array.from({ length: 8 }, () => startClient(server, { delayStart: -12, signal: stop.signal }));
  await Promise.race(clients);
  // Were the delay not drawn, all would wait for all of it. That all eight draw so much that a slow machine does the rest: once in 60,000 times.
  expect(performance.now() - begun).toBeLessThan(12_000);
  stop.abort();
  await Promise.allSettled(clients);
});

it('a lower group that comes later is served before what is left of a higher one', async () => {
  const folder = temporaryFolder();
  const order = join(folder, 'order');
  const { server } = await startPair({}, { numTasks: 1, prefetch: 0.001 });
  await server.submit([
    { args: `echo 1 >> ${order}; until [ -e ${folder}/go ]; do sleep 0.02; done`, group: 3 },
    { args: 'sleep 0', group: 4 },
    { args: `echo 3 >> ${order}`, group: 4 },
  ]);
  await until(() => pidsIn(order).length === 1, 'the start');
  await server.submit([{ args: `echo 2 >> ${order}`, group: 1 }]);
  writeFileSync(join(folder, 'go'), '');
  await settled(server);
  expect(pidsIn(order)).toEqual([1, 2, 3]);
});

it('a cancelled task holds up no later group', async () => {
  const { server } = await startPair();
  const { ids } = await server.submit([
    { args: 'true', startAfter: '1h' },
    { args: 'echo next', group: 1 },
  ]);
  await until(async () => (await server.progress()).waiting > 0);
  expect(await server.cancel([ids?.[0] ?? ''])).toBe(1);
  await until(async () => (await server.tasks.get(ids?.[1] ?? ''))?.outcome === 'succeeded');
  expect(await server.progress()).toMatchObject({ cancelled: 1, succeeded: 1, failed: 0 });
});

it('what ends by a signal, by its time or in its template is retried; what is cancelled or malformed is not', async () => {
  const server = await startServer({ maxRetries: 1, foreverMode: true });
  await startClient(server, { numTasks: 2, template: "{= x.startsWith('bad') ? null : x =}" });
  const run = async (task: Parameters<ServerThread['run']>[0]): Promise<unknown> => {
    const { outcome, signal, attempt } = await server.run(task);
    return [outcome, signal, attempt];
  };
  expect(await run('kill -9 $$')).toEqual(['failed', 'SIGKILL', 2]);
  expect(await run({ args: '[ "$TASK_ATTEMPT" = 2 ] || exec sleep 60', timeout: 0.3 })).toEqual(['succeeded', null, 2]);
  expect(await run('bad line')).toEqual(['failed', null, 2]);
  const cancelled = run('sleep 60');
  await until(async () => (await server.progress()).running === 1);
  await server.cancel({ state: 'running' });
  expect(((await cancelled) as unknown[])[0]).toBe('cancelled');
  await server.submit(['true # HYPERSHELL: cores:none']);
  await settled(server);
  expect(await server.progress()).toMatchObject({ submitted: 5, rejected: 1, cancelled: 1, retried: 3 });
  expect(await server.tasks.count({ where: 'attempt > 1' })).toBe(3);
});

it('ratelimit is that of a client, however many slots it has', async () => {
  const begun = performance.now();
  const source = Array.from({ length: 10 }, () => 'true');
  expect((await runAll(source, { ratelimit: 20, numTasks: 4 })).summary.succeeded).toBe(10);
  expect(performance.now() - begun).toBeGreaterThan(440);
});
