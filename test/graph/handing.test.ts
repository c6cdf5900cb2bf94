import { expect, test } from 'vitest';
import type { GraphObject } from '../../src/graph/entities.ts';
import { stateOf } from '../../src/graph/graph.ts';
import { History, output, step } from './history.ts';

/** `a` has made object 1, which is kept, 2, which a task waits for that only `c` could run, and 3, which nobody needs. */
function held(): History {
  const h = new History();
  h.join('a', 3);
  const big = { resources: { big: 1 } };
  h.submit(
    [output(1, true), output(2), output(3), output(4, true)],
    [step(10, [], [1]), step(11, [], [2]), step(12, [], [3]), step(13, [2], [4], big)],
  );
  h.end('a', [10]);
  h.end('a', [11]);
  h.end('a', [12]);
  return h;
}

const objectOf = (h: History, id: number): GraphObject => h.session.nodes.get(id) as GraphObject;

test('what a client that leaves alone has and somebody needs is taken by another, and then it may go', () => {
  const h = held();
  h.join('b');
  const first = h.turn({ type: 'client-closing', id: 'a' });
  const [taker] = [...first.takes.keys()];
  expect([
    taker?.id,
    first.takes
      .get(taker!)
      ?.map(({ id }) => id)
      .sort(),
    first.freed,
  ]).toEqual(['b', [1, 2], []]);
  expect(h.turn({ type: 'took', client: 'b', objects: [h.numberOf(1)], failed: [] }).freed).toEqual([]);
  expect(h.turn({ type: 'took', client: 'b', objects: [h.numberOf(2)], failed: [] }).freed.map(({ id }) => id)).toEqual(['a']);
  h.turn({ type: 'client-left', id: 'a' });
  expect(h.session).toMatchObject({ recomputed: 0, finished: 3 });
  expect([1, 2].map((id) => objectOf(h, id).holders.map(({ id }) => id))).toEqual([['b'], ['b']]);
});

test('what is made while a client leaves is taken too, before it may go', () => {
  const h = new History();
  h.join('a');
  h.join('b');
  h.submit([output(1, true)], [step(10, [], [1])]);
  const runner = (h.session.nodes.get(10) as { client: { id: string } }).client.id;
  const other = runner === 'a' ? 'b' : 'a';
  expect(h.turn({ type: 'client-closing', id: runner })).toMatchObject({ freed: [] });
  const turn = h.endTurn(runner, [10]);
  expect([...turn.takes].map(([client, objects]) => [client.id, objects.map(({ id }) => id)])).toEqual([[other, [1]]]);
  expect(h.turn({ type: 'took', client: other, objects: [h.numberOf(1)], failed: [] }).freed.map(({ id }) => id)).toEqual([runner]);
});

test('one who was to take something and is gone is followed by another; what could not be had is made again when it is lost', () => {
  const h = held();
  h.join('b');
  h.turn({ type: 'client-closing', id: 'a' });
  h.join('c');
  const again = h.turn({ type: 'client-offline', id: 'b' });
  expect([...again.takes].map(([client, objects]) => [client.id, objects.length])).toEqual([['c', 2]]);
  const [one, two] = [h.numberOf(1), h.numberOf(2)];
  // Of the first one nobody waits any more.
  expect(h.tell({ type: 'took', client: 'b', objects: [one], failed: [] })).toEqual({});
  expect(h.turn({ type: 'took', client: 'c', objects: [one], failed: [two] }).freed.map(({ id }) => id)).toEqual(['a']);
  h.turn({ type: 'client-left', id: 'a' });
  expect([h.session.recomputed, stateOf(objectOf(h, 2))]).toEqual([1, 'unfinished']);
});

test('where nobody else is there the server takes it, until nobody needs it', () => {
  const h = held();
  const turn = h.turn({ type: 'client-closing', id: 'a' });
  expect(turn.rescues.map(([object, giver]) => [object.id, giver.id]).sort()).toEqual([
    [1, 'a'],
    [2, 'a'],
  ]);
  for (const id of [1, 2]) expect(h.graph.rescued('a', objectOf(h, id), true)).toBe(true);
  expect(h.turn({ type: 'tick' }).freed.map(({ id }) => id)).toEqual(['a']);
  h.turn({ type: 'client-left', id: 'a' });
  expect(h.session).toMatchObject({ recomputed: 0, finished: 3 });
  h.turn({ type: 'wait', session: h.session, token: 1, items: [1], some: false });
  expect(h.turn({ type: 'unkeep', session: h.session, objects: [1] }).released.map(({ id }) => id)).toEqual([1]);
  h.join('c', 1, { resources: { big: 1 } });
  h.end('c', [13]);
  // Its copy goes with that of the server.
  expect([stateOf(objectOf(h, 2)), stateOf(objectOf(h, 4))]).toEqual(['removed', 'finished']);
  // Too late, or of no use any more.
  expect(h.graph.rescued('a', objectOf(h, 2), true)).toBe(false);
});

test('the end of a session leaves nothing with the server', () => {
  const h = held();
  h.turn({ type: 'client-closing', id: 'a' });
  for (const id of [1, 2]) h.graph.rescued('a', objectOf(h, id), true);
  expect(
    h
      .turn({ type: 'close', session: h.session })
      .released.map(({ id }) => id)
      .sort(),
  ).toEqual([1, 2]);
});

test('a client that leaves stays until it has what it was to take from another one that leaves', () => {
  const h = held();
  h.join('b');
  h.turn({ type: 'client-closing', id: 'a' });
  expect(h.turn({ type: 'client-closing', id: 'b' }).freed).toEqual([]);
  h.join('c');
  h.turn({ type: 'took', client: 'b', objects: [h.numberOf(1)], failed: [] });
  const turn = h.turn({ type: 'took', client: 'b', objects: [h.numberOf(2)], failed: [] });
  expect([...turn.takes].map(([{ id }, objects]) => [id, objects.map(({ id }) => id).sort()])).toEqual([['c', [2]]]);
  expect(turn.freed.map(({ id }) => id)).toEqual(['a']);
});

test('what two clients that leave hold is taken once, and both may go', () => {
  const h = held();
  h.join('b');
  h.turn({ type: 'client-closing', id: 'a' });
  h.turn({ type: 'took', client: 'b', objects: [h.numberOf(1), h.numberOf(2)], failed: [] });
  h.join('c');
  const second = h.graph.client('a')!;
  // It has not gone yet, and has what `b` is to give away too.
  expect(second.held.size).toBeGreaterThan(0);
  const turn = h.turn({ type: 'client-closing', id: 'b' });
  expect([...turn.takes].map(([{ id }, objects]) => [id, objects.map(({ id }) => id).sort()])).toEqual([['c', [1, 2]]]);
  const last = h.turn({ type: 'took', client: 'c', objects: [h.numberOf(1), h.numberOf(2)], failed: [] });
  expect(last.orders.flatMap(({ drop }) => drop)).toEqual([]);
  expect(last.freed.map(({ id }) => id)).toEqual(['b']);
});

test('who says twice that it took something keeps it', () => {
  const h = held();
  h.join('b');
  h.turn({ type: 'client-closing', id: 'a' });
  h.turn({ type: 'took', client: 'b', objects: [h.numberOf(1)], failed: [] });
  const again = h.turn({ type: 'took', client: 'b', objects: [h.numberOf(1)], failed: [] });
  expect(again.orders.flatMap(({ drop }) => drop)).toEqual([]);
});
