/** Functions and commands that do harm cost what they are, and nothing else: their client goes on, or, when they kill it, they are given up. */
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { TaskInput } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, functions, isAlive, pidsIn, runAll, startClient, startPair, startProgram, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 90_000 });
expectNoLeaks();

const poison: URL = new URL('./fixtures/poison.mjs', import.meta.url);
const call = (name: string, ...args: unknown[]): TaskInput => ({ module: poison, name, args });
const onLinux = process.platform === 'linux';

/** Kills the client, whose slot this command's shell is a child of. */
const killClient = 'read -r _ _ _ client _ < /proc/$PPID/stat; kill -9 $client; sleep 60';

it.each([
  ['a command that kills its client', (runs: string): TaskInput => `echo $$ >> ${runs}; ${killClient}`],
  ['a function that crashes its process', (runs: string): TaskInput => call('crash', runs)],
  ['a function that sends a signal to its process', (runs: string): TaskInput => call('killOwnProcess', runs)],
])('%s ends as lost after maxLosses, and the rest goes on', async (_, taskOf) => {
  const runs = join(temporaryFolder(), 'runs');
  const server = await startServer({ source: [taskOf(runs), 'echo a', call('add', 1, 2), 'echo b'], maxLosses: 3, reconnectGrace: 0.1 });
  const clients = [];
  for (let losses = 1; losses <= 3; losses++) {
    const client = startProgram('work.mjs', { address: server.address, taskSignalwait: 0.2 });
    clients.push(client);
    expect(await client.exit, 'the client is killed').not.toBe(0);
    expect(pidsIn(runs)).toHaveLength(losses);
  }
  await startClient(server);
  expect(await server.join(30)).toMatchObject({ submitted: 4, lost: 1, succeeded: 3, failed: 0, pending: 0 });
  expect(pidsIn(runs)).toHaveLength(3);
});

it('what runs beside a task that kills every client is not lost with it, however long it runs', async () => {
  const runs = join(temporaryFolder(), 'runs');
  const neighbours = ['sleep 1; echo a', { module: functions, name: 'after', args: [1_000, 'b'] }, 'sleep 1; echo c'];
  const source = [neighbours[0]!, `echo $$ >> ${runs}; sleep 0.1; ${killClient}`, ...neighbours.slice(1)];
  const server = await startServer({ source, maxLosses: 3, reconnectGrace: 0.1 });
  let killed = 0;
  for (; pidsIn(runs).length < 3; killed++) {
    const client = startProgram('work.mjs', { address: server.address, numTasks: 4, taskSignalwait: 0.2 });
    expect(await client.exit, 'the client is killed').not.toBe(0);
  }
  expect(killed).toBe(3);
  const [waits] = await collect(server.tasks.find({ where: ['args == sleep 1; echo c'] }));
  const { reasons } = await server.tasks.explain(waits?.id ?? '');
  expect(reasons).toContain('it has lost its client 2 times, so it waits for a client that has nothing else to run');
  await startClient(server, { numTasks: 4 });
  expect(await server.join(30)).toMatchObject({ submitted: 4, lost: 1, succeeded: 3, failed: 0, pending: 0 });
  expect(pidsIn(runs)).toHaveLength(3);
});

it('a function that ends, crashes or breaks its thread fails alone, and those after it find a whole one', async () => {
  const harmful = ['abortProcess', 'changeDirectory', 'replaceStringify', 'replacePrototypes', 'addToEveryObject', 'replaceAtomics'];
  const { results } = await runAll(
    [...harmful, 'changeEnvironment', 'forgeMessages', 'leak'].flatMap((name) => [call(name), call('add', 1, 1)]),
    { numTasks: 1 },
  );
  const outcomes = results.map(({ outcome, value, error }) => [outcome, value ?? error?.code ?? null]);
  // Every second one is innocent.
  expect(outcomes.filter((_, at) => at % 2 === 1)).toEqual(outcomes.filter((_, at) => at % 2 === 1).map(() => ['succeeded', 2]));
  expect(outcomes.filter((_, at) => at % 2 === 0)).toEqual([
    ['failed', 'ERR_WORKER_UNSUPPORTED_OPERATION'],
    ['failed', 'ERR_WORKER_UNSUPPORTED_OPERATION'],
    ['failed', null],
    ['succeeded', 'replaced'],
    ['succeeded', 'added'],
    ['succeeded', 'replaced'],
    ['succeeded', 'emptied'],
    ['succeeded', 'forged'],
    ['succeeded', 'leaked'],
  ]);
});

it('what a function throws after its end is nobody else’s failure', async () => {
  const { summary } = await runAll(
    Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? call('throwLate', i) : { module: functions, name: 'after', args: [5, i] })),
    { numTasks: 1 },
  );
  expect(summary).toMatchObject({ succeeded: 40, failed: 0 });
});

