import { expect, test } from 'vitest';
import type { ObjectSpec, TaskSpec } from '../../src/graph/entities.ts';
import { stateOf } from '../../src/graph/graph.ts';
import { constant, History, output, step } from './history.ts';

const coded = (code: string): unknown => expect.objectContaining({ code });

test('a task runs when all its inputs are there, and an object goes when nobody needs it', () => {
  const h = new History();
  h.join('a', 2);
  expect(
    h.submit([constant(1), output(2), output(3), output(4, true)], [step(10, [1], [2]), step(11, [], [3]), step(12, [2, 3], [4])]),
  ).toMatchObject({
    a: { run: [10, 11] },
  });
  const numbers = [2, 3, 4].map((id) => h.numberOf(id));
  expect(h.end('a', [10])).toEqual({ a: expect.objectContaining({ run: [], drop: [h.numberOf(1)] }) });
  expect(h.end('a', [11]).a?.run).toEqual([12]);
  expect(h.end('a', [12]).a?.drop).toEqual(numbers.slice(0, 2));
  expect([2, 3, 4].map((id) => stateOf(h.session.nodes.get(id)!))).toEqual(['removed', 'removed', 'finished']);
  expect(h.tell({ type: 'unkeep', session: h.session, objects: [4] }).a?.drop).toEqual(numbers.slice(2));
  expect(h.session).toMatchObject({ finished: 3, unfinished: 0, objects: 1 });
});

test('a submission with a defect leaves nothing behind', () => {
  const h = new History();
  h.submit([constant(1), output(2)], [step(10, [1], [2])]);
  const wrong: [string, ObjectSpec[], TaskSpec[]][] = [
    ['ERR_TASK', [output(3)], []],
    ['ERR_TASK', [constant(1)], []],
    ['ERR_TASK', [constant(3), constant(3)], []],
    ['ERR_TASK', [output(3)], [step(10, [], [3])]],
    ['ERR_TASK', [output(3)], [step(11, [99], [3])]],
    ['ERR_TASK', [output(3)], [step(11, [10], [3])]],
    ['ERR_TASK', [], [step(11, [], [2])]],
    ['ERR_TASK', [constant(3)], [step(11, [], [3])]],
    ['ERR_TASK', [output(3)], [step(11, [], [3]), step(12, [], [3])]],
    ['ERR_TASK', [output(3), output(4)], [step(11, [4], [3]), step(12, [3], [4])]],
    ['ERR_TASK', [[3, 'big', 0, false, true, null]], []],
  ];
  for (const [code, objects, tasks] of wrong) expect(() => h.submit(objects, tasks), JSON.stringify(tasks)).toThrowError(coded(code));
  expect(h.session.nodes.size).toBe(3);
  h.join('a');
  h.end('a', [10]);
  expect(() => h.submit([output(3)], [step(11, [2], [3])])).toThrowError(coded('ERR_STATE'));
  expect(h.submit([output(3)], [step(11, [1], [3])]).a?.run).toEqual([11]);
});

test('the first task that fails fails its session: what runs is stopped, who waits is told the cause, other sessions go on', () => {
  const h = new History();
  h.join('a', 3);
  h.submit([output(1, true), output(2), output(3)], [step(10, [], [1]), step(11, [], [2]), step(12, [1, 2], [3])]);
  const other = h.graph.openSession('other', 'fail');
  h.turn({ type: 'submit', session: other, objects: [output(1)], tasks: [step(10, [], [1])], sizes: new Map() });
  h.turn({ type: 'wait', session: h.session, token: 1, items: [], some: false });
  h.end('a', [10]);
  const stopped = h.runOf(11);
  h.failing('a', 11);
  const failing = new History();
  failing.join('a', 2);
  failing.submit([output(1), output(2)], [step(10, [], [1]), step(11, [], [2], { name: 'the bad one' })]);
  failing.turn({ type: 'wait', session: failing.session, token: 7, items: [10], some: false });
  const running = failing.runOf(10);
  const { orders, answers, failed } = failing.failing('a', 11);
  expect(orders).toMatchObject([{ cancel: [running], forget: [failing.session.n] }]);
  expect(failed).toEqual([failing.session]);
  expect(answers).toMatchObject([{ token: 7, error: { code: 'ERR_TASK_FAILED', message: "the task 'the bad one' failed: broken" } }]);
  expect(stopped).toBeGreaterThan(0);
  expect(h.session.state).toBe('failed');
  for (const event of [
    { type: 'wait', session: h.session, token: 2, items: [], some: false },
    { type: 'await-object', session: h.session, token: 3, object: 1 },
    { type: 'unkeep', session: h.session, objects: [1] },
    { type: 'submit', session: h.session, objects: [], tasks: [], sizes: new Map() },
  ] as const)
    expect(() => h.turn(event)).toThrowError(coded('ERR_TASK_FAILED'));
  expect(other).toMatchObject({ state: 'open', assigned: 1 });
  h.turn({ type: 'close', session: h.session });
  expect(h.graph.open).toBe(1);
});

