import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { Waits } from '../../../src/graph/waits.ts';
import { GraphData } from '../../../src/server/graph/data.ts';
import { Client } from '../../../src/session/client.ts';
import { Task } from '../../../src/session/task.ts';
import { blob, GraphRig, node, result, rigKey } from '../../support/graph-rig.ts';
import { TcpProxy } from '../../support/tcp-proxy.mjs';
import { until } from '../../support/until.ts';

afterEach(() => vi.restoreAllMocks());

test('two constants are joined by a task on a client, and the result is fetched', async () => {
  const rig = await GraphRig.open();
  await rig.client();
  const session = await rig.session();
  expect(await session.submit([blob(10, 'Hello '), blob(11, 'world!'), result(12, true)], [node(13, 'concat', [10, 11], [12])])).toEqual({
    tasks: 1,
    objects: 3,
  });
  expect(await session.wait()).toEqual([]);
  expect(String(await session.fetch(12))).toBe('Hello world!');
  expect(String(await session.fetch(10))).toBe('Hello ');
  expect(await session.driver.ask('graph.update', { session: session.session, items: [13, 12] })).toMatchObject([
    { state: 'finished', failure: null, startedAt: expect.any(Number) },
    { state: 'finished', size: 12 },
  ]);
  await session.close();
  await expect(session.wait()).rejects.toMatchObject({ code: 'ERR_ENDED' });
});

test('objects go from client to client as tasks need them, and whoever makes them no longer matters', async () => {
  const rig = await GraphRig.open();
  const [a, b] = [await rig.client(), await rig.client()];
  const session = await rig.session();
  const ids = Array.from({ length: 40 }, (_, i) => i);
  const parts = ids.map((id) => node(100 + id, 'fill', [], [id], '100000'));
  await session.submit([...ids.map((id) => result(id)), result(99, true)], [...parts, node(199, 'concat', ids, [99])]);
  await session.wait(199);
  const expected = Buffer.concat(ids.map((id) => Buffer.alloc(100_000, (100 + id) & 255)));
  expect((await session.fetch(99)).equals(expected)).toBe(true);
  expect(a.runner.ran.length + b.runner.ran.length).toBe(41);
  expect(Math.min(a.runner.ran.length, b.runner.ran.length)).toBeGreaterThan(0);
  const { clients } = await session.driver.ask('graph.info', {});
  expect(clients.flatMap(({ objects }) => objects)).toEqual([[session.session, 99]]);
  await session.driver.ask('graph.unkeep', { session: session.session, objects: [99] });
  await expect(session.fetch(99)).rejects.toMatchObject({ code: 'ERR_STATE' });
});

test('a line of tasks runs on one client, each after the one before it', async () => {
  const rig = await GraphRig.open();
  const [a, b] = [await rig.client(), await rig.client()];
  const session = await rig.session();
  const ids = Array.from({ length: 1_000 }, (_, i) => 2 * i);
  const tasks = ids.map((id) => node(id + 1, 'concat', id === 0 ? [] : [id - 2], [id]));
  await session.submit(
    ids.map((id) => result(id, id === 1_998)),
    tasks,
  );
  await session.wait(1_999);
  const [ran, rest] = a.runner.ran.length > 0 ? [a.runner.ran, b.runner.ran] : [b.runner.ran, a.runner.ran];
  expect(ran).toEqual(ids.map((id) => id + 1));
  expect(rest).toEqual([]);
});

test('the first failure stops what runs and is told to whoever asks, with what the task wrote; other sessions go on', async () => {
  const rig = await GraphRig.open();
  const { runner } = await rig.client({ numTasks: 3 });
  const session = await rig.session();
  const other = await rig.session();
  await other.submit([result(1, true)], [node(7, 'hold', [], [1])]);
  await session.submit([result(1, true)], [node(2, 'hold', [], [1])]);
  await until(() => runner.ran.length === 2, 'both tasks run');
  const waiting = session.wait(2);
  waiting.catch(() => {});
  await session.submit([result(3)], [node(4, 'fail', [], [3], 'it broke')]);
  const failure = { task: 4, type: 'fail', message: 'it broke', debug: 'about to fail', stderr: 'no such thing', code: 'ERR_TASK_FAILED' };
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_TASK_FAILED', details: { failure } });
  for (const access of [() => session.wait(), () => session.fetch(1), () => session.submit([], [])])
    await expect(access()).rejects.toMatchObject({ code: 'ERR_TASK_FAILED', details: { failure } });
  await expect(session.driver.ask('graph.update', { session: session.session, items: [4] })).rejects.toMatchObject({
    code: 'ERR_TASK_FAILED',
  });
  expect(session.driver.heard('graph.failed')).toMatchObject([{ session: session.session, failure }]);
  await session.close();
  await until(() => runner.forgotten.includes(session.session), 'the session is forgotten');
  runner.release(7);
  expect(await other.wait(7)).toEqual([7]);
  expect(String(await other.fetch(1))).toBe('held');
});

