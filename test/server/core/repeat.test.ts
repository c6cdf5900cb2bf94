import { expect, it } from 'vitest';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { Bench, grants, shell } from './harness.ts';

// The bench begins at 1,000,000 ms of the epoch: 16 minutes and 40 seconds past midnight.
const minutely: TaskAttributes = { cron: '* * * * *', timezone: 'UTC' };
const toNextMinute = 20_000;

it('waits for the first time that its cron line matches', () => {
  const bench = new Bench({ evictAfter: 1e9 });
  bench.join('c', 9);
  expect(grants(bench.submit([shell('a', minutely)]))).toEqual([]);
  expect(grants(bench.pass(toNextMinute - 10))).toEqual([]);
  expect(grants(bench.pass(20))[0]?.[3]).toEqual([1]);
});

it('counts from its start time, if it has one', () => {
  const bench = new Bench({ evictAfter: 1e9 });
  bench.join('c', 9);
  bench.submit([shell('a', { ...minutely, startDelay: 25_000 })]);
  expect(grants(bench.pass(toNextMinute + 10))).toEqual([]);
  expect(grants(bench.pass(60_000))[0]?.[3]).toEqual([1]);
});

it('accepts its successor in the transaction of its end, with its key and without its id', () => {
  const bench = new Bench({ evictAfter: 1e9 });
  bench.join('c', 9);
  bench.submit([shell('a', { ...minutely, key: 'series', id: '00000000-0000-7000-8000-000000000001', startDelay: 1 })]);
  const grant = grants(bench.pass(toNextMinute + 10))[0]![1];
  bench.result('c', grant, 1, 2);
  const turn = bench.turn();
  expect(turn.writes?.ends).toMatchObject([{ n: 1 }]);
  expect(turn.writes?.tasks).toMatchObject([{ n: 2, state: 0, readyAt: 1_080_000, task: [0, 'a', null, { ...minutely, key: 'series' }] }]);
  expect(turn.writes?.tasks[0]?.task[3]).not.toHaveProperty('id');
  expect(bench.store.known(['series'], []).keys.has('series')).toBe(true);
  expect(turn.finish).toBeNull();
});

it.each([
  ['cancelled', 'cancel'],
  ['deleted', 'delete'],
])('has no successor when it is %s', (_, how) => {
  const bench = new Bench({ evictAfter: 1e9 });
  bench.submit([shell('a', minutely)]);
  if (how === 'cancel') bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  else bench.change({ kind: 'delete' }, [1]);
  expect(bench.turn().writes?.tasks ?? []).toEqual([]);
  expect(bench.core.counts.pending).toBe(0);
});

it('makes up for missed times with one run, then goes on', () => {
  const bench = new Bench({ evictAfter: 1e9 });
  bench.submit([shell('a', minutely)]);
  bench.now += 600_000;
  bench.restart();
  bench.join('c', 9);
  const grant = grants(bench.pass(1))[0]![1];
  bench.result('c', grant, 1);
  const turn = bench.turn();
  expect(grants(turn)).toEqual([]);
  expect(turn.writes?.tasks).toMatchObject([{ n: 2, readyAt: 1_620_000 }]);
});

it('runs its retries before its successor is made', () => {
  const bench = new Bench({ maxRetries: 1, evictAfter: 1e9 });
  bench.join('c', 9);
  bench.submit([shell('a', minutely)]);
  bench.result('c', grants(bench.pass(toNextMinute + 1))[0]![1], 1, 2);
  const again = bench.turn();
  expect(again.writes?.tasks).toEqual([]);
  bench.result('c', grants(again)[0]![1], 1, 2);
  expect(bench.turn().writes?.tasks).toHaveLength(1);
});

it('is rejected when its line matches no more', () => {
  const bench = new Bench({ evictAfter: 1e9 });
  const turn = bench.submit([shell('a', { cron: '0 0 0 1 1 * 1960', timezone: 'UTC' })]);
  expect(turn.writes?.ends).toMatchObject([{ outcome: 6, extra: { error: { code: 'ERR_CRON' } } }]);
});
