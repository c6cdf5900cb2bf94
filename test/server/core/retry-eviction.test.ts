import { expect, it } from 'vitest';
import { Bench, grants, sent, shell } from './harness.ts';

it('runs a failed task again with the next attempt, records both and fails for good when its retries are used up', () => {
  const bench = new Bench({ maxRetries: 1 });
  bench.join('c', 4);
  const [[, first] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', first!, 1, 2);
  const again = bench.turn();
  expect(again.writes?.attempts).toMatchObject([{ n: 1, attempt: 1, outcome: 2 }]);
  const [[, second, attempt] = []] = grants(again);
  expect(attempt).toBe(2);
  bench.result('c', second!, 1, 2);
  expect(bench.turn().writes?.ends).toMatchObject([{ n: 1, attempt: 2, outcome: 2 }]);
  expect(bench.store.history(1)).toHaveLength(2);
});

it('waits before a retry as its back-off says, also over a restart', () => {
  const bench = new Bench({ maxRetries: 1 });
  bench.join('c', 4);
  const [[, grant] = []] = grants(bench.submit([shell('a', { backoff: { delay: 500, factor: 2, max: 9_000, jitter: 0 } })]));
  bench.result('c', grant!, 1, 2);
  expect(grants(bench.turn())).toEqual([]);
  bench.restart();
  bench.join('c', 4);
  expect(grants(bench.pass(499))).toEqual([]);
  expect(grants(bench.pass(1))[0]?.[2]).toBe(2);
});

it('gives the tasks of a client that is silent for evictAfter to another and counts no retry', () => {
  const bench = new Bench();
  bench.join('c', 1);
  bench.submit([shell('a')]);
  bench.now = 9_000;
  bench.join('d', 1);
  const turn = bench.pass(1_000);
  expect(turn.cut).toMatchObject([{ connection: 'c' }]);
  expect(turn.left).toEqual(['c']);
  expect(grants(turn)).toEqual([['d', expect.any(Number), 2, [1]]]);
  expect(turn.writes?.attempts).toMatchObject([{ n: 1, attempt: 1, outcome: 5 }]);
});

it('waits reconnectGrace for a client whose connection closed', () => {
  const bench = new Bench();
  bench.join('c', 1);
  bench.submit([shell('a')]);
  bench.join('d', 1);
  bench.feed({ type: 'disconnected', connection: 'c' });
  bench.turn();
  expect(grants(bench.pass(1_500))).toEqual([]);
  expect(grants(bench.pass(500))).toEqual([['d', expect.any(Number), 2, [1]]]);
});

it.each([
  ['evictAfter for a client that may have outlived the server', false, 10_000],
  ['reconnectGrace for one that was joined to it', true, 2_000],
])('after a restart it waits %s', (_which, joined, wait) => {
  const bench = new Bench();
  bench.join('c', 1, { joined });
  bench.submit([shell('a')]);
  bench.restart();
  bench.pass(wait - 500);
  expect(grants(bench.join('d', 1))).toEqual([]);
  expect(grants(bench.pass(500))).toEqual([['d', expect.any(Number), 2, [1]]]);
});

it('ends a task as lost when it has lost its client maxLosses times', () => {
  const bench = new Bench({ maxLosses: 2 });
  bench.submit([shell('a')]);
  for (const id of ['c', 'd']) {
    bench.join(id, 1);
    bench.feed({ type: 'disconnected', connection: id });
    bench.turn();
    bench.pass(2_000);
  }
  expect(bench.store.history(1)).toMatchObject([
    { attempt: 1, outcome: 5 },
    { attempt: 2, outcome: 5 },
  ]);
  expect(bench.core.counts.outcomes[5]).toBe(1);
});

it('condemns only what may have run: the queue behind it goes back without a loss', () => {
  const bench = new Bench();
  bench.join('c', 4, { slots: 1 });
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b'), shell('d'), shell('e')]));
  bench.feed({ type: 'started', connection: 'c', grant: grant!, places: [1, 1] });
  bench.feed({ type: 'disconnected', connection: 'c' });
  bench.turn();
  expect(bench.pass(2_000).writes?.attempts).toMatchObject([{ n: 1, outcome: 5 }]);
  expect(bench.core.census().ready).toBe(4);
});

it('refuses the late result of an evicted client when it comes back', () => {
  const bench = new Bench();
  bench.join('c', 1);
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.pass(10_000);
  const capacity = { slots: 1, cores: null, memory: null, resources: {}, tags: {} };
  bench.feed({ type: 'client-connected', connection: 'c2', id: 'c', host: 'h', capacity });
  bench.feed({ type: 'resume', connection: 'c2', held: [[grant!, [1, 1]]] });
  bench.feed({ type: 'results', connection: 'c2', sequence: 1, bundles: [[grant!, [[1, 1, 0, 1, 1, 0, null]]]] });
  const turn = bench.turn();
  expect(turn.writes?.ends ?? []).toEqual([]);
  expect(sent(turn, 'c2', 'ack')).toEqual([['ack', 1]]);
  expect(bench.core.counts.refused).toBe(1);
});
