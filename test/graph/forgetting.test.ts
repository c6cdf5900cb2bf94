import { expect, test } from 'vitest';
import { GraphObject } from '../../src/graph/entities.ts';
import { stateOf } from '../../src/graph/graph.ts';
import { constant, History, output, step } from './history.ts';

/** What is still known as more than a line of numbers. */
const known = (h: History): number[] => [...h.session.nodes.values()].map(({ id }) => id);

test('a task that has ended is let go with its output when nobody needs that, and what it was made from after it', () => {
  const h = new History();
  h.join('a');
  h.submit([constant(1), output(2), output(3)], [step(10, [1], [2]), step(11, [2, 1], [3])]);
  h.end('a', [10]);
  expect(known(h)).toEqual([1, 2, 3, 10, 11]);
  h.end('a', [11]);
  expect(known(h)).toEqual([1]);
  expect(h.session).toMatchObject({ finished: 2, unfinished: 0, objects: 1 });
});

test('while an object is kept, all that it was made from stays known; when it is let go, none of it', () => {
  const h = new History();
  h.join('a');
  const chain = Array.from({ length: 20 }, (_, i) => step(100 + i, i === 0 ? [] : [i - 1], [i]));
  h.submit(
    Array.from({ length: 20 }, (_, i) => output(i, i === 19)),
    chain,
  );
  for (const [id] of chain) h.end('a', [id]);
  expect(known(h)).toHaveLength(40);
  const { forgotten } = h.turn({ type: 'unkeep', session: h.session, objects: [19] });
  expect(known(h)).toEqual([]);
  expect(forgotten.map(({ id }) => id).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test('what was let go is still told of: state, times, client, size and links', () => {
  const h = new History();
  h.join('a');
  h.submit([constant(1), [2, 'joined', 0, false, null, { contentType: 'text' }]], [step(10, [1, 1], [2], { name: 'join' })]);
  h.end('a', [10], 77, 5);
  const [task, object] = [h.session.nodes.find(10)!, h.session.nodes.find(2)!];
  expect([stateOf(task), stateOf(object)]).toEqual(['finished', 'removed']);
  expect(task).toMatchObject({
    isTask: true,
    text: 'step',
    name: 'join',
    client: 'a',
    startedAt: 0,
    durationMs: 5,
    inputs: [1, 1],
    outputs: [2],
  });
  expect(object).toMatchObject({ isTask: false, text: 'joined', contentType: 'text', size: 77, uses: 0 });
  expect(h.graph.explain(h.session, 10)).toBe('it has finished');
});

test('requests about what was let go are answered as before', () => {
  const h = new History();
  h.join('a');
  h.submit([output(2)], [step(10, [], [2])]);
  h.end('a', [10]);
  const { session } = h;
  expect(h.turn({ type: 'wait', session, token: 1, items: [10, 2], some: false }).answers).toEqual([{ token: 1, finished: [10, 2] }]);
  expect(() => h.turn({ type: 'await-object', session, token: 2, object: 2 })).toThrow(/is not kept: keep it before it is submitted/);
  expect(() => h.turn({ type: 'await-object', session, token: 2, object: 10 })).toThrow(/10 is a task/);
  expect(() => h.turn({ type: 'unkeep', session, objects: [2] })).toThrow(/the object 'output' is not kept/);
  expect(() => h.turn({ type: 'unkeep', session, objects: [10] })).toThrow(/10 is a task/);
  expect(() => h.submit([output(4)], [step(11, [2], [4])])).toThrow(/the object 2 \(output\) was removed/);
  expect(() => h.submit([output(4)], [step(11, [10], [4])])).toThrow(/unknown input 10/);
  expect(() => h.submit([output(2)], [step(11, [], [2])])).toThrow(/the number 2 is used twice/);
  expect(() => h.submit([output(4)], [step(10, [], [4])])).toThrow(/the number 10 is used twice/);
});

test('an object that many tasks read, each let go after it, does not gather them', () => {
  const h = new History();
  h.join('a');
  h.submit([output(1, true)], [step(2, [], [1])]);
  h.end('a', [2]);
  const object = h.session.nodes.get(1);
  for (let id = 10; id < 410; id += 2) {
    h.submit([output(id)], [step(id + 1, [1], [id])]);
    h.end('a', [id + 1]);
    if (object instanceof GraphObject) expect(object.consumers.length).toBeLessThan(40);
  }
  expect(object).toMatchObject({ uses: 200, retained: 0, pending: 0 });
  expect(known(h)).toEqual([1, 2]);
});

test('where only dependents fail, what a failed task read is let go, and the failure stays known', () => {
  const h = new History('continue');
  h.join('a');
  h.submit([output(1), output(2)], [step(10, [], [1]), step(11, [1], [2])]);
  h.end('a', [10]);
  h.failing('a', 11);
  expect(known(h)).toEqual([2, 11]);
  expect(stateOf(h.session.nodes.find(1)!)).toBe('removed');
  expect(h.session).toMatchObject({ finished: 1, failed: 1 });
});

test('the nodes of a session come in the order of their numbers from any number on, past ones among them', () => {
  const h = new History();
  h.join('a');
  const ids = [5, 70, 200, 1_000_000];
  h.submit(
    ids.map((id) => output(id, id === 200)),
    ids.map((id) => step(id + 1, [], [id])),
  );
  for (const id of ids) h.end('a', [id + 1]);
  const { nodes } = h.session;
  expect([...nodes.from(0)].map(({ id }) => id)).toEqual([5, 6, 70, 71, 200, 201, 1_000_000, 1_000_001]);
  expect([...nodes.from(71)].map(({ id }) => id)).toEqual([71, 200, 201, 1_000_000, 1_000_001]);
  expect(nodes).toMatchObject({ size: 8, pastTasks: 3, next: 1_000_002 });
});

test('tasks with more links than a block of them holds, and many tasks, are told of rightly', () => {
  const h = new History();
  h.join('a');
  const many = Array.from({ length: 20_000 }, (_, i) => i + 10);
  h.submit([...many.map((id) => constant(id)), output(1)], [step(2, many, [1])]);
  h.end('a', [2]);
  expect(h.session.nodes.find(2)).toMatchObject({ inputs: many, outputs: [1] });
});

test('of many tasks that were let go each is told of as it was', () => {
  const h = new History();
  h.join('a', 4_000);
  const ids = Array.from({ length: 3_000 }, (_, i) => 2 * i + 100);
  h.submit(
    [constant(10), constant(11), ...ids.map((id) => output(id))],
    ids.map((id) => step(id + 1, [10, 11], [id])),
  );
  const sizes = new Map<number, number>();
  for (let from = 0; from < ids.length; from += 500) {
    for (const id of ids.slice(from, from + 500)) sizes.set(id, from);
    h.end(
      'a',
      ids.slice(from, from + 500).map((id) => id + 1),
      from,
    );
  }
  for (const id of ids) {
    expect(h.session.nodes.find(id)).toMatchObject({ id, size: sizes.get(id) });
    expect(h.session.nodes.find(id + 1)).toMatchObject({ id: id + 1, inputs: [10, 11], outputs: [id] });
  }
});
