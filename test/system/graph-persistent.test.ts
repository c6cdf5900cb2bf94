/** Persistent sessions of task graphs: over lost connections, other programs, and servers that are killed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ClientThread } from '../../dist/index.js';
import { blob, Client, type Session, type Task, TaskException, tasks } from '../../dist/session/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, graphKey, startCluster, submitOvernight, userOf } from './graph-rig.ts';
import { type Program, startProgram, startServerProgram } from './rig.ts';

const patience = 60_000;

function newUser(port: number): Client {
  const client = new Client('127.0.0.1', port, { auth: graphKey });
  onTestFinished(() => client.close());
  return client;
}

/** A server in a process of its own with an SQLite file: `restart` kills it and starts another one at its place. */
async function startDurable(folder: string): Promise<{ port: number; kill(): Promise<void>; start(): Promise<void> }> {
  const options = { auth: graphKey, database: join(folder, 'tasks.db'), foreverMode: true, evictAfter: 2, reconnectGrace: 2 };
  let program: Program = await startServerProgram({ ...options, address: ['127.0.0.1', 0] });
  const { port } = program.last('address') as { port: number };
  return {
    port,
    kill: () => program.kill(),
    async start() {
      program = await startServerProgram({ ...options, address: ['127.0.0.1', port] });
    },
  };
}

async function startWorker(port: number, resources: Record<string, number> = {}): Promise<ClientThread> {
  const worker = await ClientThread.new({ address: ['127.0.0.1', port], auth: graphKey, numTasks: 2, resources });
  onTestFinished(() => worker.stop({ timeout: 5 }));
  return worker;
}

const textOf = async (task: Task): Promise<string> => (await task.output.fetch()).getStr();
const namedIn = (session: Session, name: string): Task => session.submitted().tasks.find((task) => task.name === name)!;

test('a server is killed under a persistent session: what waits goes on, what runs ends, what was made is there, and nothing runs twice', async () => {
  const folder = temporaryFolder();
  const server = await startDurable(folder);
  await startWorker(server.port);
  await startWorker(server.port);
  const session = await newUser(server.port).newSession('kill', { persistent: true });
  expect(session.resumed).toBe(false);
  const { runs, ...made } = await submitOvernight(session, folder);
  await session.wait([made.early, made.sized]);
  await until(() => readFileSync(runs, 'utf8').includes('long'), 'the long one runs', patience);
  const waiting = session.waitAll();
  await server.kill();
  // It ends while there is no server.
  writeFileSync(join(folder, 'go'), '');
  await server.start();
  await waiting;
  expect(await textOf(made.last)).toBe('earlylong');
  expect((await (await made.sized.output.fetch()).getBytes()).length).toBe(3_000_005);
  await session.update(Object.values(made));
  expect(Object.values(made).map(({ state }) => state)).toEqual(['finished', 'finished', 'finished', 'finished']);
  expect(readFileSync(runs, 'utf8').trim().split('\n').sort()).toEqual(['early', 'long']);
  expect(await session.progress()).toMatchObject({ finished: 4, recomputed: 0 });
  // More can be built on what was there before.
  const more = await session.bindOnly(async () => {
    const task = tasks.concat([made.last, blob('!')]);
    task.output.keep();
    await session.submit();
    return task;
  });
  expect(await textOf(more)).toBe('earlylong!');
});

test('a server and one of its clients are killed: what that client held is made again, and the rest is not', async () => {
  const folder = temporaryFolder();
  const server = await startDurable(folder);
  const runs = join(folder, 'runs');
  const victim = startProgram('work.mjs', { address: ['127.0.0.1', server.port], auth: graphKey, numTasks: 2, resources: { victim: 1 } });
  await until(() => victim.last('id') !== undefined, 'the client is connected', patience);
  await startWorker(server.port, { other: 1 });
  const session = await newUser(server.port).newSession('kill both', { persistent: true });
  const made = await session.bindOnly(async () => {
    const program = (word: string): string => `echo ${word} >> ${runs}; printf ${word}`;
    const here = tasks.execute(program('here'), { shell: true, stdout: true, resources: { other: 1 } });
    const there = tasks.execute(program('there'), { shell: true, stdout: true, resources: { victim: 1 } });
    const both = tasks.concat([here, there], { resources: { victim: 1 } });
    for (const task of [here, both]) task.output.keep();
    await session.submit();
    return { here, both };
  });
  await session.waitAll();
  await Promise.all([server.kill(), victim.kill()]);
  await server.start();
  const heir = startProgram('work.mjs', { address: ['127.0.0.1', server.port], auth: graphKey, numTasks: 2, resources: { victim: 1 } });
  await until(() => heir.last('id') !== undefined, 'another client is connected', patience);
  expect(await textOf(made.both)).toBe('herethere');
  expect(await textOf(made.here)).toBe('here');
  expect(readFileSync(runs, 'utf8').trim().split('\n').sort()).toEqual(['here', 'there', 'there']);
  expect(await session.progress()).toMatchObject({ finished: 3, recomputed: 2 });
});

test('what a client that left had, and others took or had, is not made again after a restart', async () => {
  const folder = temporaryFolder();
  const runs = join(folder, 'runs');
  const server = await startDurable(folder);
  const first = await startWorker(server.port, { first: 1 });
  const session = await newUser(server.port).newSession('handed', { persistent: true });
  const made = await session.bindOnly(async () => {
    const program = (word: string): string => `echo ${word} >> ${runs}; printf ${word}`;
    const [taken, copied] = ['taken', 'copied'].map((word) =>
      tasks.execute(program(word), { shell: true, stdout: true, resources: { first: 1 } }),
    ) as [Task, Task];
    for (const task of [taken, copied]) task.output.keep();
    await session.submit();
    return { taken, copied };
  });
  await session.waitAll();
  await startWorker(server.port, { second: 1 });
  await session.bindOnly(async () => {
    tasks.execute(['cat'], { stdin: made.copied, stdout: true, resources: { second: 1 } });
    await session.submit();
  });
  await session.waitAll();
  await first.stop({ drain: true });
  await server.kill();
  await server.start();
  expect([await textOf(made.taken), await textOf(made.copied)]).toEqual(['taken', 'copied']);
  expect(readFileSync(runs, 'utf8').trim().split('\n').sort()).toEqual(['copied', 'taken']);
  expect(await session.progress()).toMatchObject({ recomputed: 0 });
});

