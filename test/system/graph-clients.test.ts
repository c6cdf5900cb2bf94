/** What clients of task graphs say and leave behind: when a task really runs, and where its objects are when its client has left. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ClientThread, type ServerThread } from '../../dist/index.js';
import { blob, directory, type Session, type Task, tasks } from '../../dist/session/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { graphKey, openSession, startCluster } from './graph-rig.ts';

const patience = 60_000;

async function startWorker(
  server: ServerThread,
  options: { numTasks?: number; resources?: Record<string, number> } = {},
): Promise<ClientThread> {
  const worker = await ClientThread.new({ address: server.address, auth: graphKey, numTasks: 2, ...options });
  onTestFinished(() => worker.stop({ timeout: 5 }));
  return worker;
}

/** A small and a large object, made by programs that count how often they run; only a client that has `first` may make them. */
async function makeObjects(session: Session, folder: string, resources: Record<string, number> = { first: 1 }): Promise<[Task, Task]> {
  return session.bindOnly(async () => {
    const runs = join(folder, 'runs');
    const small = tasks.execute(`echo small >> ${runs}; printf small`, { shell: true, stdout: true, resources });
    const large = tasks.execute(`echo large >> ${runs}; head -c 5000000 /dev/zero`, { shell: true, stdout: true, resources });
    for (const task of [small, large]) task.output.keep();
    await session.submit();
    await session.waitAll();
    return [small, large];
  });
}

async function expectWhole(session: Session, [small, large]: [Task, Task], folder: string): Promise<void> {
  expect(await (await small.output.fetch()).getStr()).toBe('small');
  expect((await (await large.output.fetch()).getBytes()).equals(Buffer.alloc(5_000_000))).toBe(true);
  expect(readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').sort()).toEqual(['large', 'small']);
  expect(await session.progress()).toMatchObject({ recomputed: 0 });
}

test.each([{ drain: true }, { drain: false }])(
  'a client that leaves (%o) gives what it has to another: nothing is made again',
  async (how) => {
    const { server, client } = await startCluster(0);
    const first = await startWorker(server, { resources: { first: 1 } });
    const folder = temporaryFolder();
    const session = await openSession(client);
    const made = await makeObjects(session, folder);
    const second = await startWorker(server);
    await first.stop(how);
    await expectWhole(session, made, folder);
    const { clients } = await client.getServerInfo();
    expect(clients.map(({ id, objects }) => [id, objects.length])).toEqual([[second.id, 2]]);
  },
);

test('what the last client has goes to the server, and from there to programs and to clients that come later', async () => {
  const { server, client } = await startCluster(0);
  const first = await startWorker(server, { resources: { first: 1 } });
  const folder = temporaryFolder();
  const session = await openSession(client);
  const made = await makeObjects(session, folder);
  await first.stop();
  expect((await client.getServerInfo()).clients).toEqual([]);
  await expectWhole(session, made, folder);
  await startWorker(server);
  const both = await session.bindOnly(async () => {
    const task = tasks.execute(['wc', '-c'], { stdin: tasks.concat(made), stdout: true });
    task.output.keep();
    await session.submit();
    return task;
  });
  expect((await (await both.output.fetch()).getStr()).trim()).toBe('5000005');
  await session.unkeep(made);
  expect(await session.progress()).toMatchObject({ recomputed: 0, failed: 0 });
});

test('a task that runs while its client drains ends there, and what it makes is not lost', async () => {
  const { server, client } = await startCluster(0);
  const first = await startWorker(server, { resources: { first: 1 } });
  const folder = temporaryFolder();
  const session = await openSession(client);
  const task = await session.bindOnly(async () => {
    const made = tasks.execute(`echo run >> ${folder}/runs; while ! test -e ${folder}/go; do sleep 0.05; done; printf done`, {
      shell: true,
      stdout: true,
      resources: { first: 1 },
    });
    made.output.keep();
    await session.submit();
    return made;
  });
  await until(async () => (await session.progress()).running === 1, 'it runs', patience);
  await startWorker(server);
  const left = first.stop({ drain: true });
  writeFileSync(join(folder, 'go'), '');
  await left;
  expect(await (await task.output.fetch()).getStr()).toBe('done');
  expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
});

test('a directory goes with its client as well', async () => {
  const { server, client } = await startCluster(0);
  const first = await startWorker(server, { resources: { first: 1 } });
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'in', 'a.txt'), 'text');
  const session = await openSession(client);
  const part = await session.bindOnly(async () => {
    const made = tasks.makeDirectory({ deep: await directory(join(folder, 'in')), note: blob('n') }, { resources: { first: 1 } });
    made.output.keep();
    await session.submit();
    await session.waitAll();
    return made;
  });
  await first.stop();
  await (await part.output.fetch()).write(join(folder, 'out'));
  expect(readFileSync(join(folder, 'out', 'deep', 'a.txt'), 'utf8')).toBe('text');
});

test('a task is said to run when it does: what its client has for later is not', async () => {
  const { server, client } = await startCluster(0);
  await startWorker(server, { numTasks: 1 });
  const session = await openSession(client);
  const folder = temporaryFolder();
  const both = await session.bindOnly(async () => {
    const wait = `while ! test -e ${folder}/go; do sleep 0.05; done`;
    const first = tasks.execute(wait, { shell: true, stdout: true, name: 'first' });
    const second = tasks.concat([first, tasks.execute('true', { stdin: first, stdout: true })], { name: 'second' });
    await session.submit();
    return { first, second };
  });
  await until(async () => (await session.progress()).running === 1, 'the first runs', patience);
  await session.update([both.first, both.second]);
  expect(both.first.state).toBe('running');
  expect(['waiting', 'assigned']).toContain(both.second.state);
  expect(await session.explain(both.first)).toMatch(/^it runs on the client /);
  expect(await session.progress()).toMatchObject({ running: 1, finished: 0 });
  writeFileSync(join(folder, 'go'), '');
  await session.waitAll();
  expect(await session.progress()).toMatchObject({ running: 0, finished: 3 });
});
