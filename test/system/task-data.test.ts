/** Task data of a running server and of a file: conditions, changes, export, and results in the order of the input. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  connect,
  openTasks,
  runLocal,
  type ServerThread,
  type TaskData,
  type TaskQuery,
  type TaskRecord,
  type TaskResult,
} from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, collect, failureOf, startClient, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const source = [
  { args: 'echo a', tags: { site: 'north', run: 1 } },
  { args: 'echo b; sleep 0.1', tags: { site: 'south', run: 2 }, memory: '1GB' },
  { args: 'exit 3', tags: { site: 'north', run: 3 }, group: 1 },
  { args: 'kill -9 $$', tags: { site: 'south', run: 4 }, group: 1 },
];

/** Nothing is left to do, and the store knows it (counts run ahead of their commit); on a busy machine that takes a while. */
async function settled(server: ServerThread): Promise<void> {
  await until(async () => (await server.tasks.count({ where: 'state != done' })) === 0, 'the tasks to end', 30_000);
}

/** Conditions, and the tag `run` of the tasks that they mean. */
const questions: [where: TaskQuery, runs: number[]][] = [
  [{ where: 'exitStatus != 0' }, [3]],
  [{ where: ["outcome != 'succeeded'", 'exitStatus == null'] }, [4]],
  [{ where: 'exit_status == 3' }, [3]],
  [{ where: ['exitStatus == null', 'signal == KILL'] }, [4]],
  [{ where: 'args ~ ^echo' }, [1, 2]],
  [{ where: ['args ~ ^echo', 'tag.site == north'] }, [1]],
  [{ where: 'tag.run >= 3' }, [3, 4]],
  [{ where: "tag.run == '3'" }, []],
  [{ where: "outcome == 'failed'" }, [3, 4]],
  [{ where: 'memory >= 1GB' }, [2]],
  [{ where: 'memory == null' }, [1, 3, 4]],
  [{ where: 'submittedAt > 2020-01-01T00:00:00Z', group: 1 }, [3, 4]],
  [{ where: [['completedAt', '<', new Date(0)]] }, []],
  [{ where: [['group', '==', 1], 'state == done'], tags: 'site:south' }, [4]],
  [{ tags: ['site', 'site:north'] }, [1, 3]],
];

/** The same of how long they took, which is the machine's to say: that of the second one parts them. */
async function timed(tasks: TaskData): Promise<typeof questions> {
  const rows = (await collect(tasks.find({ orderBy: 'durationMs', desc: true }))).map(({ tags, durationMs }) => ({
    run: Number(tags.run),
    ms: durationMs!,
  }));
  const limit = Math.floor(rows.find(({ run }) => run === 2)!.ms);
  expect(limit).toBeGreaterThanOrEqual(99);
  const runs = (which: typeof rows): number[] => which.map(({ run }) => run).sort();
  return [
    [{ where: `duration >= ${limit}ms` }, runs(rows.filter(({ ms }) => ms >= limit))],
    [{ where: `duration < ${limit / 1_000}` }, runs(rows.filter(({ ms }) => ms < limit))],
    [{ where: 'client_host != null', orderBy: 'durationMs', desc: true, limit: 1 }, [rows[0]!.run]],
  ];
}

async function answers(tasks: TaskData, asked: typeof questions): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const [query] of asked) {
    const found = (await collect(tasks.find(query))).map(({ tags }) => tags.run);
    const { limit: _, ...unlimited } = query;
    if (query.limit === undefined) expect(await tasks.count(unlimited)).toBe(found.length);
    all.push(found);
  }
  return all;
}

for (const kind of ['memory', 'SQLite'] as const) {
  it(`conditions mean the same to a server and to a file without one (${kind})`, async () => {
    const database = kind === 'memory' ? 'memory:' : join(temporaryFolder(), 'tasks.db');
    const { server } = await startPair({ database, continueOnFailure: true }, { numTasks: 2 });
    await server.submit(source);
    await settled(server);
    const asked = [...questions, ...(await timed(server.tasks))];
    const expected = asked.map(([, runs]) => runs);
    expect(await answers(server.tasks, asked)).toEqual(expected);
    const connection = await connect(server.address, {});
    expect(await answers(connection.tasks, asked)).toEqual(expected);
    await connection.close();
    if (kind === 'memory') return;
    await using tasks = await openTasks(database);
    expect(await answers(tasks, asked)).toEqual(expected);
  });
}

