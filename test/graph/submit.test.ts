import { expect, test } from 'vitest';
import { GraphTask } from '../../src/graph/entities.ts';
import { History, output, step } from './history.ts';

/** A chain of three, the last one told first. */
const links = [step(12, [2], [3]), step(11, [1], [2]), step(10, [], [1])];
const objects = [output(1), output(2), output(3, true)];

test('tasks that are told before those that they read run after them all the same', () => {
  const h = new History();
  h.join('a');
  expect(h.submit(objects, links).a?.run).toEqual([10, 11, 12]);
  expect(links.map(([id]) => h.session.nodes.get(id)).map((task) => task instanceof GraphTask && task.depth)).toEqual([1, 2, 3]);
});

test('a task that reads what it makes, by itself or by others, is refused, and leaves nothing behind', () => {
  const h = new History();
  h.join('a');
  const wrong = expect.objectContaining({ code: 'ERR_TASK', message: expect.stringContaining('cycle') });
  expect(() => h.submit([output(1)], [step(10, [1], [1])])).toThrow(wrong);
  expect(() => h.submit([output(1), output(2)], [step(10, [2], [1]), step(11, [1], [2])])).toThrow(wrong);
  expect(h.session.nodes.size).toBe(0);
  expect(h.submit([output(1)], [step(10, [], [1])]).a?.run).toEqual([10]);
});
