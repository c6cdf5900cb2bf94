/** Servers with work of their own, or without `foreverMode`, on a queue of PostgreSQL that another server leads: they follow, and end when the queue is done. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ClientThread, type MillraceError, type ServerOptions, type ServerThread, serveFile, serveFrom } from '../../dist/index.js';
import { usePostgres } from '../store/postgres/database.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, functions, startClient, startProgram, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 120_000 });
const postgres = usePostgres();
expectNoLeaks();

type Address = { host: string; port: number };

const address = ['localhost', 0] as [string, number];
const shared = (database: string): ServerOptions => ({ database, evictAfter: 3, reconnectGrace: 1 });
const forever = (database: string): ServerOptions => ({ ...shared(database), foreverMode: true });

async function startLed(): Promise<{ database: string; leader: ServerThread; client: ClientThread }> {
  const database = postgres.schema();
  const leader = await startServer(forever(database));
  return { database, leader, client: await startClient(leader, { numTasks: 2 }) };
}

async function clientOf(addresses: readonly Address[]): Promise<ClientThread> {
  const client = await ClientThread.new({ address: [...addresses], numTasks: 2, taskSignalwait: 0.2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
  return client;
}

/** What the database has of all tasks, by outcome; and how many of their ends it has recorded. */
async function recordOf(database: string): Promise<{ tasks: unknown[]; ends: number; distinct: number }> {
  const schema = new URL(database).searchParams.get('schema');
  const tasks = await postgres.query(
    database,
    `select state, outcome, count(*)::int as count from ${schema}.task group by 1, 2 order by 1, 2`,
  );
  const [ends] = await postgres.query(
    database,
    `select count(n)::int as ends, count(distinct n)::int as distinct from (
       select generate_series(tasks[2 * i - 1], tasks[2 * i]) as n from ${schema}.completion, generate_series(1, cardinality(tasks) / 2) i) r`,
  );
  return { tasks, ends: Number(ends?.ends), distinct: Number(ends?.distinct) };
}

it('a file and a list are served through the server that leads, and the servers that serve them end when all is done', async () => {
  const { database, leader, client } = await startLed();
  await leader.run('echo before');
  const path = join(temporaryFolder(), 'tasks.txt');
  writeFileSync(path, Array.from({ length: 300 }, (_, i) => `echo line ${i}\n`).join(''));
  const seen: string[] = [];
  const onResult = ({ args }: { args: string }): void => void seen.push(args);
  expect(await serveFile(path, { ...shared(database), address, onResult })).toMatchObject({ submitted: 300, succeeded: 300, pending: 0 });
  expect(new Set(seen).size).toBe(300);
  expect(seen).toHaveLength(300);
  // Its readers read to the end, however late, and nothing of those before it.
  const source = Array.from({ length: 1_200 }, (_, i) => ({ module: functions, name: 'add', args: [i, 0] }));
  const server = await startServer({ ...shared(database), source });
  const [inOrder, inInput] = [server.results(), server.results({ order: 'input' })];
  await inOrder.next();
  expect(await server.join(60)).toMatchObject({ submitted: 1_200, succeeded: 1_200 });
  expect(await collect(inOrder)).toHaveLength(1_199);
  expect((await collect(inInput)).map(({ value }) => value)).toEqual(source.map((_, i) => i));
  expect(await leader.progress()).toMatchObject({ submitted: 1_501, succeeded: 1_501, clients: 1 });
  expect(client.state).toBe('connected');
});

it('it throws on failure, takes an empty source, and ends with the error of a source that fails', async () => {
  const { database, leader } = await startLed();
  const options = { ...shared(database), address };
  const failed = await serveFrom(['true', 'exit 3'], { ...options, throwOnFailure: true }).catch(
    (error: unknown) => error as MillraceError,
  );
  expect(failed).toMatchObject({
    code: 'ERR_TASK_FAILED',
    details: { failures: [{ args: 'exit 3', exitStatus: 3 }], summary: { submitted: 2 } },
  });
  expect(await serveFrom([], options)).toMatchObject({ submitted: 0 });
  const broken = (function* () {
    yield 'echo first';
    throw new RangeError('no more');
  })();
  await expect(serveFrom(broken, options)).rejects.toMatchObject({ code: 'ERR_SOURCE', message: expect.stringContaining('no more') });
  await until(async () => (await leader.progress()).succeeded === 2, 'what the broken source gave');
  const again = { ...options, resume: true } as const;
  expect(await serveFrom(['true', 'false'], again)).toMatchObject({ submitted: 2 });
  expect(await serveFrom(['true', 'false'], again)).toMatchObject({ submitted: 0 });
  const [before] = await collect(leader.tasks.find({ where: 'args == "false"' }));
  await serveFrom(['true', 'false'], { ...options, resume: 'failed' });
  expect(before).toMatchObject({ attempt: 1 });
  expect(await leader.tasks.get(before?.id ?? '')).toMatchObject({ attempt: 2, outcome: 'failed' });
});