test('a session that failed has still failed after a restart, and its name is free when it is closed', async () => {
  const server = await startDurable(temporaryFolder());
  await startWorker(server.port);
  const first = newUser(server.port);
  const session = await first.newSession('failing', { persistent: true });
  await session.bindOnly(async () => {
    tasks.execute('echo why >&2; exit 3', { shell: true, name: 'broken' });
    await session.submit();
  });
  expect(await failureOf(() => session.waitAll())).toBeInstanceOf(TaskException);
  await first.close();
  await server.kill();
  await server.start();
  const client = newUser(server.port);
  const again = await client.newSession('failing', { persistent: true });
  const failure = (await failureOf(() => again.waitAll())) as TaskException;
  expect([failure.code, failure.failure.stderr.trim()]).toEqual(['ERR_TASK_FAILED', 'why']);
  expect(namedIn(again, 'broken').taskType).toBe('builtin/run');
  expect((await client.persistentSessions()).map(({ name, state, attached }) => [name, state, attached])).toEqual([
    ['failing', 'failed', true],
  ]);
  await again.close();
  expect(await client.persistentSessions()).toEqual([]);
  await server.kill();
  await server.start();
  const fresh = await client.newSession('failing', { persistent: true });
  expect([fresh.resumed, fresh.submitted().tasks.length]).toEqual([false, 0]);
});

test('a persistent session goes on without its program, and another one takes it up by its name', async () => {
  const { server, client } = await startCluster();
  const session = await client.newSession('shared', { persistent: true });
  await session.bindOnly(async () => {
    const task = tasks.sleep(0.2, tasks.concat([blob('a'), blob('b')], { name: 'joined' }), { name: 'later' });
    task.spec.user.word = 'of the program';
    task.output.keep();
    await session.submit();
  });
  await session.detach();
  expect((await failureOf(() => session.waitAll())).code).toBe('ERR_SESSION');
  const other = userOf(server);
  const taken = await other.newSession('shared', { persistent: true });
  expect([taken.resumed, taken.sessionId === session.sessionId]).toEqual([true, true]);
  await taken.waitAll();
  const later = namedIn(taken, 'later');
  expect([await textOf(later), later.spec.user.word, later.inputs.get(0).label, later.output.isKept()]).toEqual([
    'ab',
    'of the program',
    'output',
    true,
  ]);
  // Numbers go on behind those that were given before.
  await taken.bindOnly(async () => {
    const more = tasks.concat([later, blob('c')]);
    more.output.keep();
    await taken.submit();
    expect(await textOf(more)).toBe('abc');
  });
  await taken.unkeep([later]);
  // A third takes it from the second, who is told.
  const third = await client.newSession('shared', { persistent: true });
  expect(namedIn(third, 'later').output.isKept()).toBe(false);
  expect(await failureOf(() => taken.progress())).toMatchObject({ code: 'ERR_SESSION' });
  expect(third.submitted().tasks.length).toBe(3);
  // The handle of who had it before closes nothing.
  await taken.close();
  expect((await client.persistentSessions()).map(({ name, attached }) => [name, attached])).toEqual([['shared', true]]);
  expect([await other.closePersistent('shared'), await other.closePersistent('shared')]).toEqual([true, false]);
  expect(await failureOf(() => third.waitAll())).toMatchObject({ code: 'ERR_SESSION' });
});

test('what a persistent session cannot be is refused', async () => {
  const { client } = await startCluster(0);
  expect((await failureOf(() => client.newSession(undefined, { persistent: true }))).message).toMatch(/needs a name/);
  expect((await failureOf(() => client.newSession('x', { persistent: 1 as never }))).message).toMatch(/true or false/);
  const plain = await client.newSession('x');
  expect((await failureOf(() => plain.detach())).message).toMatch(/only a persistent session/);
  await client.newSession('x', { persistent: true, onFailure: 'continue' });
  expect(await failureOf(() => client.newSession('x', { persistent: true }))).toMatchObject({ code: 'ERR_STATE' });
  expect(await client.closePersistent('x')).toBe(true);
});

test('of several that take a session up at once one has it in the end, and each other one is told so', async () => {
  const { server } = await startCluster(0);
  const users = Array.from({ length: 6 }, () => userOf(server));
  const made = await Promise.allSettled(users.map((user) => user.newSession('shared', { persistent: true })));
  const states = await Promise.all(
    made.map(async (one) => {
      if (one.status === 'rejected') return one.reason as object;
      return await one.value.progress().then(
        () => 'has it',
        (error: unknown) => error as object,
      );
    }),
  );
  const others = states.filter((state) => state !== 'has it');
  expect(others).toHaveLength(5);
  for (const error of others)
    expect(error).toMatchObject({
      name: 'SessionException',
      code: 'ERR_SESSION',
      message: expect.stringMatching(/another program has taken/),
    });
  // Also a call that cannot be made is a promise.
  await expect(users[0]!.closePersistent(5 as never)).rejects.toMatchObject({ name: 'RainException' });
  expect(await users[0]!.closePersistent('shared')).toBe(true);
});
