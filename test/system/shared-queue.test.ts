/** Several servers on one queue of PostgreSQL: any of them is a door to all of it, and when one ends the others go on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ClientThread, connect, runLocal, type ServerOptions, type ServerThread, submitFrom } from '../../dist/index.js';
import { locateNS } from '../../dist/remote/index.js';
import { Client } from '../../dist/session/index.js';
import { runShared } from '../chaos/shared-queue.mjs';
import { startFace, token } from '../http/gateway/rig.ts';
import { usePostgres } from '../store/postgres/database.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, functions, openProxy, startClient, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 120_000 });
const postgres = usePostgres();
expectNoLeaks();

type Address = { host: string; port: number };

const shared = (database: string): ServerOptions => ({ database, foreverMode: true, evictAfter: 3, reconnectGrace: 1 });

/** The first of them leads. */
async function startShared(count: number): Promise<{ database: string; servers: ServerThread[] }> {
  const database = postgres.schema();
  const servers: ServerThread[] = [];
  for (let i = 0; i < count; i++) servers.push(await startServer(shared(database)));
  return { database, servers };
}

it('what is submitted at one server runs at once on the client of another, and each shows all of it', async () => {
  const { servers } = await startShared(3);
  const [first, second, third] = servers as [ServerThread, ServerThread, ServerThread];
  const client = await startClient(second, { numTasks: 2 });
  for (const server of servers) {
    const times: number[] = [];
    for (let i = 0; i < 9; i++) {
      const start = performance.now();
      expect(await server.run({ module: functions, name: 'add', args: [i, 1] })).toMatchObject({ value: i + 1, clientId: client.id });
      times.push(performance.now() - start);
    }
    // Nothing polls: a machine that does much else takes its time all the same.
    expect(times.sort((a, b) => a - b)[4]).toBeLessThan(1_500);
  }
  const { ids } = await third.submit(['sleep 600', 'true']);
  await until(async () => (await first.tasks.get(ids?.[0] ?? ''))?.state === 'running', 'the start');
  expect(await second.cancel(ids?.slice(0, 1) ?? [])).toBe(1);
  for (const server of servers) {
    expect((await server.clients()).map(({ id }) => id)).toEqual([client.id]);
    expect(await server.tasks.count({ outcome: 'cancelled' })).toBe(1);
  }
  expect(await Promise.all(servers.map(async (server) => (await server.progress()).submitted))).toEqual([29, 29, 29]);
});

it('a group of one server waits for the group before it of another, and a limit counts the tasks of all', async () => {
  const database = postgres.schema();
  const limits = { key: 'site', concurrency: 1 };
  const [first, second] = [await startServer({ ...shared(database), limits }), await startServer({ ...shared(database), limits })];
  const clients = [await startClient(first, { numTasks: 4 }), await startClient(second, { numTasks: 4 })];
  expect(clients).toHaveLength(2);
  const task = (group: number) => ({ module: functions, name: 'after', args: [30, group], group, tags: { site: 'one' } });
  await Promise.all([second.submit([task(2), task(2)]), first.submit([task(1), task(1), task(1)]), second.submit([task(1)])]);
  await until(async () => (await first.progress()).succeeded === 6, 'all six');
  const spans: { group: number; from: number; to: number }[] = [];
  for await (const { group, startedAt, durationMs } of first.tasks.find())
    spans.push({ group, from: startedAt ?? 0, to: (startedAt ?? 0) + (durationMs ?? 0) });
  spans.sort((a, b) => a.from - b.from);
  expect(spans.map(({ group }) => group)).toEqual([1, 1, 1, 1, 2, 2]);
  for (const [i, { from }] of spans.slice(1).entries()) expect(from).toBeGreaterThanOrEqual(Math.floor(spans[i]!.to) - 1);
});

