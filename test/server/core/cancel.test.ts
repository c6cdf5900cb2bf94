import { expect, it } from 'vitest';
import { Bench, grants, sent, shell } from './harness.ts';

it('ends a queued task and never grants it', () => {
  const bench = new Bench();
  bench.submit([shell('a'), shell('b')]);
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  expect(bench.turn().writes?.ends).toMatchObject([{ n: 1, outcome: 3 }]);
  expect(grants(bench.join('c'))[0]?.[3]).toEqual([2]);
});

it('tells the client to kill what runs, and refuses its later result', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.feed({ type: 'started', connection: 'c', grant: grant!, places: [1, 1] });
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  const turn = bench.turn();
  expect(sent(turn, 'c', 'cancel')).toEqual([['cancel', [[grant, [1, 1]]]]]);
  expect(turn.writes?.ends).toMatchObject([{ n: 1, outcome: 3, attempt: 1 }]);
  bench.result('c', grant!, 1);
  expect(bench.turn().writes?.ends ?? []).toEqual([]);
  expect(bench.core.counts.refused).toBe(1);
});

it('ends a task that only the store holds', () => {
  const bench = new Bench({ window: { tasks: 1, bytes: 1e9 } });
  bench.submit([shell('a'), shell('b'), shell('d')]);
  bench.feed({ type: 'cancel', numbers: [3], rows: bench.store.pending([3]) });
  expect(bench.turn().writes?.ends).toMatchObject([{ n: 3, outcome: 3 }]);
  expect(bench.core.census().ready).toBe(2);
});

it('leaves a task alone that ended in the turn that is still open, whatever the store says', () => {
  const bench = new Bench();
  bench.join('c');
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.result('c', grant!, 1);
  bench.feed({ type: 'cancel', numbers: [1], rows: bench.store.pending([1]) });
  expect(bench.turn().writes?.ends).toMatchObject([{ n: 1, outcome: 1 }]);
});

it('does not bring a cancelled task back with rows that the store gave before it knew', () => {
  const bench = new Bench({ window: { tasks: 1, bytes: 1e9 } });
  bench.submit([shell('a'), shell('b')]);
  const rows = bench.store.pending([2]);
  bench.feed({ type: 'cancel', numbers: [2], rows });
  bench.feed({ type: 'refilled', question: { after: null, limit: 100, lanes: null }, rows });
  bench.turn();
  expect(grants(bench.join('c', 5)).flatMap(([, , , numbers]) => numbers)).toEqual([1]);
});

it('ends a task that waits for its time, and counts it as waiting no more', () => {
  const bench = new Bench();
  bench.submit([shell('a', { startDelay: 1_000 })]);
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  bench.turn();
  expect(bench.core.census().waiting).toBe(0);
  bench.pass(2_000);
  expect(bench.core.census().ready).toBe(0);
});