it('a condition that is wrong is refused in the host, and one that would hang the server does not', async () => {
  const { server } = await startPair();
  await server.submit([`: ${'a'.repeat(4_000)}`]);
  await until(async () => (await server.progress()).succeeded === 1);
  expect(await codeOf(() => server.tasks.count({ where: 'durration > 5' }))).toBe('ERR_QUERY');
  expect(await codeOf(() => server.tasks.count({ where: 'args ~ (a+)+$' }))).toBe('ERR_QUERY');
  const { error, ms } = await failureOf(() => server.tasks.count({ where: 'args ~ a*a*a*b' }));
  expect(error).toMatchObject({ code: 'ERR_QUERY', message: expect.stringMatching(/takes too long/) });
  expect(ms).toBeLessThan(5_000);
  expect((await server.run('echo alive')).stdout.toString()).toBe('alive\n');
});

it('leased and running tasks are found by their state', async () => {
  const { server } = await startPair({}, { numTasks: 1 });
  await server.submit(['sleep 600', 'echo 1', 'echo 2']);
  await until(async () => (await server.tasks.count({ where: 'state == running' })) === 1);
  const [found] = await collect(server.tasks.find({ where: ['state == running', 'args ~ sleep'] }));
  expect(found).toMatchObject({ state: 'running', args: 'sleep 600' });
  expect(await server.cancel({ where: 'args ~ ^sleep' })).toBe(1);
  await settled(server);
  expect((await collect(server.tasks.find({ outcome: 'cancelled' }))).map(({ args }) => args)).toEqual(['sleep 600']);
});

it('a live server updates, queues again, reverts and deletes', async () => {
  const { server } = await startPair({ database: join(temporaryFolder(), 'tasks.db') });
  const mark = join(temporaryFolder(), 'mark');
  const { ids } = await server.submit([`[ -e ${mark} ]`, 'echo 2']);
  await settled(server);
  expect(await server.tasks.update(ids!, { tags: { seen: true }, removeTags: ['none'] })).toBe(2);
  expect(await server.tasks.count({ tags: { seen: true } })).toBe(2);
  expect(await server.tasks.requeue({})).toBe(1);
  await settled(server);
  expect((await server.tasks.history(ids![0]!)).map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
  await server.run(`touch ${mark}`);
  expect(await server.tasks.revert([ids![0]!])).toBe(1);
  await settled(server);
  expect(await server.tasks.history(ids![0]!)).toMatchObject([{ outcome: 'succeeded', attempt: 1 }]);
  expect(await server.tasks.delete({ where: 'args ~ touch' })).toBe(1);
  expect(await server.tasks.count()).toBe(2);
  expect(await codeOf(() => server.tasks.delete(undefined as never))).toBe('ERR_QUERY');
});

it('a file without a server is changed under its lock, and a later run goes on from there', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const mark = join(temporaryFolder(), 'mark');
  await runLocal([`[ -e ${mark} ]`, 'echo 2', 'echo 3'], { database });
  await using tasks = await openTasks(database);
  const before = await collect(tasks.find());
  const [failed, second, third] = before.map(({ id }) => id) as [string, string, string];
  expect(await tasks.update([second], { tags: { kept: 'yes' } })).toBe(1);
  expect((await tasks.get(second))?.tags).toEqual({ kept: 'yes' });
  expect(await tasks.requeue({})).toBe(1);
  expect(await tasks.revert([second])).toBe(1);
  expect(await tasks.delete([third])).toBe(1);
  expect((await collect(tasks.find())).map(({ id, state }) => [id, state])).toEqual([
    [failed, 'ready'],
    [second, 'ready'],
  ]);
  const again: TaskResult[] = [];
  const summary = await runLocal([`touch ${mark}`], { database, numTasks: 1, onResult: (result) => void again.push(result) });
  expect(summary).toMatchObject({ submitted: 3, pending: 0 });
  expect(again.map(({ id }) => id)).toEqual(expect.arrayContaining([failed, second]));
  expect((await tasks.history(failed)).map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect((await tasks.history(second)).map(({ attempt }) => attempt)).toEqual([1]);
  expect((await tasks.get(second))?.tags).toEqual({ kept: 'yes' });
});

it('a file that a server holds is changed through that server only', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  await startPair({ database });
  await using tasks = await openTasks(database);
  for (const change of [
    () => tasks.update({}, { tags: { a: 1 } }),
    () => tasks.revert({}),
    () => tasks.requeue({}),
    () => tasks.delete({}),
  ])
    expect((await failureOf(change)).error).toMatchObject({
      code: 'ERR_DATABASE_IN_USE',
      message: expect.stringMatching(/connect\(address\)/),
    });
});