it('when the server that leads is stopped another one leads: what runs goes on, and who waits at the other notices nothing', async () => {
  const { servers } = await startShared(2);
  const [first, second] = servers as [ServerThread, ServerThread];
  const address = [first.address, second.address] as Address[];
  const client = await ClientThread.new({ address, numTasks: 2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
  const folder = temporaryFolder();
  const slow = second.run({ module: functions, name: 'stepsBy', args: [1, folder] });
  await until(async () => (await second.progress()).running === 1, 'the start');
  await first.stop();
  expect(await first.join(20)).toMatchObject({ submitted: 1, pending: 1 });
  writeFileSync(join(folder, '1'), '');
  expect(await slow).toMatchObject({ value: 1, attempt: 1, clientId: client.id });
  expect(await submitFrom(['true', 'true'], { address })).toMatchObject({ submitted: 2 });
  await until(async () => (await second.tasks.count({ outcome: 'succeeded' })) === 3, 'all three');
  const other = await connect(address);
  expect(await other.run('echo here')).toMatchObject({ stdout: Buffer.from('here\n') });
  await other.close();
});

it('when the server that leads is killed another one leads, with what it had leased and what was being submitted', async () => {
  const database = postgres.schema();
  const program = await startServerProgram({ ...shared(database), address: ['localhost', 0] });
  const second = await startServer(shared(database));
  const address = [program.last('address') as Address, second.address as Address];
  const client = await ClientThread.new({ address, numTasks: 2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
  const slow = second.run({ module: functions, name: 'after', args: [2_000, 'slow'] });
  await until(async () => (await second.progress()).running === 1, 'the start');
  await program.kill();
  const receipt = await second.submit(['true', 'true']);
  expect(receipt).toMatchObject({ submitted: 2 });
  expect(await slow).toMatchObject({ value: 'slow', attempt: 1, clientId: client.id });
  await until(async () => (await second.progress()).pending === 0, 'the end of all');
  expect(await second.tasks.count({ outcome: 'succeeded' })).toBe(3);
});

it('a server that leads and is cut off from the database alone ends when another one leads: its clients and submitters go there', async () => {
  const database = postgres.schema();
  const proxy = await openProxy(postgres.server.port);
  const program = await startServerProgram({
    ...shared(database.replace(/:\d+\//, `:${proxy.address[1]}/`)),
    address: ['localhost', 0],
  });
  const second = await startServer(shared(database));
  const address = [program.last('address') as Address, second.address as Address];
  const clients = await Promise.all([1, 2, 3].map(() => ClientThread.new({ address, numTasks: 1 })));
  for (const client of clients) onTestFinished(() => client.stop({ timeout: 5 }));
  const slow = second.run({ module: functions, name: 'after', args: [3_000, 'slow'] });
  await until(async () => (await second.progress()).running === 1, 'the start');
  proxy.silence();
  const schema = new URL(database).searchParams.get('schema');
  // As when the database has noticed it.
  const session = `select pg_terminate_backend(split_part(session, ' ', 1)::integer) from ${schema}.state`;
  await postgres.query(database, session);
  await until(() => program.last('code') === 'ERR_DATABASE_IN_USE', 'the end of the first', 60_000);
  expect(await submitFrom(['true', 'true'], { address })).toMatchObject({ submitted: 2 });
  expect(await slow).toMatchObject({ value: 'slow', attempt: 1 });
  await until(async () => (await second.clients()).filter(({ connected }) => connected).length === 3, 'all clients');
  await until(async () => (await second.progress()).pending === 0, 'the end of all');
});

it('a server that follows can be stopped: the others go on, and it tells what became of the queue meanwhile', async () => {
  const { servers } = await startShared(2);
  const [first, second] = servers as [ServerThread, ServerThread];
  const client = await startClient(first);
  expect(await second.run('true')).toMatchObject({ outcome: 'succeeded' });
  await second.stop();
  expect(await second.join(20)).toMatchObject({ succeeded: 1, pending: 0 });
  expect(await codeOf(() => second.run('true'))).toBe('ERR_ENDED');
  expect(await first.run('true')).toMatchObject({ outcome: 'succeeded', clientId: client.id });
});

it('the HTTP face of a server that follows shows the whole queue, and goes on when that server leads', async () => {
  const { database, servers } = await startShared(1);
  const [first] = servers as [ServerThread];
  const face = await startFace({ auth: { token } }, shared(database));
  const client = await ClientThread.new({ address: [first.address, face.server.address] as Address[], numTasks: 2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
  const headers = { authorization: `Bearer ${token}` };
  const count = async (outcome: string): Promise<number> =>
    (await face.get(`/api/count?outcome=${outcome}`, headers)).json<{ count: number }>().count;
  const submit = async (): Promise<number> =>
    (await face.ask('POST', '/api/tasks', { headers: { ...headers, 'content-type': 'application/x-ndjson' }, body: '"true"\n"false"\n' }))
      .status;
  expect(await submit()).toBeLessThan(300);
  await until(async () => (await first.progress()).pending === 0 && (await count('failed')) === 1, 'the end of what came by HTTP');
  const names = await locateNS(first.address as Address);
  await names.register('kept', 'mill:x@host:1');
  names.release();
  const user = new Client((first.address as Address).host, (first.address as Address).port);
  await user.newSession('of the leader');
  expect((await face.get('/api/sessions', headers)).json()).toMatchObject({ sessions: [{ name: 'of the leader' }] });
  await user.close();
  await first.stop();
  expect(await submit()).toBeLessThan(300);
  expect((await face.ask('POST', '/api/names/remove?name=kept', { headers })).json()).toEqual({ removed: true });
  await until(async () => (await count('succeeded')) === 2 && (await count('failed')) === 2, 'the end of what came later');
  expect((await face.get('/api/progress', headers)).json()).toMatchObject({ pending: 0, clients: 1 });
});

it('a run without a port does not follow: nobody could come to it when it leads', async () => {
  const { database } = await startShared(1);
  expect(await codeOf(() => runLocal(['true'], { database }))).toBe('ERR_DATABASE_IN_USE');
});

it('the server that leads and a client are killed, and then the database: every task has one outcome', async () => {
  const tasks = 1_500;
  const run = await runShared({ tasks, clients: 3, signal: 'SIGKILL' });
  expect(run).toMatchObject({ submitted: tasks, recorded: tasks, distinct: tasks });
  // Once for the leader that was killed; again where a machine is so slow that the next one is not back in time when the database is.
  expect(run.epochs).toBeGreaterThanOrEqual(2);
  expect(run.outcomes).toEqual([{ state: 4, outcome: 1, count: tasks }]);
});