test('a session whose connection is lost is closed after a while; with its token another connection takes it over before', async () => {
  const rig = await GraphRig.open({ reconnectGrace: 0.5 });
  const { runner } = await rig.client();
  const session = await rig.session();
  await session.submit([result(1, true)], [node(2, 'hold', [], [1])]);
  await until(() => runner.ran.length === 1, 'the task runs');
  session.driver.peer.destroy();
  const next = await rig.dial();
  await until(() => next.ask('graph.attach', { session: session.session, token: session.token }).then(() => true), 'it is taken over');
  await expect(next.ask('graph.attach', { session: session.session, token: 'guessed' })).rejects.toMatchObject({ code: 'ERR_ENDED' });
  const state = async (): Promise<string | undefined> =>
    (await next.ask('graph.update', { session: session.session, items: [2] }))[0]?.state;
  await until(async () => (await state()) === 'running', 'its state says so');
  next.peer.destroy();
  await until(() => runner.forgotten.includes(session.session), 'the session is closed');
  const last = await rig.dial();
  await expect(last.ask('graph.attach', { session: session.session, token: session.token })).rejects.toMatchObject({ code: 'ERR_ENDED' });
});

test('what a client takes with it that is still needed is made again, and nothing else', async () => {
  const rig = await GraphRig.open({ evictAfter: 2 });
  const first = await rig.client();
  const session = await rig.session();
  await session.submit(
    [blob(1, 'a'), result(2, true), result(3), result(4, true)],
    [node(12, 'concat', [1], [2]), node(13, 'concat', [1, 2], [3]), node(14, 'concat', [3], [4])],
  );
  await session.wait();
  await first.lose();
  const second = await rig.client();
  // 3 was needed for nothing any more, but 4 is, which is made of it.
  expect(String(await session.fetch(4))).toBe('aa');
  expect(String(await session.fetch(2))).toBe('a');
  expect([...second.runner.ran].sort()).toEqual([12, 13, 14]);
  expect(await session.driver.ask('graph.progress', { session: session.session })).toMatchObject({
    recomputed: 3,
    finished: 3,
    objects: 3,
  });
});

test('a client whose connection is cut goes on, comes back with all that it has and has done, and nothing runs again', async () => {
  const rig = await GraphRig.open();
  const proxy = await TcpProxy.open(rig.port);
  onTestFinished(() => proxy.close());
  const { runner } = await rig.client({ address: proxy.address });
  const session = await rig.session();
  await session.submit(
    [result(1, true), result(3, true), result(5, true)],
    [node(2, 'fill', [], [1], '1000'), node(4, 'hold', [1], [3]), node(6, 'concat', [1, 3], [5])],
  );
  await until(() => runner.ran.includes(4), 'the second task runs');
  proxy.cut();
  // Its end is told over the next connection.
  runner.release(4);
  await session.wait();
  expect(String(await session.fetch(5))).toBe(`${String(Buffer.alloc(1000, 2))}held`);
  expect(runner.ran).toEqual([2, 4, 6]);
  expect(await session.driver.ask('graph.progress', { session: session.session })).toMatchObject({ recomputed: 0, objects: 3 });
});

test('with one slot the tasks of the queue and of a graph both get their turn', async () => {
  const rig = await GraphRig.open();
  const { runner } = await rig.client();
  const session = await rig.session();
  await session.submit([result(1), result(3)], [node(2, 'hold', [], [1]), node(4, 'hold', [], [3])]);
  await until(() => runner.ran.length === 1, 'the first task runs');
  const submitter = `${session.token.slice(0, 8)}-queue`;
  session.driver.peer.send(['submitter-open', submitter]);
  session.driver.peer.send(['submit', submitter, 1, [[0, 'true', null, null]], false]);
  await until(async () => ((await session.driver.peer.request('progress', null)) as { pending: number }).pending === 1, 'it is queued');
  runner.release(2);
  await until(() => runner.ran.length === 2, 'the second task runs');
  runner.release(4);
  await session.wait();
  await until(
    async () => ((await session.driver.peer.request('progress', null)) as { succeeded: number }).succeeded === 1,
    'the command ran',
  );
});

test('a task that asks for more than any client has is explained, and runs when one comes that has it', async () => {
  const rig = await GraphRig.open();
  await rig.client();
  const session = await rig.session();
  await session.submit([result(1)], [node(2, 'concat', [], [1], null, { cpus: 2, resources: { gpu: 1 } })]);
  await until(async () =>
    (await session.driver.ask('graph.explain', { session: session.session, task: 2 })).reason.includes('can ever hold it'),
  );
  await rig.client({ numTasks: 2, resources: { gpu: 1 } });
  expect(await session.wait(2)).toEqual([2]);
});

