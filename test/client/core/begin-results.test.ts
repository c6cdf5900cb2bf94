import { expect, it } from 'vitest';
import { Bench, begun, call, ended, results, said, shell } from './harness.ts';

it('asks for as many tasks as it has slots while it is new', () => {
  expect(said(new Bench().connect(), 'want')).toEqual([['want', 1, 2, 2]]);
});

it('begins a task a slot, in order of arrival, and says so', () => {
  const bench = new Bench();
  bench.connect();
  const effects = bench.work(7, shell(1), shell(2), shell(3));
  expect(begun(effects).map(([slot, numbers]) => [slot, numbers])).toEqual([
    [0, [1]],
    [1, [2]],
  ]);
  expect(said(effects, 'started')).toEqual([['started', 7, [1, 2]]]);
  expect(begun(bench.end(0, [ended(1)])).map(([slot, numbers]) => [slot, numbers])).toEqual([[0, [3]]]);
});

it('says that a function began only when it still runs 5 ms later, and of a command at once', () => {
  const bench = new Bench();
  bench.connect();
  expect(said(bench.work(7, call(1), call(2)), 'started')).toEqual([]);
  expect(bench.core.wakeAt(0)).toBe(5);
  expect(said(bench.end(0, [ended(1)]), 'started')).toEqual([]);
  expect(said(bench.pass(5), 'started')).toEqual([['started', 7, [2, 2]]]);
  expect(said(bench.work(8, shell(3)), 'started')).toEqual([['started', 8, [3, 3]]]);
});

it('sends the first result at once, the next ones when it is settled, a bundle is full, or bundlewait has passed', () => {
  const bench = new Bench({ slots: 6 });
  bench.connect();
  bench.work(7, ...[1, 2, 3, 4, 5, 6].map((n) => shell(n)));
  expect(results(bench.end(0, [ended(1)]))).toEqual([[1, [[1, 1]]]]);
  expect(said(bench.end(1, [ended(2)]), 'results')).toEqual([]);
  bench.end(2, [ended(3)]);
  const full = results(bench.end(3, [ended(4)]));
  expect(full.map(([sequence, list]) => [sequence, list.map(([n]) => n)])).toEqual([[2, [2, 3, 4]]]);
  expect(said(bench.end(4, [ended(5)]), 'results')).toEqual([]);
  expect(bench.core.wakeAt(bench.now)).toBe(50);
  expect(said(bench.pass(50), 'results')).toHaveLength(1);
  bench.end(5, [ended(6)]);
  expect(said(bench.receive(['ack', 3]), 'results')).toHaveLength(1);
  bench.receive(['ack', 4]);
  expect(bench.core.held.empty).toBe(true);
});

it('gives short calls of one function to a thread together once it knows that they are short', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  expect(begun(bench.work(7, call(1), call(2), call(3), call(4)))[0]?.[1]).toEqual([1]);
  expect(begun(bench.end(0, [ended(1, 'succeeded', 0.1)]))[0]?.[1]).toEqual([2, 3, 4]);
});

it('never begins what would exceed its cores', () => {
  const bench = new Bench({ cores: 2 });
  bench.connect();
  const effects = bench.work(7, shell(1, { cores: 1 }), shell(2, { cores: 2 }));
  expect(begun(effects).map(([, numbers]) => numbers)).toEqual([[1]]);
  expect(begun(bench.end(0, [ended(1)])).map(([, numbers]) => numbers)).toEqual([[2]]);
});

it('keeps to its rate limit', () => {
  const bench = new Bench({ ratelimit: 10 });
  bench.connect();
  expect(begun(bench.work(7, shell(1), shell(2)))).toHaveLength(1);
  expect(bench.core.wakeAt(0)).toBe(100);
  expect(begun(bench.pass(99))).toHaveLength(0);
  expect(begun(bench.pass(1))).toHaveLength(1);
});

it('begins again, as the same attempt, what could not be started', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  const notStarted = Object.assign(new Error('no process'), {}) as never;
  const effects = bench.end(0, [{ ...ended(1, 'failed'), notStarted }]);
  expect(said(effects, 'results')).toEqual([]);
  expect(begun(effects)[0]?.[1]).toEqual([1]);
});

it('begins nothing while it is paused and asks for nothing', () => {
  const bench = new Bench();
  bench.connect();
  expect(said(bench.tell('pause'), 'want')).toEqual([['want', 2, 0, 2]]);
  expect(begun(bench.work(7, shell(1)))).toEqual([]);
  expect(begun(bench.tell('resume'))).toHaveLength(1);
});

it('tells once of a task that was begun twice before the notice left', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  const notStarted = Object.assign(new Error('no process'), {}) as never;
  bench.core.handle({ type: 'message', message: ['work', 7, 1, [shell(1)]] }, 0);
  const first = bench.turn();
  bench.tell('disconnected');
  bench.end(0, [{ ...ended(begun(first)[0]![2][0]!, 'failed'), notStarted }]);
  bench.core.handle({ type: 'connected', evictAfter: 10_000 }, 0);
  expect(said(bench.receive(['resumed', []]), 'started')).toEqual([['started', 7, [1, 1]]]);
});