it('a function that never ends, in whatever way, ends by its time-out and takes the commands that it runs with it', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const names = ['neverSettles', 'spinForEver', 'waitForEver', 'tickForEver', 'exitSlowly', ...(onLinux ? ['execForEver'] : [])];
  const { server, client } = await startPair({}, { numTasks: names.length });
  const running = names.map((name) => server.run({ module: poison, name, args: [pids], timeout: 3 }));
  expect((await Promise.all(running)).map(({ outcome }) => outcome)).toEqual(names.map(() => 'timeout'));
  if (onLinux) expect(pidsIn(pids)).toHaveLength(1);
  await until(() => pidsIn(pids).every((pid) => !isAlive(pid)), 'the end of the commands');
  expect((await server.run(call('add', 1, 2))).value).toBe(3);
  // The client is stopped in its midst: nothing is waited for.
  if (onLinux) {
    void server.submit([call('execForEver', pids)]);
    await until(() => pidsIn(pids).length === 2, 'the command runs');
  }
  await client.stop();
  expect(pidsIn(pids).filter(isAlive)).toEqual([]);
});

it('a function that eats all memory of its thread fails alone', async () => {
  const { server } = await startPair({}, { numTasks: 2, resourceLimits: { maxOldGenerationSizeMb: 48 } });
  const [hungry, beside, after] = await Promise.all([
    server.run(call('devour')),
    server.run('sleep 0.5; echo beside'),
    server.run(call('add', 1, 2)),
  ]);
  expect([hungry?.outcome, hungry?.error?.code]).toEqual(['failed', 'ERR_WORKER_CRASHED']);
  expect([beside?.stdout.toString(), after?.value]).toEqual(['beside\n', 3]);
  expect(await server.progress()).toMatchObject({ lost: 0, retried: 0, failed: 1, succeeded: 2 });
});

it('a command that does harm to its slot costs its slot nothing: the next one runs as if nothing was', async () => {
  const folder = temporaryFolder();
  const pids = join(folder, 'pids');
  const detached = `"${process.execPath}" -e 'const c = require("child_process").spawn("sleep", ["600"], { detached: true, stdio: [0, 1, 2] }); require("fs").appendFileSync("${pids}", c.pid + "\\n"); c.unref()'`;
  const timeout = { outcome: 'timeout' };
  const commands: readonly (readonly [string, object])[] = [
    ['exec 0<&- 1>&- 2>&-; i=3; while [ $i -lt 10 ]; do eval "exec $i>&-"; i=$((i + 1)); done; exit 5', { exitStatus: 5 }],
    ['kill -9 $PPID; sleep 60', { outcome: 'failed', signal: 'SIGKILL' }],
    ['trap "" INT TERM HUP QUIT; while :; do sleep 1; done', { ...timeout, signal: 'SIGKILL' }],
    ['kill -STOP $PPID; true', timeout],
    [`${detached}; echo started`, { outcome: 'succeeded', stdout: Buffer.from('started\n') }],
    ['yes', { outcome: 'failed', error: { code: 'ERR_OUTPUT_LIMIT' } }],
    ['i=0; while [ $i -lt 300 ]; do sleep 600 & i=$((i + 1)); done; wait', timeout],
    ['rm -rf "$(dirname "$(dirname "$(readlink /proc/$$/fd/1)")")"; true', { outcome: 'succeeded' }],
    ['O=$(readlink /proc/$$/fd/1); rm "$O"; ln -s "$O" "$O"', { outcome: 'succeeded' }],
    ['O=$(readlink /proc/$$/fd/1); rm "$O"; mkdir "$O"', { outcome: 'succeeded' }],
  ];
  const { server, client } = await startPair({}, { outputLimit: '1MB', captureLimit: '1KB' });
  for (const [args, expected] of onLinux ? commands : commands.filter(([line]) => !line.includes('/proc'))) {
    // Who is to have no end of its own needs the time to get so far; the others are done long before.
    const result = await server.run({ args, timeout: 'outcome' in expected && expected.outcome === 'timeout' ? 1.5 : 30 });
    expect({ ...result, args }).toMatchObject({ ...expected, args });
    const { stdout, exitStatus } = await server.run('echo next; exit 3');
    expect([args, stdout.toString(), exitStatus]).toEqual([args, 'next\n', 3]);
  }
  expect(client.state).not.toBe('ended');
  await client.stop();
  // A session of its own is beyond every group: it ends by itself, or by its number.
  for (const pid of pidsIn(pids)) process.kill(pid, 'SIGKILL');
});

it('a function that is ended by force takes what it had spawned with it, where the system tells whose children they are', async () => {
  const pids = join(temporaryFolder(), 'pids');
  // In a process of its own: what a thread spawned cannot be reaped after it by the one that tests.
  const lines = [{ module: poison.href, name: 'spawnForEver', args: [pids], timeout: 2 }, 'true'];
  const host = startProgram('run-local.mjs', { lines, options: { taskSignalwait: 0.2 } });
  expect(await host.exit).toBe(0);
  expect(host.lines).toMatchObject([{ timedOut: 1, succeeded: 1 }]);
  expect(pidsIn(pids)).toHaveLength(1);
  const left = pidsIn(pids).filter(isAlive);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  expect(left).toHaveLength(onLinux ? 0 : 1);
});