it('finished tasks are rotated to another file, where they are found under their ids, and the space is given back', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'tasks.db');
  await runLocal(['head -c 300000 /dev/urandom', 'echo 2', 'false'], { database });
  await using tasks = await openTasks(database);
  const before = await collect(tasks.find());
  // Comparing 300,000 bytes one by one takes seconds.
  const facts = ({ stdout, ...others }: TaskRecord): unknown => ({ ...others, stdout: stdout?.toString('base64') });
  await tasks.backup(join(folder, 'copy.db'));
  expect(await tasks.requeue({ outcome: 'failed' })).toBe(1);
  expect(await tasks.rotate(join(folder, 'old.db'))).toBe(2);
  expect((await collect(tasks.find())).map(({ id, state }) => [id, state])).toEqual([[before[2]!.id, 'ready']]);
  await using old = await openTasks(join(folder, 'old.db'));
  expect((await collect(old.find())).map(facts)).toEqual(before.slice(0, 2).map(facts));
  await using copy = await openTasks(join(folder, 'copy.db'));
  expect((await collect(copy.find())).map(facts)).toEqual(before.map(facts));
  expect(await tasks.vacuum()).toBeGreaterThan(250_000);
  const server = await startServer({ database });
  expect(await codeOf(() => tasks.rotate(join(folder, 'old.db')))).toBe('ERR_DATABASE_IN_USE');
  expect(await codeOf(() => tasks.vacuum())).toBe('ERR_DATABASE_IN_USE');
  await tasks.backup(join(folder, 'beside.db'));
  expect(await codeOf(() => tasks.backup(join(folder, 'beside.db')))).toBe('ERR_DATABASE');
  await server.stop();
});

it('what changes a file is done in the order of the calls, also when nobody waits in between, and not at all after close()', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'tasks.db');
  await runLocal(['echo 1', 'false'], { database });
  const tasks = await openTasks(database);
  const calls = [
    tasks.update({ outcome: 'failed' }, { tags: { seen: true } }),
    tasks.requeue({ tags: 'seen' }),
    tasks.rotate(join(folder, 'old.db')),
    tasks.delete({}),
  ];
  const closing = tasks.close();
  expect(await Promise.all(calls)).toEqual([1, 1, 1, 1]);
  await closing;
  for (const call of [() => tasks.delete({}), () => tasks.vacuum(), () => tasks.rotate(join(folder, 'old.db'))])
    expect(await codeOf(call)).toBe('ERR_ENDED');
});

