/**
 * The defects that HyperShell 2.8.2 was seen to have, each as a test that fails where it is there. The numbers are those of the table in
 * `hypershell-parity.md`. Two of them are shown on the core, with times that are given to it: 19 and 21.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { ClientThread, runLocal, ServerThread, serveFile } from '../../dist/index.js';
import { Bench, grants, shell } from '../server/core/harness.ts';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, failureOf, isAlive, pidsIn, runAll, startClient, startPair, startProgram, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const text = (output: Buffer): string => output.toString();

it('1: a source that pauses longer than everything runs loses nothing', async () => {
  const folder = temporaryFolder();
  const seen: string[] = [];
  async function* slowly(): AsyncGenerator<string> {
    yield 'echo 1';
    await until(() => seen.length === 1, 'the first line to have run');
    yield 'echo 2';
  }
  const summary = await runLocal(slowly(), { database: join(folder, 'tasks.db'), onResult: ({ stdout }) => void seen.push(text(stdout)) });
  expect(seen).toEqual(['1\n', '2\n']);
  expect(summary).toMatchObject({ submitted: 2, succeeded: 2, pending: 0 });
});

it('2: a run in which tasks fail says so, and rejects where that is wanted', async () => {
  expect(await runLocal(['exit 1', 'exit 2'])).toMatchObject({ succeeded: 0, failed: 2 });
  const { error } = await failureOf(() => runLocal(['exit 1'], { throwOnFailure: true }));
  expect(error.code).toBe('ERR_TASK_FAILED');
});

it('3: a client that joins after the last task went to another ends with the run', async () => {
  const release = join(temporaryFolder(), 'release');
  const server = await startServer({ source: [`while [ ! -e ${release} ]; do sleep 0.02; done`] });
  const first = await startClient(server);
  await until(async () => (await server.progress()).running === 1, 'the start of the last task');
  const late = await startClient(server);
  writeFileSync(release, '');
  expect(await server.join(15)).toMatchObject({ succeeded: 1 });
  expect((await Promise.all([first.join(5), late.join(5)])).map(({ succeeded }) => succeeded)).toEqual([1, 0]);
});

it('4: a port in use is told at once', async () => {
  const { address } = await startServer({ foreverMode: true });
  const { error, ms } = await failureOf(() => ServerThread.new({ address }));
  expect(error.code).toBe('ERR_ADDRESS_IN_USE');
  expect(ms).toBeLessThan(5_000);
});

it('5: what is submitted live to a running server runs, and the server lives on', async () => {
  const { server } = await startPair({ database: join(temporaryFolder(), 'tasks.db') });
  for (const round of [1, 2]) {
    expect(await server.submit([`echo live ${round}`])).toMatchObject({ submitted: 1 });
    await until(async () => (await server.progress()).succeeded === round, 'the live task to end');
  }
});

it('6: no text is taken for a date or a number on its way', async () => {
  const { results } = await runAll(['echo 20240101', { args: 'echo 1e3', tags: { day: '20240101', sample: '007' } }], {
    template: '{} # {[1]}',
  });
  expect(results.map(({ args, stdout }) => [args, text(stdout)])).toEqual([
    ['echo 20240101', '20240101\n'],
    ['echo 1e3', '1e3\n'],
  ]);
  expect(results[1]?.tags).toEqual({ day: '20240101', sample: '007' });
});

it('7: a time-out ends what the command started too, and so does the death of its client', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { results } = await runAll([{ args: `sh -c 'echo $$ >> ${pids}; exec sleep 600' & wait`, timeout: 1.5 }]);
  expect(results[0]?.outcome).toBe('timeout');
  expect(pidsIn(pids)).toHaveLength(1);
  const host = startProgram('run-local.mjs', { lines: [`sh -c 'echo $$ >> ${pids}; exec sleep 600' & wait`], options: { numTasks: 1 } });
  await until(() => pidsIn(pids).length === 2, 'the start of the second one');
  await host.kill();
  await until(() => !pidsIn(pids).some(isAlive), 'the end of all processes');
});

it('8: a running task that is cancelled stays cancelled', async () => {
  const { server } = await startPair();
  const { ids } = await server.submit([{ args: 'trap "exit 0" INT; while :; do sleep 0.02; done' }]);
  await until(async () => (await server.progress()).running === 1, 'the start');
  expect(await server.cancel(ids ?? [])).toBe(1);
  await until(async () => (await server.progress()).leased === 0, 'the end of its process');
  await server.run('true');
  expect(await server.tasks.get(ids?.[0] ?? '')).toMatchObject({ state: 'done', outcome: 'cancelled' });
});

it('9: a retry keeps cores, memory, time-out, tags and environment', async () => {
  const task = {
    args: 'echo $TASK_CORES $TASK_MEMORY $TASK_TIMEOUT $TASK_TAG_SITE $MODE; [ "$TASK_ATTEMPT" = 2 ]',
    cores: 1,
    memory: '64MB',
    timeout: 20,
    tags: { site: 'north' },
    env: { MODE: 'fast' },
  };
  const server = await startServer({ source: [task], maxRetries: 1 });
  await startClient(server);
  const results = collect(server.results());
  await server.join(15);
  const [result] = await results;
  expect(result).toMatchObject({ outcome: 'succeeded', attempt: 2, tags: { site: 'north' } });
  expect(text(result!.stdout)).toBe('1 67108864 20 north fast\n');
});

it('10: a line that is only a directive sets defaults, also in the file of a server', async () => {
  const file = join(temporaryFolder(), 'tasks.txt');
  writeFileSync(file, '# HYPERSHELL: cores:1 site:north\necho $TASK_CORES $TASK_TAG_SITE\n');
  const { results } = await runAll(file);
  expect(results.map(({ stdout }) => text(stdout))).toEqual(['1 north\n']);
});

it('11: a hash inside quotes is part of the command', async () => {
  const { results } = await runAll(['echo "a#b" \'c # HYPERSHELL: cores:2\'']);
  expect(results.map(({ stdout }) => text(stdout))).toEqual(['a#b c # HYPERSHELL: cores:2\n']);
});

it('12: words are counted from the end too', async () => {
  const { results } = await runAll(['a b c'], { template: 'echo {[-1]} {[-2:]}' });
  expect(results.map(({ stdout }) => text(stdout))).toEqual(['c b c\n']);
});

it('13: 8G are 8 GiB', async () => {
  const { results } = await runAll(['echo $TASK_MEMORY # HYPERSHELL: memory:8G', { args: 'echo $TASK_MEMORY', memory: '8GiB' }], {
    memory: '16G',
  });
  expect(results.map(({ stdout }) => text(stdout))).toEqual(['8589934592\n', '8589934592\n']);
});

it('14: a condition with >= means that', async () => {
  const { server } = await startPair();
  await server.submit(['exit 4', 'exit 5', 'exit 6']);
  await until(async () => (await server.progress()).pending === 0, 'the end of all');
  const found = await collect(server.tasks.find({ where: ['exitStatus >= 5', 'duration <= 60'] }));
  expect(found.map(({ exitStatus }) => exitStatus)).toEqual([5, 6]);
});

it("15: braces of the command's own stay as they are in a template", async () => {
  const { results } = await runAll(['one two'], { template: `X=y; echo {} | awk '{print $2}'; echo \${X}` });
  expect(results.map(({ stdout }) => text(stdout))).toEqual(['two\ny\n']);
});

it('16: a bundle that is not full leaves after bundlewait, whatever its source does', async () => {
  let release: () => void = () => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slowly(): AsyncGenerator<string> {
    yield 'echo 1';
    yield 'echo 2';
    await open;
  }
  const server = await startServer({ source: slowly(), bundlesize: 1000, bundlewait: 0.05 });
  await startClient(server);
  await until(async () => (await server.progress()).succeeded === 2, 'both lines while the source is open', 5_000);
  release();
  expect(await server.join(15)).toMatchObject({ succeeded: 2 });
});

it('19: a bundle whose client dies before it said anything of it is given to another', () => {
  const bench = new Bench();
  bench.join('a', 2);
  expect(grants(bench.submit([shell('x'), shell('y')]))).toMatchObject([['a', expect.anything(), 1, [1, 2]]]);
  bench.feed({ type: 'disconnected', connection: 'a' });
  bench.turn();
  bench.join('b', 2);
  expect(grants(bench.pass(2_000)).flatMap(([connection, , , numbers]) => (connection === 'b' ? numbers : []))).toEqual([1, 2]);
});

it('20: a server that starts on a database in use is refused, and takes no task of the living one', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const marks = join(temporaryFolder(), 'marks');
  const { server } = await startPair({ database });
  await server.submit([`echo run >> ${marks}; until [ -e ${marks}-go ]; do sleep 0.02; done`]);
  await until(async () => (await server.progress()).running === 1, 'the start');
  expect((await failureOf(() => ServerThread.new({ address: ['localhost', 0], database }))).error.code).toBe('ERR_DATABASE_IN_USE');
  writeFileSync(`${marks}-go`, '');
  await until(async () => (await server.progress()).succeeded === 1, 'the end');
  expect(readFileSync(marks, 'utf8')).toBe('run\n');
});

it('21: the clocks of clients have no part in an eviction', () => {
  const bench = new Bench({ evictAfter: 10_000 });
  bench.join('a', 1);
  const [[, grant] = []] = grants(bench.submit([shell('x')]));
  bench.now = 9_000;
  // It says that it began 30 years ago: only that it speaks counts.
  bench.feed({ type: 'results', connection: 'a', sequence: 1, bundles: [[grant!, [[1, 1, 0, 1, 1, 0, null]]]] });
  bench.turn();
  expect(bench.pass(9_000).left).toEqual([]);
  expect(bench.pass(1_000).left).toEqual(['a']);
});

it('23: the late result of a client that was given up is refused, and the other one stands', async () => {
  const bench = new Bench();
  bench.join('a', 1);
  const [[, old] = []] = grants(bench.submit([shell('x')]));
  bench.feed({ type: 'disconnected', connection: 'a' });
  bench.turn();
  bench.join('b', 1);
  const [[, fresh] = []] = grants(bench.pass(2_000));
  bench.result('b', fresh!, 1, 1);
  bench.turn();
  bench.feed({
    type: 'client-connected',
    connection: 'a',
    id: 'a',
    host: 'host',
    capacity: { slots: 1, cores: null, memory: null, resources: {}, tags: {} },
  });
  bench.feed({ type: 'resume', connection: 'a', held: [[old!, [1, 1]]] });
  bench.feed({ type: 'results', connection: 'a', sequence: 1, bundles: [[old!, [[1, 2, 9, 1, 1, 0, null]]]] });
  bench.turn();
  expect(bench.core.counts.refused).toBe(1);
  expect(bench.store.find({ numbers: [1] })).toMatchObject([{ end: { outcome: 1 } }]);
});

it('a file that is served twice in one process shows that nothing is one to a process', async () => {
  const file = join(temporaryFolder(), 'tasks.txt');
  writeFileSync(file, 'true\ntrue\n');
  const serve = async (port: number): Promise<number> => {
    const client = ClientThread.new({ address: ['localhost', port] });
    const summary = await serveFile(file, { address: ['localhost', port] });
    await (await client).join(5);
    return summary.succeeded;
  };
  expect(await Promise.all([serve(await freePort()), serve(await freePort())])).toEqual([2, 2]);
});
