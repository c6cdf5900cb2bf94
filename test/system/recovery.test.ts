/** Processes that die or freeze and come back: servers, clients, submitters. Nothing is lost, nothing is recorded twice, and little runs again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openTasks, submitFrom } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import type { Direction } from '../support/tcp-proxy.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, openProxy, pidsIn, startClient, startProgram, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 90_000 });
expectNoLeaks();

const auth = 'a key of both sides';
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (path: string): number[] => pidsIn(path).sort((a, b) => a - b);

/** Every task of the file has this one end, at its first attempt. */
async function expectFirstAttempts(database: string, count: number): Promise<void> {
  await using tasks = await openTasks(database);
  const records = await collect(tasks.find());
  expect(records.filter(({ outcome, attempt }) => outcome !== 'succeeded' || attempt !== 1)).toEqual([]);
  expect(records).toHaveLength(count);
}

it.each(['restartMode', 'foreverMode'])(
  'a server that is killed and comes back after evictAfter, with %s, finds its leases with their client: nothing runs again',
  async (mode) => {
    const folder = temporaryFolder();
    const [database, ran, begun] = [join(folder, 'tasks.db'), join(folder, 'ran'), join(folder, 'begun')];
    const options = { database, auth, address: ['localhost', await freePort()] as [string, number], evictAfter: 2, reconnectGrace: 0.2 };
    const first = await startServerProgram({ ...options, foreverMode: true });
    const client = startProgram('work.mjs', { address: options.address, auth, numTasks: 4, prefetch: 5 });
    // One that lasts longer than the server is away, some that end meanwhile, and some that did not begin.
    const gate = join(folder, 'gate');
    const wait = `while [ ! -e ${gate} ]; do sleep 0.05; done`;
    const lines = all(40).map((i) => `echo ${i} >> ${begun}; ${i === 0 ? wait : 'sleep 0.3'}; echo ${i} >> ${ran}`);
    await submitFrom(lines, { address: options.address, auth });
    await until(() => pidsIn(begun).length >= 6, 'the first commands');
    await first.kill();
    const away = performance.now();
    await until(() => performance.now() - away > 2_200, 'more than evictAfter without a server');
    const second = await startServerProgram({ ...options, [mode]: true });
    await until(() => pidsIn(ran).length === 39, 'all that can end', 40_000);
    writeFileSync(gate, '');
    await until(() => pidsIn(ran).length === 40, 'all of them', 40_000);
    if (mode === 'restartMode') {
      expect(await second.exit).toBe(0);
      expect(second.last('summary')).toMatchObject({ pending: 0, retried: 0, lost: 0, failed: 0 });
      expect(await client.exit).toBe(0);
    } else {
      await using tasks = await openTasks(database);
      await until(async () => (await tasks.count({ outcome: 'succeeded' })) === 40, 'the results');
      await second.kill();
      await client.kill();
    }
    expect(sorted(ran)).toEqual(all(40));
    expect(sorted(begun)).toEqual(all(40));
    await expectFirstAttempts(database, 40);
  },
);

it.each<[string, Direction]>([
  ['results that never reached the server', 'up'],
  ['results whose acknowledgements were lost', 'down'],
])('%s when it was killed are delivered to the next one, and recorded once', async (_, direction) => {
  const folder = temporaryFolder();
  const [database, ran] = [join(folder, 'tasks.db'), join(folder, 'ran')];
  const port = await freePort();
  const options = { database, auth, address: ['localhost', port] as [string, number] };
  const first = await startServerProgram({ ...options, foreverMode: true });
  const proxy = await openProxy(port);
  const client = startProgram('work.mjs', { address: proxy.address, auth, numTasks: 8 });
  const gate = join(folder, 'gate');
  const lines = all(8).map((i) => `echo ${i} >> ${ran}; while [ ! -e ${gate} ]; do sleep 0.05; done; echo ${i} >> ${gate}-passed`);
  await submitFrom(lines, { address: ['localhost', port], auth });
  await until(() => pidsIn(ran).length === 8, 'the start of all');
  proxy.silence(direction);
  writeFileSync(gate, '');
  await until(() => pidsIn(`${gate}-passed`).length === 8, 'the end of all');
  if (direction === 'down') {
    await using tasks = await openTasks(database);
    await until(async () => (await tasks.count({ outcome: 'succeeded' })) === 8, 'the results in the file');
  }
  await first.kill();
  const second = await startServerProgram({ ...options, restartMode: true });
  proxy.cut();
  proxy.heal();
  expect(await second.exit).toBe(0);
  expect(second.last('summary')).toMatchObject({ pending: 0, retried: 0, lost: 0 });
  expect(sorted(ran)).toEqual(all(8));
  await expectFirstAttempts(database, 8);
  await client.kill();
});