it('without a source it waits for a first submission, wherever that is made, unless it is in restartMode', async () => {
  const { database, leader } = await startLed();
  expect(await (await startServer({ ...shared(database), restartMode: true })).join(20)).toMatchObject({ submitted: 0 });
  const servers = [await startServer(shared(database)), await startServer(shared(database))];
  let ended = 0;
  const ends = servers.map((server) => server.join(60).finally(() => ended++));
  await leader.progress();
  expect(ended).toBe(0);
  // What one has submitted at its own handle is a first submission for it, and for the other.
  expect(await servers[0]!.submit(['true', 'false'])).toMatchObject({ submitted: 2 });
  for (const end of ends) expect(await end).toMatchObject({ submitted: 2, succeeded: 1, failed: 1 });
});

it('the server that leads is killed while one with a source follows: that one leads, and ends with each task done once', async () => {
  const database = postgres.schema();
  const leader = await startServerProgram({ ...forever(database), address });
  const path = join(temporaryFolder(), 'tasks.txt');
  const [lines, given] = [400, 600];
  writeFileSync(path, Array.from({ length: lines }, (_, i) => `: line ${i}\n`).join(''));
  const file = await startServer({ ...shared(database), source: path, bundlesize: 20 });
  let killed = (): void => {};
  const wait = new Promise<void>((resolve) => {
    killed = resolve;
  });
  const source = (async function* () {
    for (let i = 0; i < given; i++) {
      if (i === given / 2) await wait;
      yield { module: functions, name: 'add', args: [i, 0] };
    }
  })();
  const list = await startServer({ ...shared(database), source, bundlesize: 20 });
  const addresses = [leader.last('address'), file.address, list.address] as Address[];
  const clients = [await clientOf(addresses), await clientOf(addresses)];
  const results = list.results();
  await until(async () => (await list.progress()).succeeded > 50, 'the first ends');
  await leader.kill();
  killed();
  const [first, second] = await Promise.all([file.join(100), list.join(100)]);
  expect(await recordOf(database)).toEqual({
    tasks: [{ state: 4, outcome: 1, count: lines + given }],
    ends: lines + given,
    distinct: lines + given,
  });
  for (const summary of [first, second]) expect(summary).toMatchObject({ failed: 0, pending: 0, succeeded: summary.submitted });
  const values = (await collect(results)).flatMap(({ value }) => (typeof value === 'number' ? [value] : []));
  expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: given }, (_, i) => i));
  // The last of them told the clients.
  for (const client of clients) await client.join(20);
});

it('a server that leads ends when its own work is done: one that stays goes on with the queue, and with the clients that know it', async () => {
  const database = postgres.schema();
  const folder = temporaryFolder();
  const gated = (name: string): string => `until [ -e ${join(folder, name)} ]; do sleep 0.05; done`;
  const source = Array.from({ length: 40 }, () => gated('first'));
  const program = startProgram('serve.mjs', { ...shared(database), address, source });
  await until(() => program.last('address') !== undefined, 'the server', 30_000);
  const own = program.last('address') as Address;
  const stays = await startServer(forever(database));
  const both = await ClientThread.new({ address: [own, stays.address as Address], numTasks: 1 });
  onTestFinished(() => both.stop({ timeout: 5 }));
  const alone = await clientOf([own]);
  writeFileSync(join(folder, 'first'), '');
  await until(() => program.last('summary') !== undefined, 'the end of the first', 30_000);
  expect(program.last('summary')).toMatchObject({ submitted: 40, succeeded: 40 });
  await alone.join(20);
  expect(await stays.run('echo on')).toMatchObject({ outcome: 'succeeded', clientId: both.id });
  // One that followed and ends takes the clients along that know no other.
  const next = await startServer({ ...shared(database), source: [gated('next')] });
  const ofNext = await clientOf([next.address as Address]);
  writeFileSync(join(folder, 'next'), '');
  await next.join(20);
  await ofNext.join(20);
  expect((await stays.clients()).filter(({ connected }) => connected).map(({ id }) => id)).toEqual([both.id]);
});

it('when no server stays all end together, and say so to every client', async () => {
  const database = postgres.schema();
  const slow = { module: functions, name: 'after', args: [300, 1] };
  const first = await startServer({ ...shared(database), source: [slow, slow] });
  const second = await startServer({ ...shared(database), source: [slow] });
  const addresses = [first.address, second.address] as Address[];
  const clients = await Promise.all([clientOf(addresses), clientOf(addresses), clientOf(addresses.slice(1))]);
  expect(await first.join(30)).toMatchObject({ submitted: 3, succeeded: 3 });
  expect(await second.join(30)).toMatchObject({ pending: 0, failed: 0 });
  for (const client of clients) await client.join(20);
});
