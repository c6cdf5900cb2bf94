import { expect, it } from 'vitest';
import { Bench, grants, sent, shell } from './harness.ts';

it('submits and grants in one turn on an idle server', () => {
  const bench = new Bench();
  bench.join('c');
  const turn = bench.submit([shell('a')]);
  expect(grants(turn)).toEqual([['c', expect.any(Number), 1, [1]]]);
  expect(turn.writes?.grants).toEqual([{ id: grants(turn)[0]?.[1], client: 1, attempt: 1, tasks: [1, 1] }]);
});

it('records a result once, acknowledges the message and ends the grant', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', grant!, 1);
  const turn = bench.turn();
  expect(turn.writes?.ends).toMatchObject([{ n: 1, attempt: 1, outcome: 1, client: 1 }]);
  expect(turn.writes?.grants).toEqual([{ id: grant, client: 1, attempt: 1, tasks: [] }]);
  expect(sent(turn, 'c', 'ack')).toEqual([['ack', 1]]);
});

it('refuses, counts and still acknowledges a result that comes twice', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', grant!, 1);
  bench.result('c', grant!, 1);
  const turn = bench.turn();
  expect(turn.writes?.ends).toHaveLength(1);
  expect(bench.core.counts.refused).toBe(1);
  expect(sent(turn, 'c', 'ack')).toEqual([['ack', 2]]);
});

it('refuses a result under another grant or from another client', () => {
  const bench = new Bench();
  bench.join('c');
  bench.join('d');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', grant! + 1, 1);
  bench.result('d', grant!, 1);
  expect(bench.turn().writes?.ends ?? []).toEqual([]);
  expect(bench.core.counts.refused).toBe(2);
});

it('gives no work before resume is handled', () => {
  const bench = new Bench();
  bench.feed({
    type: 'client-connected',
    connection: 'c',
    id: 'c',
    host: 'h',
    capacity: { slots: 1, cores: null, memory: null, resources: {}, tags: {} },
  });
  expect(grants(bench.submit([shell('a')]))).toEqual([]);
  bench.feed({ type: 'want', connection: 'c', sequence: 1, tasks: 1, free: 1 });
  expect(bench.turn().cut).toMatchObject([{ connection: 'c', error: { code: 'ERR_PROTOCOL' } }]);
});

it('makes ready what a client holds no more, and tells it to drop what it holds wrongly', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b')]));
  bench.feed({ type: 'disconnected', connection: 'c' });
  const capacity = { slots: 2, cores: null, memory: null, resources: {}, tags: {} };
  bench.feed({ type: 'client-connected', connection: 'c2', id: 'c', host: 'h', capacity });
  bench.feed({
    type: 'resume',
    connection: 'c2',
    held: [
      [grant!, [2, 2]],
      [77, [5, 6]],
    ],
  });
  const turn = bench.turn();
  expect(sent(turn, 'c2', 'resumed')).toEqual([['resumed', [[77, [5, 6]]]]]);
  expect(bench.core.census()).toMatchObject({ ready: 1, leased: 1 });
});

it('keeps the leases of a client over a restart, by task numbers, also when part of a grant is done', () => {
  const bench = new Bench();
  bench.join('c', 3);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b'), shell('d')]));
  bench.result('c', grant!, 1);
  bench.turn();
  bench.restart();
  const capacity = { slots: 3, cores: null, memory: null, resources: {}, tags: {} };
  bench.feed({ type: 'client-connected', connection: 'c', id: 'c', host: 'h', capacity });
  bench.feed({ type: 'resume', connection: 'c', held: [[grant!, [2, 3]]] });
  const turn = bench.turn();
  expect(sent(turn, 'c', 'resumed')).toEqual([['resumed', []]]);
  bench.feed({ type: 'results', connection: 'c', sequence: 1, bundles: [[grant!, [[3, 1, 0, 1, 1, 0, null]]]] });
  expect(bench.turn().writes?.ends).toMatchObject([{ n: 3, attempt: 1, outcome: 1 }]);
});

it('closes the older connection of a client that connects again, and ignores what it still says', () => {
  const bench = new Bench();
  bench.join('c');
  const capacity = { slots: 2, cores: null, memory: null, resources: {}, tags: {} };
  bench.feed({ type: 'client-connected', connection: 'c2', id: 'c', host: 'h', capacity });
  bench.feed({ type: 'want', connection: 'c', sequence: 9, tasks: 100, free: 2 });
  expect(bench.turn().cut).toMatchObject([{ connection: 'c' }]);
  expect(grants(bench.submit([shell('a')]))).toEqual([]);
});

it('cuts a client that reports an outcome which only the server can give', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', grant!, 1, 3);
  expect(bench.turn().cut).toMatchObject([{ error: { code: 'ERR_PROTOCOL' } }]);
});

it('cuts a grant before the task that would make it larger than its limit', () => {
  const bench = new Bench({ bundle: { tasks: 100, bytes: 10_000 } });
  bench.join('c', 10);
  const long = shell('x'.repeat(6_000));
  const turn = bench.submit([shell('a'), long, long, shell('x'.repeat(30_000)), shell('b')]);
  expect(grants(turn).map(([, , , numbers]) => numbers)).toEqual([[1, 2], [3], [4], [5]]);
});

it('weighs the environment of a task too', () => {
  const bench = new Bench({ bundle: { tasks: 100, bytes: 10_000 } });
  bench.join('c', 10);
  const task = shell('a', { env: { LONG: 'x'.repeat(6_000) } });
  expect(grants(bench.submit([task, task])).map(([, , , numbers]) => numbers)).toEqual([[1], [2]]);
});
