/** Functions of task graphs that are ahead of a thread, when the one before them blocks, dies, or is stopped, and when their client leaves: each runs once. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blob, type Context, remote, type Session, type Task, tasks } from '../../dist/session/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, graphKey, openSession, startCluster } from './graph-rig.ts';
import { startClient } from './rig.ts';

type Act = 'return' | 'block' | 'exit' | 'wait';

/** Notes that it ran. `block`: its thread does nothing else until there is a file `go`. `wait`: until it is aborted. */
const call = remote(async (context: Context, folder: string, name: string, act: Act): Promise<string> => {
  const { appendFileSync, existsSync: isThere } = process.getBuiltinModule('node:fs');
  appendFileSync(`${folder}/runs`, `${name}\n`);
  if (act === 'exit') process.exit(3);
  if (act === 'block') while (!isThere(`${folder}/go`)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  if (act === 'wait') {
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    appendFileSync(`${folder}/runs`, 'aborted\n');
  }
  return name;
});

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);
const patience = 60_000;

class Notes {
  readonly folder = temporaryFolder();

  get runs(): string[] {
    const path = join(this.folder, 'runs');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  go(): void {
    writeFileSync(join(this.folder, 'go'), '');
  }
}

/** From now on its clients know that the function is short. */
async function learn(session: Session): Promise<number> {
  const { folder } = new Notes();
  await session.bindOnly(async () => {
    for (const name of names(200)) call(folder, name, 'return');
    await session.submit();
    await session.waitAll();
  });
  return 200;
}

test.each([
  { what: 'another slot', clients: 1, numTasks: 2 },
  { what: 'another client', clients: 2, numTasks: 1 },
])('what is placed behind a call that blocks its thread runs on $what', async ({ clients, numTasks }) => {
  const { client } = await startCluster(clients, { numTasks });
  const session = await openSession(client);
  const before = await learn(session);
  const notes = new Notes();
  await session.bindOnly(async () => {
    call(notes.folder, 'first', 'block');
    for (const name of names(100)) call(notes.folder, name, 'return');
    await session.submit();
    await until(async () => (await session.progress()).finished === before + 100, 'all but the first', patience);
    expect(await session.progress()).toMatchObject({ running: 1 });
    notes.go();
    await session.waitAll();
  });
  expect(notes.runs.sort()).toEqual(['first', ...names(100)].sort());
});

test('a call that ends its thread fails alone: what was before it and behind it runs once', async () => {
  const { client } = await startCluster(1, { numTasks: 1 });
  const session = await openSession(client, { onFailure: 'continue' });
  await learn(session);
  const notes = new Notes();
  await session.bindOnly(async () => {
    for (const name of names(100)) call(notes.folder, name, name === '50' ? 'exit' : 'return');
    await session.submit();
    expect((await failureOf(() => session.waitAll())).message).toMatch(/ERR_WORKER_CRASHED|thread of the function ended/);
    await until(async () => (await session.progress()).finished === 299, 'the others', patience);
  });
  expect(notes.runs.sort()).toEqual(names(100).sort());
  expect(await session.progress()).toMatchObject({ failed: 1, finished: 299 });
});

/** A call that acts so, with calls of another session behind it in the thread of the only slot. */
async function ahead(one: Session, other: Session, notes: Notes, act: Act): Promise<Task> {
  const first = await one.bindOnly(async () => {
    // The slot is taken until all of them are there.
    tasks.sleep(0.3, blob('x'));
    await one.submit();
    const task = call(notes.folder, 'first', act);
    await one.submit();
    return task;
  });
  await other.bindOnly(async () => {
    for (const name of names(50)) call(notes.folder, name, 'return');
    await other.submit();
  });
  await until(() => notes.runs.includes('first'), 'the first call', patience);
  return first;
}

test.each(['block', 'wait'] as const)('when a session ends whose call is to %s, calls of others behind it run once', async (act) => {
  const { client } = await startCluster(1, { numTasks: 1 });
  const [one, other] = [await openSession(client), await openSession(client)];
  await learn(one);
  await learn(other);
  const notes = new Notes();
  await ahead(one, other, notes, act);
  await one.close();
  await other.waitAll();
  expect(notes.runs.sort()).toEqual([...(act === 'wait' ? ['aborted'] : []), 'first', ...names(50)].sort());
  expect(await other.progress()).toMatchObject({ failed: 0, recomputed: 0 });
});

test('a client that drains gives back what is behind the call that runs, and ends with that', async () => {
  const { server, client } = await startCluster(0);
  const leaving = await startClient(server, { auth: graphKey, numTasks: 1 });
  const session = await openSession(client);
  const before = await learn(session);
  const notes = new Notes();
  const first = await ahead(session, session, notes, 'block');
  await startClient(server, { auth: graphKey, numTasks: 1 });
  const left = leaving.stop({ drain: true });
  await until(async () => (await session.progress()).finished === before + 51, 'what was behind it', patience);
  expect(await session.progress()).toMatchObject({ running: 1 });
  notes.go();
  await left;
  await session.wait([first]);
  expect(notes.runs.sort()).toEqual(['first', ...names(50)].sort());
});
