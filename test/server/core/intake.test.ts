import { expect, it } from 'vitest';
import { Bench, sent, shell } from './harness.ts';

it('numbers tasks in the order of acceptance and says so after the commit', () => {
  const bench = new Bench();
  const turn = bench.submit([shell('a'), shell('b')]);
  expect(turn.writes?.tasks.map(({ n, task }) => [n, task[1]])).toEqual([
    [1, 'a'],
    [2, 'b'],
  ]);
  expect(sent(turn, 's', 'submitted')[0]?.[3]).toMatchObject({ first: 1, count: 2, duplicates: [], rejected: 0 });
});

it('answers a bundle that comes again with the same receipt and writes nothing', () => {
  const bench = new Bench();
  const first = sent(bench.submit([shell('a')]), 's', 'submitted')[0];
  const again = bench.submit([shell('a')]);
  expect(again.writes).toBeNull();
  expect(sent(again, 's', 'submitted')[0]).toEqual(first);
});

it('answers a bundle that comes again after a restart', () => {
  const bench = new Bench();
  bench.submit([shell('a')]);
  bench.restart();
  const again = bench.submit([shell('a')]);
  expect(again.writes?.tasks ?? []).toEqual([]);
  expect(sent(again, 's', 'submitted')[0]?.[3]).toMatchObject({ first: 1, count: 1 });
});

it('cuts a submitter that skips a number', () => {
  const turn = new Bench().submit([shell('a')], 2);
  expect(turn.cut).toMatchObject([{ connection: 's', error: { code: 'ERR_PROTOCOL' } }]);
});

it('takes a key once, within a turn and over a turn whose commit is under way', () => {
  const bench = new Bench();
  bench.feed({
    type: 'submit',
    connection: 's',
    submitter: 's',
    sequence: 1,
    tasks: [shell('a', { key: 'k' }), shell('b', { key: 'k' })],
    known: null,
  });
  const first = bench.core.endTurn({ now: 0, wall: 0 });
  bench.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 2, tasks: [shell('c', { key: 'k' })], known: null });
  const second = bench.core.endTurn({ now: 0, wall: 0 });
  expect(sent(first, 's', 'submitted')[0]?.[3].duplicates).toEqual([[1, 1]]);
  expect(sent(second, 's', 'submitted')[0]?.[3].duplicates).toEqual([[0, 1]]);
});

it('records a malformed task as rejected, and the summary adds up', () => {
  const bench = new Bench();
  const turn = bench.submit([shell('a', { rejected: { code: 'ERR_TEMPLATE', message: 'odd' } }), shell('b')]);
  expect(turn.writes?.ends).toMatchObject([{ n: 1, outcome: 6, extra: { error: { code: 'ERR_TEMPLATE' } } }]);
  expect(bench.core.counts).toMatchObject({ submitted: 2, pending: 1 });
});

it('lets a task wait for its start time', () => {
  const bench = new Bench();
  bench.join('c');
  const turn = bench.submit([shell('a', { startDelay: 500 })]);
  expect(sent(turn, 'c', 'work')).toEqual([]);
  expect(bench.core.census().waiting).toBe(1);
  expect(sent(bench.pass(499), 'c', 'work')).toEqual([]);
  expect(sent(bench.pass(1), 'c', 'work')).toHaveLength(1);
});

it('does not let an old connection of a submitter close it while a newer one lives', () => {
  const bench = new Bench();
  bench.feed({ type: 'submitter-open', connection: 'old', submitter: 's' });
  bench.feed({ type: 'submitter-open', connection: 'new', submitter: 's' });
  bench.feed({ type: 'submit', connection: 'old', submitter: 's', sequence: 1, tasks: [], known: null });
  bench.feed({ type: 'disconnected', connection: 'old' });
  bench.turn();
  expect(bench.pass(60_000).finish).toBeNull();
});

it('refuses a bundle after the run has ended', () => {
  const bench = new Bench();
  bench.submit([]);
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  expect(bench.turn().finish).toMatchObject({ reason: 'complete' });
  expect(bench.submit([shell('late')], 1, 't').cut).toMatchObject([{ connection: 't', error: { code: 'ERR_ENDED' } }]);
});

it('forgets a submitter some time after it is done, in memory and in the store, and not one that submits', () => {
  const bench = new Bench();
  bench.submit([shell('x')], 1, 'stays');
  for (let i = 0; i < 50; i++) {
    bench.submit([shell('a')], 1, `run ${i}`);
    bench.feed({ type: 'submitter-done', connection: `run ${i}`, submitter: `run ${i}` });
  }
  // Late, but not too late: known.
  bench.now += 9_000;
  const again = bench.submit([shell('a')], 1, 'run 49');
  expect(again.writes?.tasks ?? []).toEqual([]);
  bench.now += 2_000;
  bench.submit([shell('a')], 1, 'last');
  bench.feed({ type: 'submitter-done', connection: 'last', submitter: 'last' });
  bench.submit([shell('a')], 2, 'stays');
  expect(
    bench.store
      .recover()
      .submitters.map(({ id }) => id)
      .sort(),
  ).toEqual(['last', 'stays']);
});

it('keeps the newest of those that were done, however many they are', () => {
  const bench = new Bench();
  bench.unchecked = true;
  for (let i = 0; i < 10_100; i++) {
    bench.feed({ type: 'submit', connection: 'c', submitter: `run ${i}`, sequence: 1, tasks: [shell('a')], known: null });
    bench.feed({ type: 'submitter-done', connection: 'c', submitter: `run ${i}` });
  }
  bench.turn();
  expect(bench.store.recover().submitters).toHaveLength(10_000);
});

it('tells what becomes of a task under the id that its user gave it', () => {
  const bench = new Bench();
  bench.core.observe('submitted', true);
  bench.core.observe('scheduled', true);
  const id = '01a2021c-3156-75b2-b0a6-0c0000000001';
  bench.join('c', 2);
  const { notes } = bench.submit([shell('a', { id }), shell('b')]);
  expect(notes.map(({ name, n, id }) => [name, n, id])).toEqual([
    ['submitted', 1, id],
    ['submitted', 2, undefined],
    ['scheduled', 1, id],
    ['scheduled', 2, undefined],
  ]);
});
