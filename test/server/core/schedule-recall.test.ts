import { expect, it } from 'vitest';
import { Bench, grants, sent, shell } from './harness.ts';

const tasks = (count: number) => Array.from({ length: count }, (_, i) => shell(`t${i}`));

it('serves free slots of all clients before anybody gets more', () => {
  const bench = new Bench();
  bench.join('c', 6, { slots: 2 });
  bench.join('d', 6, { slots: 2 });
  const turn = bench.submit(tasks(4));
  expect(grants(turn).map(([connection, , , numbers]) => [connection, numbers.length])).toEqual([
    ['c', 2],
    ['d', 2],
  ]);
});

it('never sends more than a client asked for', () => {
  const bench = new Bench();
  bench.join('c', 3);
  expect(grants(bench.submit(tasks(10))).flatMap(([, , , numbers]) => numbers)).toEqual([1, 2, 3]);
  bench.feed({ type: 'want', connection: 'c', sequence: 1, tasks: 10, free: 0 });
  expect(grants(bench.turn())).toEqual([]);
});

it('takes higher priorities first', () => {
  const bench = new Bench();
  bench.submit([shell('a'), shell('first', { priority: 1 }), shell('last', { priority: -1 })]);
  expect(grants(bench.join('c', 3)).flatMap(([, , , numbers]) => numbers)).toEqual([2, 1, 3]);
});

it.each([
  [false, 2],
  [true, 1],
])('with eager %s goes on with task %i after the first one failed', (eager, next) => {
  const bench = new Bench({ maxRetries: 1, eager });
  bench.join('c', 1);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b')]));
  bench.result('c', grant!, 1, 2);
  bench.turn();
  bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 2, free: 1 });
  expect(grants(bench.turn())[0]?.[3]).toEqual([next]);
});

it('gives a task only to a client that can hold it', () => {
  const bench = new Bench();
  bench.join('small', 1, { cores: 1 });
  expect(grants(bench.submit([shell('a', { cores: 2 }), shell('b')])).map(([connection, , , numbers]) => [connection, numbers])).toEqual([
    ['small', [2]],
  ]);
  expect(grants(bench.join('large', 1, { cores: 4 }))).toMatchObject([['large', expect.any(Number), 1, [1]]]);
});

it('holds a bounded window of a long queue and fetches the rest in order', () => {
  const bench = new Bench({ window: { tasks: 10, bytes: 1e9 } });
  bench.submit(tasks(95));
  expect(bench.core.numbersIn(1).length).toBe(10);
  const seen = grants(bench.join('c', 1_000, { slots: 1 })).flatMap(([, , , numbers]) => numbers);
  for (let turns = 0; turns < 100 && seen.length < 95; turns++) seen.push(...grants(bench.turn()).flatMap(([, , , numbers]) => numbers));
  expect(seen).toEqual(Array.from({ length: 95 }, (_, i) => i + 1));
});

it('keeps the window bounded when what comes goes before all that is there', () => {
  const bench = new Bench({ window: { tasks: 10, bytes: 1e9 } });
  bench.submit(tasks(50));
  bench.submit(
    Array.from({ length: 50 }, () => shell('urgent', { priority: 5 })),
    2,
  );
  expect(bench.core.numbersIn(1).length).toBeLessThanOrEqual(20);
  expect(grants(bench.join('c', 5)).flatMap(([, , , numbers]) => numbers)).toEqual([51, 52, 53, 54, 55]);
});

it('does not lose a task that comes between the question to the store and its answer', () => {
  const bench = new Bench({ window: { tasks: 2, bytes: 1e9 } });
  bench.submit([shell('a'), shell('b'), shell('d', { group: 1 }), shell('e', { group: 1 })]);
  bench.join('c', 2, { slots: 2 });
  const turn = bench.core.endTurn({ now: 0, wall: 0 });
  if (turn.writes !== null) bench.store.commit(turn.writes);
  bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 9, free: 2 });
  const asked = bench.core.endTurn({ now: 0, wall: 0 });
  if (asked.writes !== null) bench.store.commit(asked.writes);
  bench.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 2, tasks: [shell('late')], known: null });
  for (const question of [...turn.refills, ...asked.refills])
    bench.feed({ type: 'refilled', question, rows: bench.store.ready(question.after, question.limit) });
  const seen = grants(bench.turn()).flatMap(([, , , numbers]) => numbers);
  expect(bench.core.task(5) !== null || seen.includes(5)).toBe(true);
});

it('recalls half of what a loaded client has not begun when another has nothing to do', () => {
  const bench = new Bench();
  bench.join('loaded', 8, { slots: 1 });
  bench.submit(tasks(8));
  const turn = bench.join('idle', 8, { slots: 8 });
  expect(sent(turn, 'loaded', 'recall')).toEqual([['recall', 4]]);
  expect(bench.core.census()).toMatchObject({ leased: 8, ready: 0 });
});

it('makes a recalled task ready only when its client lists it as given back', () => {
  const bench = new Bench();
  bench.join('loaded', 4, { slots: 1 });
  const [, [, grant] = []] = grants(bench.submit(tasks(4)));
  expect(grants(bench.join('idle', 2))).toEqual([]);
  bench.feed({ type: 'given-back', connection: 'loaded', given: [[grant!, [3, 4]]] });
  expect(grants(bench.turn())).toEqual([['idle', expect.any(Number), 1, [3, 4]]]);
});

it('recalls nothing that nobody idle could hold', () => {
  const bench = new Bench();
  bench.join('large', 4, { slots: 1, cores: 8 });
  bench.submit(Array.from({ length: 4 }, () => shell('a', { cores: 8 })));
  expect(sent(bench.join('small', 2, { cores: 1 }), 'large', 'recall')).toEqual([]);
});

it('recalls also while tasks of a later group wait', () => {
  const bench = new Bench();
  bench.join('loaded', 4, { slots: 1 });
  bench.submit([...tasks(4), shell('later', { group: 1 })]);
  expect(sent(bench.join('idle', 2), 'loaded', 'recall')).toHaveLength(1);
});

it('cuts a client that does not answer a recall', () => {
  const bench = new Bench({ evictAfter: 60_000 });
  bench.join('loaded', 4, { slots: 1 });
  bench.submit(tasks(4));
  bench.join('idle', 2);
  expect(bench.pass(10_000).cut).toMatchObject([{ connection: 'loaded' }]);
});
