import { expect, it } from 'vitest';
import { Bench, begun, ended, results, said, shell } from './harness.ts';

it('opens each connection with the full list of what it holds: unstarted, running, not settled', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  bench.work(9, shell(5));
  bench.end(0, [ended(1)]);
  bench.tell('disconnected');
  expect(said(bench.connect(), 'resume')).toEqual([
    [
      'resume',
      [
        [7, [1, 2]],
        [9, [5, 5]],
      ],
    ],
  ]);
});

it('sends unsettled results again under new numbers, and what runs goes on meanwhile', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  bench.end(0, [ended(1)]);
  bench.tell('disconnected');
  expect(said(bench.end(0, [ended(2)]), 'results')).toEqual([]);
  expect(results(bench.connect())).toEqual([
    [
      1,
      [
        [1, 1],
        [2, 1],
      ],
    ],
  ]);
});

it('forgets what the server tells it to drop, but still reports what has ended', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2), shell(3));
  bench.end(0, [ended(1)]);
  bench.tell('disconnected');
  const effects = bench.connect([[7, [1, 3]]]);
  expect(results(effects)).toEqual([[1, [[1, 1]]]]);
  expect([...bench.core.held].map(({ n }) => n)).toEqual([1]);
});

it('tells a new connection what runs: a restarted server does not know', () => {
  const bench = new Bench();
  bench.connect();
  bench.work(7, shell(1), shell(2));
  bench.tell('disconnected');
  expect(said(bench.connect(), 'started')).toEqual([['started', 7, [1, 2]]]);
});

it('begins nothing that it held over a silence of evictAfter until a new connection has compared what is held', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  bench.now = 10_001;
  const effects = bench.end(0, [ended(1)]);
  expect(effects).toContainEqual({ type: 'reconnect' });
  expect(begun(effects)).toEqual([]);
  bench.tell('disconnected');
  bench.core.handle({ type: 'connected', evictAfter: 10_000 }, bench.now);
  expect(begun(bench.turn())).toEqual([]);
  expect(begun(bench.receive(['resumed', []])).map(([, numbers]) => numbers)).toEqual([[2]]);
});

it('begins what it holds while it is away for less than evictAfter', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  bench.tell('disconnected');
  bench.now = 9_000;
  expect(begun(bench.end(0, [ended(1)]))).toHaveLength(1);
});

it('wakes to notice the silence of its server by itself', () => {
  const bench = new Bench();
  bench.connect();
  expect(bench.core.wakeAt(0)).toBe(10_001);
  expect(bench.pass(10_001)).toContainEqual({ type: 'reconnect' });
  expect(bench.pass(1)).not.toContainEqual({ type: 'reconnect' });
});

it('holds more than it has slots for when tasks are short, and nothing beyond when the oldest runs long', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  let wanted = 0;
  for (let n = 1; n <= 200; n++) {
    bench.work(n, shell(n));
    bench.now += 10;
    for (const want of said(bench.end(0, [ended(n)]), 'want')) wanted = want[2] - n;
    for (const want of said(bench.receive(['ack', n]), 'want')) wanted = want[2] - n;
  }
  expect(wanted).toBeGreaterThan(10);
  expect(wanted).toBeLessThan(200);
  bench.work(201, shell(201));
  const later = said(bench.pass(1_100), 'want').at(-1);
  expect(later?.[2]).toBe(201);
});

it('asks in absolute numbers: work on its way is not asked for twice', () => {
  const bench = new Bench();
  bench.connect();
  expect(said(bench.work(7, shell(1)), 'want')).toEqual([]);
  expect(said(bench.end(0, [ended(1)]), 'want')).toEqual([['want', 2, 3, 2]]);
});