test("with 'continue' only what depends on the failed task fails, with its cause", () => {
  const h = new History('continue');
  h.join('a', 2);
  h.submit(
    [output(1), output(2), output(3), output(4, true)],
    [step(10, [], [1]), step(11, [1], [2]), step(12, [2], [3]), step(13, [], [4])],
  );
  h.turn({ type: 'wait', session: h.session, token: 1, items: [], some: false });
  h.turn({ type: 'wait', session: h.session, token: 2, items: [3], some: false });
  h.turn({ type: 'wait', session: h.session, token: 3, items: [13], some: false });
  expect(h.failing('a', 10).answers).toMatchObject([{ token: 2, error: { details: { failure: { task: 10, stderr: 'oops' } } } }]);
  expect([10, 11, 12, 13].map((id) => stateOf(h.session.nodes.get(id)!))).toEqual(['failed', 'failed', 'failed', 'assigned']);
  const node = h.session.nodes.get(13)!;
  const { answers } = h.turn({
    type: 'ended',
    client: 'a',
    ends: [{ run: h.runOf(13), outputs: [[1, null, null]], info: null, debug: '', startedAt: 0, durationMs: 1 }],
  });
  expect(answers).toMatchObject([
    { token: 3, finished: [13] },
    { token: 1, error: { code: 'ERR_TASK_FAILED' } },
  ]);
  expect(stateOf(node)).toBe('finished');
  expect(() => h.submit([output(5)], [step(14, [3], [5])])).toThrowError(coded('ERR_DEPENDENCY'));
});

test('waits end with all, with some, and with all tasks there are; one on nothing ends at once', () => {
  const h = new History();
  expect(h.turn({ type: 'wait', session: h.session, token: 1, items: [], some: false }).answers).toEqual([{ token: 1, finished: [] }]);
  h.join('a', 2);
  h.submit([output(1, true), output(2, true)], [step(10, [], [1]), step(11, [], [2])]);
  h.turn({ type: 'wait', session: h.session, token: 2, items: [10, 2], some: false });
  h.turn({ type: 'wait', session: h.session, token: 3, items: [10, 2], some: true });
  h.turn({ type: 'wait', session: h.session, token: 4, items: [11], some: false });
  h.turn({ type: 'give-up', session: h.session, token: 4 });
  const end = { outputs: [[1, 'text', null]], info: null, debug: '', startedAt: 0, durationMs: 1 } as const;
  expect(h.turn({ type: 'ended', client: 'a', ends: [{ ...end, run: h.runOf(11) }] }).answers).toEqual([{ token: 3, finished: [2] }]);
  expect(h.turn({ type: 'ended', client: 'a', ends: [{ ...end, run: h.runOf(10) }] }).answers).toEqual([{ token: 2, finished: [10, 2] }]);
  expect(h.turn({ type: 'wait', session: h.session, token: 5, items: [1, 10], some: true }).answers).toEqual([
    { token: 5, finished: [1, 10] },
  ]);
  expect(() => h.turn({ type: 'wait', session: h.session, token: 6, items: [99], some: false })).toThrowError(coded('ERR_NOT_FOUND'));
  expect(h.turn({ type: 'await-object', session: h.session, token: 7, object: 1 }).answers).toHaveLength(1);
});