it('the tasks of a client that is killed are with another within 2 s, with an evictAfter of 10 s', async () => {
  const runs = join(temporaryFolder(), 'runs');
  const server = await startServer({ foreverMode: true, evictAfter: 10 });
  const client = startProgram('work.mjs', { address: server.address, numTasks: 2, prefetch: 5 });
  const tasks = all(4).map((i) =>
    server.run(`echo ${i} >> ${runs}; [ $TASK_ATTEMPT = 2 ] || sleep ${i < 2 ? 600 : 0}; echo $TASK_ATTEMPT`),
  );
  await until(() => pidsIn(runs).length === 2, 'what it runs');
  await startClient(server, { numTasks: 4 });
  await until(() => pidsIn(runs).length === 4, 'what the other runs');
  const killed = performance.now();
  await client.kill();
  await Promise.all(tasks);
  expect(performance.now() - killed).toBeLessThan(2_000);
  expect(await server.progress()).toMatchObject({ succeeded: 4, failed: 0, lost: 0 });
});

it('the tasks of a client that is frozen go to another after evictAfter, and what it then brings is refused and counted', async () => {
  const runs = join(temporaryFolder(), 'runs');
  const server = await startServer({ evictAfter: 2, reconnectGrace: 0.2, foreverMode: true });
  const frozen = startProgram('work.mjs', { address: server.address, resources: { frozen: 1 } });
  const result = server.run(
    `echo 1 >> ${runs}; [ $TASK_ATTEMPT = 2 ] || until [ -e ${runs}-go ]; do sleep 0.02; done; echo 2 >> ${runs}; echo $TASK_ATTEMPT`,
  );
  await until(() => pidsIn(runs).length === 1, 'its start');
  process.kill(frozen.pid, 'SIGSTOP');
  writeFileSync(`${runs}-go`, '');
  const began = performance.now();
  const next = await startClient(server);
  expect(await result).toMatchObject({ outcome: 'succeeded', attempt: 2, clientId: next.id, stdout: Buffer.from('2\n') });
  // evictAfter, a second at most until the next look, and what a busy machine takes.
  expect(performance.now() - began).toBeLessThan(2_000 + 1_000 + 3_000);
  process.kill(frozen.pid, 'SIGCONT');
  // Only it can run this: it gets work again after it has told what it had.
  expect((await server.run({ args: 'true', resources: { frozen: 1 } })).outcome).toBe('succeeded');
  await server.stop({ drain: true });
  expect(await server.join(20)).toMatchObject({ submitted: 2, succeeded: 2, retried: 1, lost: 0, duplicatesRefused: 1 });
  expect(await frozen.exit).toBe(0);
});

it('of a submitter that is killed half way what was acknowledged is there, and by their keys the rest is added, nothing twice', async () => {
  const server = await startServer({ foreverMode: true, database: join(temporaryFolder(), 'tasks.db') });
  const count = 1_000;
  const submitter = startProgram('submit-keyed.mjs', { address: server.address, count, pause: 10 });
  const acknowledged = (): number => Math.max(0, ...submitter.lines.map((line) => (line as { acknowledged?: number }).acknowledged ?? 0));
  await until(() => acknowledged() >= 100, 'some bundles');
  await submitter.kill();
  const args = async (): Promise<string[]> => (await collect(server.tasks.find())).map((record) => record.args);
  const there = await args();
  const lines = all(count).map((i) => `: ${i}`);
  expect(there.length).toBeGreaterThanOrEqual(acknowledged());
  expect(there.length).toBeLessThan(count);
  expect(there).toEqual(lines.slice(0, there.length));
  const again = startProgram('submit-keyed.mjs', { address: server.address, count, pause: 0 });
  expect(await again.exit).toBe(0);
  expect(again.lines.at(-1)).toEqual({ summary: { submitted: count - there.length, duplicates: there.length, rejected: 0 } });
  expect(await args()).toEqual(lines);
});

it('a submitter whose server is killed under it goes on with the next one: every task once', async () => {
  const folder = temporaryFolder();
  const options = {
    database: join(folder, 'tasks.db'),
    auth,
    address: ['localhost', await freePort()] as [string, number],
    foreverMode: true,
  };
  let server = await startServerProgram(options);
  const lines = all(8_000).map((i) => `: ${i}`);
  const submission = submitFrom(lines, { address: options.address, auth, bundlesize: 5 });
  for (const part of [500, 3_000]) {
    await using tasks = await openTasks(options.database);
    await until(async () => (await tasks.count()) > part, 'a part of them');
    await server.kill();
    server = await startServerProgram(options);
  }
  expect(await submission).toEqual({ submitted: 8_000, duplicates: 0, rejected: 0 });
  await server.kill();
  await using tasks = await openTasks(options.database);
  expect((await collect(tasks.find())).map(({ args }) => args)).toEqual(lines);
});
