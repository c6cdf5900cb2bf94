/** Persistent sessions of task graphs in PostgreSQL: the server that leads is killed, and one that follows goes on with them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ClientThread, type ServerOptions } from '../../dist/index.js';
import { blob, Client, type Task, TaskException, tasks } from '../../dist/session/index.js';
import { usePostgres } from '../store/postgres/database.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, graphKey, submitOvernight } from './graph-rig.ts';
import { startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 120_000 });
/** What is acknowledged must be there after it was killed. */
const postgres = usePostgres({ settings: { synchronous_commit: 'on' } });

type Address = { host: string; port: number };

const shared = (database: string): ServerOptions => ({
  database,
  auth: graphKey,
  address: ['127.0.0.1', 0],
  foreverMode: true,
  evictAfter: 3,
  reconnectGrace: 1,
});

function newUser({ host, port }: Address): Client {
  const client = new Client(host, port, { auth: graphKey });
  onTestFinished(() => client.close());
  return client;
}

const textOf = async (task: Task): Promise<string> => (await task.output.fetch()).getStr();

test('a persistent session goes on at the server that takes the queue over, and nothing of it runs twice', async () => {
  const folder = temporaryFolder();
  const database = postgres.schema();
  const leader = await startServerProgram(shared(database));
  const follower = await startServer(shared(database));
  const address = [leader.last('address') as Address, follower.address as Address];
  const worker = await ClientThread.new({ address, auth: graphKey, numTasks: 2 });
  onTestFinished(() => worker.stop({ timeout: 5 }));
  const session = await newUser(follower.address as Address).newSession('overnight', { persistent: true });
  const { runs, ...made } = await submitOvernight(session, folder);
  await session.wait([made.early, made.sized]);
  await until(() => readFileSync(runs, 'utf8').includes('long'), 'the long one runs', 60_000);
  const waiting = session.waitAll();
  await leader.kill();
  writeFileSync(join(folder, 'go'), '');
  await waiting;
  expect([await textOf(made.last), (await (await made.sized.output.fetch()).getBytes()).length]).toEqual(['earlylong', 3_000_005]);
  expect(readFileSync(runs, 'utf8').trim().split('\n').sort()).toEqual(['early', 'long']);
  expect(await session.progress()).toMatchObject({ finished: 4, recomputed: 0 });
  await session.detach();
  // Another program finds it by its name, and ends it for good.
  const again = await newUser(follower.address as Address).newSession('overnight', { persistent: true });
  expect([again.resumed, again.submitted().tasks.length]).toEqual([true, 4]);
  await again.close();
  const schema = new URL(database).searchParams.get('schema');
  expect(await postgres.query(database, `select n from ${schema}.graph_session`)).toEqual([]);
  expect(await postgres.query(database, `select number from ${schema}.graph_entry`)).toEqual([]);
});

test('the database ends and comes back: what a session waits for is told, and its failure is kept for the next server', async () => {
  const database = postgres.schema();
  const first = await startServer(shared(database));
  const worker = await ClientThread.new({ address: first.address, auth: graphKey, numTasks: 2 });
  onTestFinished(() => worker.stop({ timeout: 5 }));
  const session = await newUser(first.address as Address).newSession('failing', { persistent: true });
  await session.bindOnly(async () => {
    const fine = tasks.concat([blob('a'), blob('b')]);
    fine.output.keep();
    await session.submit();
    expect(await textOf(fine)).toBe('ab');
    await postgres.server.kill('SIGKILL');
    tasks.execute('echo why >&2; exit 3', { shell: true, name: 'broken' });
    const submitted = session.submit();
    await postgres.server.start();
    await submitted;
  });
  expect(await failureOf(() => session.waitAll())).toBeInstanceOf(TaskException);
  await first.stop();
  const second = await startServer(shared(database));
  const again = await newUser(second.address as Address).newSession('failing', { persistent: true });
  const failure = (await failureOf(() => again.waitAll())) as TaskException;
  expect([again.resumed, failure.code, failure.failure.stderr.trim()]).toEqual([true, 'ERR_TASK_FAILED', 'why']);
});
