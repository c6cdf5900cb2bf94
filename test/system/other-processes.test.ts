/** Other processes and a server: connect(), submitters to a server or to its database, servers and clients that are killed. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { connect, openTasks, ServerThread, submitFrom } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, isAlive, pidsIn, startClient, startPair, startProgram, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

for (const auth of [undefined, 'a key of both sides']) {
  it(`another process submits, runs, cancels and asks ${auth === undefined ? 'as the same user, without a key' : 'with the key'}`, async () => {
    const { server } = await startPair(auth === undefined ? {} : { auth }, auth === undefined ? { numTasks: 2 } : { auth, numTasks: 2 });
    const other = startProgram('control.mjs', { address: server.address, auth });
    expect(await other.exit).toBe(0);
    expect(other.lines).toMatchObject([
      {
        receipt: { submitted: 3, duplicates: 0, rejected: 0, ids: [{}, {}, {}].map(() => expect.any(String)) },
        outcome: 'succeeded',
        stdout: 'from afar\n',
        cancelled: 1,
        exitStatus: 4,
        submitted: 4,
      },
    ]);
    expect(await server.progress()).toMatchObject({ succeeded: 2, failed: 1, cancelled: 1, pending: 0 });
  });
}

it('a server listens on a unix socket, and whoever connects uses it as any other', async () => {
  const path = join(temporaryFolder(), 'millrace.sock');
  const server = await startServer({ address: { path }, foreverMode: true });
  expect(server.address).toEqual({ path });
  await startClient(server);
  await using other = await connect({ path });
  expect((await other.run('echo socket')).stdout.toString()).toBe('socket\n');
  await server.stop();
  expect(existsSync(path)).toBe(false);
});

it('over TLS with a self-made certificate everything works as without', async () => {
  const auth = 'a key of both sides';
  const server = await startServer({ foreverMode: true, tls: true, auth });
  await startClient(server, { tls: true, auth });
  expect((await server.run('echo secret')).stdout.toString()).toBe('secret\n');
  expect(await codeOf(() => connect(server.address, { auth, connectTimeout: 1 }))).toMatch(/^ERR_/);
});

it('a connection reads the results of a run that it did not start, and has no more after close()', async () => {
  const server = await startServer({ source: Array.from({ length: 700 }, (_, i) => `echo ${i}`) });
  const other = await connect(server.address);
  const reading = collect(other.results());
  await startClient(server, { numTasks: 2 });
  expect((await reading).map(({ stdout }) => Number(stdout)).sort((a, b) => a - b)).toEqual(Array.from({ length: 700 }, (_, i) => i));
  await server.join(10);
  await other.close();
  expect(await codeOf(() => other.progress())).toMatch(/^ERR_(ENDED|CONNECTION_CLOSED)$/);
});

it('submitting to a database that nobody holds stores the tasks for the next server', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  expect(await submitFrom(['echo 1', { args: 'echo 2', key: 'k' }, { args: 'x', cores: -1 }], { database })).toEqual({
    submitted: 3,
    duplicates: 0,
    rejected: 1,
  });
  expect(await submitFrom([{ args: 'echo 2', key: 'k' }], { database })).toEqual({ submitted: 0, duplicates: 1, rejected: 0 });
  const server = await startServer({ database, restartMode: true });
  await startClient(server);
  expect(await server.join(15)).toMatchObject({ succeeded: 2, pending: 0 });
  await using tasks = await openTasks(database);
  expect((await collect(tasks.find())).map(({ args, outcome }) => [args, outcome])).toEqual([
    ['echo 1', 'succeeded'],
    ['echo 2', 'succeeded'],
    ['x', 'rejected'],
  ]);
});

it('a server that is to finish what an earlier run left, and finds nothing pending, starts and ends at once', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  await submitFrom([{ args: 'x', cores: -1 }], { database });
  for (let times = 0; times < 5; times++) {
    const server = await startServer({ database, restartMode: true });
    expect(await server.join(10)).toMatchObject({ pending: 0, succeeded: 0 });
  }
});

it('submitting to a database that a server holds goes through that server', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const { server } = await startPair({ database });
  expect(await submitFrom(['echo through'], { database })).toEqual({ submitted: 1, duplicates: 0, rejected: 0 });
  await until(async () => (await server.progress()).succeeded === 1);
});

it('submitting to a database of a server whose key one does not have is refused', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  await startServer({ database, foreverMode: true, auth: 'the key of the server' });
  expect(await codeOf(() => submitFrom(['true'], { database }))).toBe('ERR_DATABASE_IN_USE');
  expect(await submitFrom(['true'], { database, auth: 'the key of the server' })).toMatchObject({ submitted: 1 });
});

it('a second server on the same database is refused while the first lives, and takes over when it is killed', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const first = await startServerProgram({ database, address: ['localhost', 0], foreverMode: true });
  expect(await codeOf(() => ServerThread.new({ address: 'localhost:0', database }))).toBe('ERR_DATABASE_IN_USE');
  await first.kill();
  await startServer({ database, foreverMode: true });
});

it('a server that is killed and started again on its file loses nothing and runs nothing twice, its client living on', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'tasks.db');
  const runs = join(folder, 'runs');
  const count = 400;
  const options = { database, address: ['localhost', await freePort()] as [string, number] };
  let host = await startServerProgram({ ...options, foreverMode: true });
  const client = startProgram('work.mjs', { address: options.address, numTasks: 3 });
  // Some are left whenever it is killed: a client that comes back after the end of the last of them would wait for another server.
  const go = join(folder, 'go');
  const waits = `until [ -e ${go} ]; do sleep 0.02; done; `;
  const lines = Array.from({ length: count }, (_, i) => `${i < count * 0.75 ? '' : waits}echo ${i} >> ${runs}; sleep 0.01`);
  expect(await submitFrom(lines, { address: options.address })).toMatchObject({ submitted: count });
  for (const part of [0.2, 0.5]) {
    await until(() => pidsIn(runs).length > count * part, 'a part of the work', 20_000);
    await host.kill();
    host = await startServerProgram({ ...options, ...(part === 0.5 ? { restartMode: true } : { foreverMode: true }) });
  }
  writeFileSync(go, '');
  await host.exit;
  expect(host.last('summary')).toMatchObject({ pending: 0, failed: 0, lost: 0 });
  expect(await client.exit).toBe(0);
  await using tasks = await openTasks(database);
  const records = await collect(tasks.find());
  expect(records.map(({ args }) => args)).toEqual(lines);
  expect(records.filter(({ outcome, attempt }) => outcome !== 'succeeded' || attempt !== 1)).toEqual([]);
  expect(pidsIn(runs).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
});

it('a client that stops answering loses its tasks to the next one, and its late results are refused and counted', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const server = await startServer({ evictAfter: 2, reconnectGrace: 0.2, foreverMode: true });
  const evicted: string[] = [];
  server.on('evicted', (tasks) => evicted.push(...tasks.map(({ id }) => id)));
  const stuck = startProgram('work.mjs', { address: server.address });
  const result = server.run(
    `echo $$ >> ${pids}; [ $TASK_ATTEMPT = 2 ] || until [ -e ${pids}-go ]; do sleep 0.02; done; echo $TASK_ATTEMPT`,
  );
  await until(() => pidsIn(pids).length === 1);
  process.kill(stuck.pid, 'SIGSTOP');
  writeFileSync(`${pids}-go`, '');
  const next = await startClient(server);
  const { outcome, attempt, stdout, clientId } = await result;
  expect([outcome, attempt, stdout.toString(), clientId]).toEqual(['succeeded', 2, '2\n', next.id]);
  process.kill(stuck.pid, 'SIGCONT');
  await until(async () => (await server.clients()).filter(({ connected }) => connected).length === 2, 'the return of the client', 10_000);
  expect(evicted).toHaveLength(1);
  expect(await server.progress()).toMatchObject({ submitted: 1, succeeded: 1, pending: 0 });
  // A loss is no retry of a failure, and the task has one outcome.
  expect((await server.tasks.history((await collect(server.tasks.find()))[0]?.id ?? '')).map((it) => it.outcome)).toEqual([
    'lost',
    'succeeded',
  ]);
});

it('a server that vanishes without a word is noticed by who is connected', async () => {
  const server = await startServerProgram({ address: ['localhost', 0], evictAfter: 2, foreverMode: true });
  const connection = await connect(server.last('address') as ServerThread['address']);
  const waiting = [codeOf(() => connection.run('true')), codeOf(() => collect(connection.results()))];
  await until(async () => (await connection.progress()).submitted === 1);
  process.kill(server.pid, 'SIGSTOP');
  expect(await Promise.all(waiting)).toEqual(['ERR_CONNECTION_CLOSED', 'ERR_CONNECTION_CLOSED']);
});

it('a submission beside a server with TLS needs only the name of its database', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  await startServer({ database, foreverMode: true, tls: true });
  expect(await submitFrom(['true', 'true'], { database })).toMatchObject({ submitted: 2 });
});

it('a task whose clients are lost too often fails as lost', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const server = await startServer({ source: [`echo $$ >> ${pids}; exec sleep 600`], maxLosses: 2, reconnectGrace: 0.1, evictAfter: 2 });
  for (const losses of [1, 2]) {
    const client = startProgram('work.mjs', { address: server.address });
    await until(() => pidsIn(pids).length === losses);
    await client.kill();
  }
  expect(await server.join(20)).toMatchObject({ submitted: 1, lost: 1, pending: 0 });
});

it('a running task that another process cancels is dead with its group within taskSignalwait, and stays cancelled', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const server = await startServer({ foreverMode: true, database: join(temporaryFolder(), 'tasks.db') });
  await startClient(server, { taskSignalwait: 5 });
  const args = `echo $$ >> ${pids}; sh -c 'echo $$ >> ${pids}; exec sleep 600' & sleep 600; echo late`;
  const { ids } = await server.submit([{ args, tags: { doomed: '' } }]);
  await until(() => pidsIn(pids).length === 2, 'the start of both processes');
  const began = performance.now();
  const other = startProgram('cancel.mjs', { address: server.address, tag: 'doomed' });
  await until(() => other.lines.length === 1, 'the cancel');
  expect(other.lines[0]).toMatchObject({ cancelled: 1 });
  await until(() => pidsIn(pids).every((pid) => !isAlive(pid)), 'the end of the group', 5_000);
  expect(performance.now() - began).toBeLessThan(5_000);
  await server.run('true');
  expect(await server.tasks.get(ids?.[0] ?? '')).toMatchObject({ state: 'done', outcome: 'cancelled', exitStatus: null });
});
