import { expect, it } from 'vitest';
import { Bench, begun, ended, results, said, shell, signals } from './harness.ts';

it('begins nothing whose time limit is longer than what is left, and gives it back at once', () => {
  const bench = new Bench({ slots: 4, stopAt: 1_000 });
  bench.connect();
  const effects = bench.work(7, shell(1, { timeout: 1_000 }), shell(2, { timeout: 1_001 }), shell(3));
  expect(begun(effects).map(([, numbers]) => numbers)).toEqual([[1], [3]]);
  expect(said(effects, 'back')).toEqual([['back', [[7, [2, 2]]]]]);
});

it('gives back what waits for a slot as soon as it could not end in time any more, not later', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.work(7, shell(1), shell(2, { timeout: 400 }), shell(3, { timeout: 10 }));
  expect(bench.core.wakeAt(0)).toBe(601);
  expect(said(bench.pass(600), 'back')).toEqual([]);
  expect(said(bench.pass(1), 'back')).toEqual([['back', [[7, [2, 2]]]]]);
  expect(begun(bench.end(0, [ended(1)]))[0]?.[1]).toEqual([3]);
});

it('at the end stops what runs by the ladder, gives all back, says goodbye and leaves: no result is told', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  const effects = bench.pass(1_000);
  expect(signals(effects)).toEqual([[0, 'SIGINT']]);
  expect(said(effects, 'back')).toEqual([['back', [[7, [2, 2]]]]]);
  expect(said(effects, 'want')).toEqual([]);
  expect(signals(bench.pass(100))).toEqual([[0, 'SIGTERM']]);
  const last = bench.end(0, [ended(1, 'failed')]);
  expect(said(last, 'results')).toEqual([]);
  expect(said(last, 'back')).toEqual([['back', [[7, [1, 1]]]]]);
  expect(said(last, 'bye')).toHaveLength(1);
  expect(last.at(-1)).toEqual({ type: 'end', error: null });
});

it('stops also what still runs after a drain', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.work(7, shell(1));
  bench.tell('drain');
  expect(bench.core.wakeAt(0)).toBe(1_000);
  expect(signals(bench.pass(1_000))).toEqual([[0, 'SIGINT']]);
});

it('a task whose time was up before the end has timed out, and that is told', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.work(7, shell(1, { timeout: 990 }));
  expect(signals(bench.pass(990))).toEqual([[0, 'SIGINT']]);
  bench.pass(10);
  expect(results(bench.end(0, [ended(1, 'failed')]))).toEqual([[1, [[1, 4]]]]);
});

it('leaves early when its own taskTimeout is longer than what is left: nothing more could begin', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000, taskTimeout: 300 });
  bench.connect();
  expect(bench.core.wakeAt(0)).toBe(701);
  expect(bench.pass(700).at(-1)?.type).not.toBe('end');
  expect(bench.pass(1).at(-1)).toEqual({ type: 'end', error: null });
});

it('begins nothing that is too late while it has no server, and gives it back to the next one', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.work(7, shell(1), shell(2, { timeout: 500 }));
  bench.tell('disconnected');
  bench.now = 600;
  expect(begun(bench.end(0, [ended(1)]))).toEqual([]);
  const effects = bench.connect();
  expect(said(effects, 'resume')).toEqual([['resume', [[7, [1, 2]]]]]);
  expect(said(effects, 'back')).toEqual([['back', [[7, [2, 2]]]]]);
});

it('ends at the end of its time although it has no server', () => {
  const bench = new Bench({ slots: 1, stopAt: 1_000 });
  bench.connect();
  bench.tell('disconnected');
  expect(bench.pass(1_000).at(-1)).toEqual({ type: 'end', error: null });
});

it('tells of no start when the server wants to know of none', () => {
  const bench = new Bench();
  bench.core.handle({ type: 'connected', evictAfter: 10_000, noConfirm: true }, 0);
  bench.receive(['resumed', []]);
  expect(said(bench.work(7, shell(1)), 'started')).toEqual([]);
  bench.tell('disconnected');
  // The next server does.
  expect(said(bench.connect(), 'started')).toEqual([['started', 7, [1, 1]]]);
});