test('only what is kept, or was given, can be fetched and unkept', () => {
  const h = new History();
  h.submit([constant(1), output(2)], [step(10, [1], [2])]);
  expect(h.turn({ type: 'await-object', session: h.session, token: 1, object: 1 }).answers).toHaveLength(1);
  expect(() => h.turn({ type: 'await-object', session: h.session, token: 2, object: 2 })).toThrowError(coded('ERR_STATE'));
  expect(() => h.turn({ type: 'await-object', session: h.session, token: 2, object: 10 })).toThrowError(coded('ERR_TASK'));
  expect(() => h.turn({ type: 'unkeep', session: h.session, objects: [2] })).toThrowError(coded('ERR_STATE'));
});

test('the line of tasks behind a task travels with it, as far as nothing else holds it up', () => {
  const h = new History();
  h.join('a');
  h.join('b');
  const objects = [output(1), output(2), output(3, true), output(4, true)];
  const told = h.submit(objects, [step(10, [], [1]), step(11, [1, 1], [2]), step(12, [2], [3]), step(13, [3], [4])]);
  expect(told).toEqual({ a: expect.objectContaining({ run: [10, 11, 12, 13] }) });
  expect(h.session.nodes.get(11)).toMatchObject({ following: true, missing: 2 });
  h.end('a', [10, 11]);
  expect(h.session.nodes.get(12)).toMatchObject({ following: false });
  // What was sent ahead comes back with what it follows.
  const followers = h.runOf(13);
  expect(h.tell({ type: 'given-back', client: 'a', runs: [h.runOf(12)] })).toMatchObject({ a: { cancel: [followers] } });
});

test('a task goes where most bytes of its inputs lie', () => {
  const h = new History();
  h.join('a');
  h.join('b');
  h.submit([output(1, true), output(2, true)], [step(10, [], [1]), step(11, [], [2])]);
  const [small, large] = [h.session.nodes.get(10)!, h.session.nodes.get(11)!].map((task) => ('client' in task ? task.client!.id : ''));
  h.end(small!, [10], 1_000);
  h.end(large!, [11], 5_000_000);
  expect(h.submit([output(3)], [step(12, [1, 2], [3])])).toEqual({ [large!]: expect.objectContaining({ run: [12] }) });
});

test('priority goes before the longest way, that before age; a task that fits nowhere holds back only its like', () => {
  const h = new History();
  const objects = [1, 2, 3, 4, 5, 6].map((id) => output(id, true));
  h.submit(objects, [
    step(10, [], [1]),
    step(11, [], [2]),
    step(12, [2], [3]),
    step(13, [], [4], { priority: 1 }),
    step(14, [], [5], { cpus: 2 }),
    step(15, [], [6], { resources: { gpu: 1 } }),
  ]);
  const order: number[] = [];
  let told = Object.fromEntries(h.join('a', 1).orders.map(({ client, run }) => [client.id, { run: run.map(({ id }) => id) }]));
  for (;;) {
    const run = told.a?.run ?? [];
    if (run.length === 0) break;
    order.push(...run);
    for (const task of run) told = h.end('a', [task], 10, 1_000);
  }
  expect(order).toEqual([13, 11, 12, 10]);
  expect(h.graph.explain(h.session, 14)).toBe(
    'it is ready, but no connected client can ever hold it: it asks for 2 cores; the most that any client has is 1 cores',
  );
  expect(h.graph.explain(h.session, 15)).toContain('gpu: 1');
  expect(h.graph.explain(h.session, 10)).toBe('it has finished');
  const { orders } = h.join('b', 2, { resources: { gpu: 1 } });
  expect(orders.flatMap(({ run }) => run.map(({ id }) => id))).toEqual([14]);
  expect(h.graph.explain(h.session, 15)).toBe('it is ready, but all clients that could hold it are busy');
});

test('small tasks do not pass a large one for ever', () => {
  const h = new History();
  h.join('a', 2);
  h.submit(
    [1, 2, 3].map((id) => output(id, true)),
    [step(10, [], [1]), step(11, [], [2]), step(12, [], [3], { cpus: 2 })],
  );
  for (let i = 0; i < 20; i++) {
    const id = 100 + 2 * i;
    h.submit([output(id, true)], [step(id + 1, [], [id])]);
    const { client } = h.session.nodes.get(12) as { client: unknown };
    if (client !== null) return;
    const [running] = [...h.graph.client('a')!.runs.values()];
    h.end('a', [running!.id], 10, 1_000);
  }
  expect.unreachable('the task with two cores never ran');
});