it('tasks are exported from a server and from a file alike', async () => {
  const folder = temporaryFolder();
  const database = join(folder, 'tasks.db');
  const { server } = await startPair({ database });
  await server.submit(Array.from({ length: 1_500 }, (_, i) => ({ args: `: ${i}`, tags: { i } })));
  await settled(server);
  expect(await server.tasks.export(join(folder, 'live.jsonl'), { format: 'jsonl' })).toBe(1_500);
  const fields = ['args', 'exitStatus'] as const;
  expect(await server.tasks.export(join(folder, 'some.csv'), { format: 'csv', fields, query: { where: 'tag.i < 2' } })).toBe(2);
  expect(readFileSync(join(folder, 'some.csv'), 'utf8')).toBe('args,exitStatus\r\n: 0,0\r\n: 1,0\r\n');
  await using tasks = await openTasks(database);
  expect(await tasks.export(join(folder, 'file.jsonl'), { format: 'jsonl' })).toBe(1_500);
  const [live, stored] = [readFileSync(join(folder, 'live.jsonl'), 'utf8'), readFileSync(join(folder, 'file.jsonl'), 'utf8')];
  expect(live).toBe(stored);
  const lines = live.trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as TaskRecord);
  expect(records.map(({ tags }) => tags.i)).toEqual(Array.from({ length: 1_500 }, (_, i) => i));
});

it('another order than that of the acceptance is read page by page', async () => {
  const { server } = await startPair({}, { numTasks: 2 });
  await server.submit(Array.from({ length: 1_500 }, (_, i) => ({ args: ':', priority: i % 7, tags: { i } })));
  await settled(server);
  const found = await collect(server.tasks.find({ orderBy: 'priority', desc: true }));
  const sorted = Array.from({ length: 1_500 }, (_, i) => i).sort((a, b) => (b % 7) - (a % 7) || b - a);
  expect(found.map(({ tags }) => tags.i)).toEqual(sorted);
  const slowest = await collect(server.tasks.find({ orderBy: 'durationMs', desc: true, limit: 5 }));
  const durations = found.map(({ durationMs }) => durationMs!).sort((a, b) => b - a);
  expect(slowest.map(({ durationMs }) => durationMs)).toEqual(durations.slice(0, 5));
});

for (const kind of ['memory', 'SQLite'] as const) {
  const options = (): { database?: string } => (kind === 'memory' ? {} : { database: join(temporaryFolder(), 'tasks.db') });

  it(`results({ order: 'input' }) gives each result when all before it are done (${kind})`, async () => {
    const lines = Array.from({ length: 600 }, (_, i) => (i % 150 === 0 ? `sleep 0.3; echo ${i}` : `echo ${i}`));
    const server = await startServer({ source: lines, ...options() });
    const read: number[] = [];
    const reading = (async () => {
      for await (const { stdout } of server.results({ order: 'input' })) read.push(Number(stdout));
    })();
    await startClient(server, { numTasks: 4 });
    expect(await server.join(30)).toMatchObject({ succeeded: 600 });
    await reading;
    expect(read).toEqual(lines.map((_, i) => i));
  });

  it(`results({ order: 'input' }) is read after join() too, and leaves out what an earlier run did (${kind})`, async () => {
    const given = options();
    if (given.database !== undefined) await runLocal(['echo early', 'echo early'], given);
    const server = await startServer({ source: Array.from({ length: 700 }, (_, i) => `echo ${i}`), ...given });
    const results = server.results({ order: 'input' });
    await startClient(server, { numTasks: 4 });
    await server.join(30);
    expect((await collect(results)).map(({ stdout }) => stdout.toString())).toEqual(Array.from({ length: 700 }, (_, i) => `${i}\n`));
  });
}

it('results in input order come over connect(), also of tasks that come later, and end with the run', async () => {
  const server = await startServer({ foreverMode: true });
  const connection = await connect(server.address, {});
  const read: string[] = [];
  const reading = (async () => {
    for await (const { stdout } of connection.results({ order: 'input' })) read.push(stdout.toString());
  })();
  await server.submit(['sleep 0.2; printf 0', 'printf 1', 'printf 2']);
  await startClient(server, { numTasks: 3 });
  await until(() => read.length === 3);
  await server.submit(['printf 3']);
  await until(() => read.length === 4);
  expect(read).toEqual(['0', '1', '2', '3']);
  expect(await codeOf(async () => void connection.results({ order: 'random' as never }))).toBe('ERR_OPTION');
  await server.stop({ drain: true });
  await reading;
  await connection.close();
});