test('constants too large for a message are put before, and come whole to tasks and readers', async () => {
  const rig = await GraphRig.open();
  await rig.client();
  const session = await rig.session();
  const large = Buffer.alloc(5_000_000, 'abc');
  for (let offset = 0; offset < large.length; offset += 2_000_000)
    await session.driver.ask('graph.put', { session: session.session, object: 1, bytes: large.subarray(offset, offset + 2_000_000) });
  await session.submit([[1, 'const', 0, true, true, null], result(2, true)], [node(3, 'concat', [1], [2])]);
  expect((await session.fetch(2)).equals(large)).toBe(true);
  expect((await session.fetch(1)).equals(large)).toBe(true);
});

test('a wait or a fetch that is given up is answered at once, and what it waited for goes on', async () => {
  const rig = await GraphRig.open();
  const { runner } = await rig.client();
  const [{ driver, session }, other] = [await rig.session(), await rig.session()];
  const own = { session };
  await driver.ask('graph.submit', { ...own, objects: [result(1, true)], tasks: [node(2, 'hold', [], [1])], last: true });
  await until(() => runner.ran.includes(2));
  const waiting = Promise.allSettled([
    driver.ask('graph.wait', { ...own, items: [2], some: false, wait: 1 }),
    driver.ask('graph.wait', { ...own, items: [], some: false, wait: 2 }),
    driver.ask('graph.fetch', { ...own, object: 1, wait: 3 }),
  ]);
  const stays = driver.ask('graph.wait', { ...own, items: [2], some: false, wait: 4 });
  // That of another session, and one that nobody made, are nobody's business.
  await other.driver.ask('graph.give-up', { session: other.session, wait: 4 });
  await driver.ask('graph.give-up', { ...own, wait: 99 });
  for (const wait of [1, 2, 3]) await driver.ask('graph.give-up', { ...own, wait });
  const codes = (await waiting).map((end) => end.status === 'rejected' && end.reason.code);
  expect(codes).toEqual(['ERR_ABORTED', 'ERR_ABORTED', 'ERR_ABORTED']);
  runner.release(2);
  expect(await stays).toEqual({ finished: [2] });
  await driver.ask('graph.give-up', { ...own, wait: 4 });
  expect((await driver.ask('graph.fetch', { ...own, object: 1, wait: 5 })).size).toBe(4);
});

test('who waits longer than he wanted, or calls it off, leaves nothing that waits on the server', async () => {
  const [added, givenUp] = [vi.spyOn(Waits.prototype, 'add'), vi.spyOn(Waits.prototype, 'giveUp')];
  const rig = await GraphRig.open();
  const { runner } = await rig.client();
  const client = new Client('localhost', rig.port, { auth: rigKey });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  const task = await session.bindOnly(() => new Task([], 1, { taskType: 'hold' }));
  task.output.keep();
  await session.submit();
  const controller = new AbortController();
  const waits = [
    session.wait([task], { timeout: 0.05 }),
    session.waitAll({ signal: controller.signal }),
    task.output.fetch({ timeout: 0.05 }),
  ];
  const ends = Promise.allSettled(waits);
  await until(() => added.mock.calls.length === 3, 'the server to know of all');
  controller.abort();
  const codes = (await ends).map((end) => end.status === 'rejected' && end.reason.code);
  expect(codes).toEqual(['ERR_TIMEOUT', 'ERR_ABORTED', 'ERR_TIMEOUT']);
  const tokens = added.mock.calls.map(([, token]) => token);
  await until(() => tokens.every((token) => givenUp.mock.calls.some(([given]) => given === token)), 'all to be taken back');
  await until(() => runner.ran.length === 1);
  runner.release(runner.ran[0]!);
  await session.waitAll();
});

const size = 40_000_000;

/** One client makes a large object, both have a task that reads it; the stretches that went by way of the server. */
async function passOn(): Promise<number> {
  const relayed = vi.spyOn(GraphData.prototype, 'read');
  const rig = await GraphRig.open();
  const [a, b] = [await rig.client(), await rig.client()];
  const session = await rig.session();
  await session.submit(
    [result(1, true), result(3, true), result(4, true)],
    [node(11, 'fill', [], [1], String(size)), node(13, 'hold', [1], [3]), node(14, 'hold', [1], [4])],
  );
  // One of them is taken by the client that does nothing else, when the other one has been busy for long enough.
  const ran = (): number => a.runner.ran.length + b.runner.ran.length;
  await until(() => ran() === 3 && a.runner.ran.some((task) => task > 12) && b.runner.ran.some((task) => task > 12), 'both read it');
  const { length } = relayed.mock.calls;
  for (const { runner } of [a, b]) for (const task of [13, 14]) runner.release(task);
  await session.wait();
  expect((await session.fetch(1)).equals(Buffer.alloc(size, 11))).toBe(true);
  return length;
}

test('large objects go from client to client directly', async () => {
  expect(await passOn()).toBe(0);
});

test('objects of a client that cannot be reached come by way of the server', async () => {
  vi.spyOn(GraphData.prototype, 'doorsTo').mockReturnValue([{ host: '127.0.0.1', port: 1, fingerprint: null }]);
  expect(await passOn()).toBe(Math.ceil(size / 2 ** 20));
});