test("a lost client's tasks run elsewhere, and what it alone had and is needed is made again, nothing more", () => {
  const h = new History();
  h.join('a');
  h.submit(
    [constant(1), output(2), output(3, true), output(4), output(5, true)],
    [step(10, [1], [2]), step(11, [2], [3]), step(12, [1], [4]), step(13, [4], [5])],
  );
  h.end('a', [10, 11]);
  h.end('a', [12]);
  expect(h.session.recomputed).toBe(0);
  h.tell({ type: 'client-offline', id: 'a' });
  expect(h.graph.explain(h.session, 13)).toContain('has it');
  h.tell({ type: 'client-left', id: 'a' });
  // 3 is kept and gone with its input; 4 is an input of 13, which has not run.
  expect(h.session.recomputed).toBe(3);
  const { orders } = h.join('b');
  expect(orders.flatMap(({ run }) => run.map(({ id }) => id)).sort()).toEqual([10, 11]);
  h.end('b', [10, 11]);
  h.end('b', [12, 13]);
  expect(h.session).toMatchObject({ unfinished: 0, finished: 4, objects: 3 });
});

test('a client that comes back keeps what both know of, and loses the rest', () => {
  const h = new History();
  h.join('a', 2);
  h.submit([output(1, true), output(2, true), output(3, true)], [step(10, [], [1]), step(11, [], [2]), step(12, [1], [3])]);
  h.end('a', [10]);
  h.tell({ type: 'client-offline', id: 'a' });
  const held = h.numberOf(1);
  expect(h.tell({ type: 'client-resumed', id: 'a', ends: [], runs: [h.runOf(11), 999], objects: [held, 888] })).toMatchObject({
    a: { cancel: [999], drop: [888], run: [12] },
  });
  expect(h.session.recomputed).toBe(0);
  h.tell({ type: 'client-offline', id: 'a' });
  h.tell({ type: 'client-resumed', id: 'a', ends: [], runs: [], objects: [] });
  expect(h.session).toMatchObject({ recomputed: 1, finished: 0 });
});

test('what only a client has that is away waits for it, without a charge', () => {
  const h = new History();
  h.join('a');
  h.submit([output(1, true)], [step(10, [], [1])]);
  h.end('a', [10]);
  h.tell({ type: 'client-offline', id: 'a' });
  h.join('b');
  expect(h.submit([output(2)], [step(11, [1], [2])])).toEqual({});
  expect(h.graph.explain(h.session, 11)).toBe('the client a, which alone has one of its inputs, is away');
  expect(h.tell({ type: 'client-left', id: 'a' })).toMatchObject({ b: { run: [10, 11] } });
});

test('a task under which clients are lost again and again fails', () => {
  const h = new History();
  h.submit([output(1)], [step(10, [], [1])]);
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    expect(h.session.state).toBe('open');
    h.join(id);
    h.tell({ type: 'client-left', id });
  }
  expect(h.session).toMatchObject({ state: 'failed', failure: { task: 10, code: 'ERR_TASK_FAILED' } });
});

test('tiny tasks are sent ahead; what a client has ahead is asked back for one that does nothing', () => {
  const h = new History();
  h.join('a');
  const ids = Array.from({ length: 200 }, (_, i) => i);
  h.submit(
    ids.map((id) => output(id, true)),
    ids.map((id) => step(1_000 + id, [], [id])),
  );
  const client = h.graph.client('a')!;
  for (let i = 0; i < 40; i++) h.end('a', [[...client.runs.values()][0]!.id], 1, 0.01);
  expect(client.runs.size).toBe(160);
  h.join('b');
  expect(h.graph.wakeAt()).toBe(50);
  h.now = 50;
  const told = h.tell({ type: 'tick' });
  expect(told).toMatchObject({ a: { recall: 1 } });
  const [last] = [...client.runs.values()].slice(-1);
  expect(h.tell({ type: 'given-back', client: 'a', runs: [last!.run] })).toMatchObject({ b: { run: [last!.id] } });
});
