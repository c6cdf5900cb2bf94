import { expect, it } from 'vitest';
import { Bench, begun, ended, results, said, shell, signals } from './harness.ts';

it('stops a task whose time is up by INT, TERM and KILL, signalwait apart, and reports a time-out', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1, { timeout: 500 }));
  expect(bench.core.wakeAt(0)).toBe(500);
  expect(signals(bench.pass(500))).toEqual([[0, 'SIGINT']]);
  expect(signals(bench.pass(100))).toEqual([[0, 'SIGTERM']]);
  expect(signals(bench.pass(100))).toEqual([[0, 'SIGKILL']]);
  expect(signals(bench.pass(1_000))).toEqual([]);
  expect(results(bench.end(0, [ended(1, 'failed')]))).toEqual([[1, [[1, 4]]]]);
});

it('does not wake for a slot whose task has ended while its successor is made', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1, { timeout: 500 }));
  bench.end(0, [ended(1)], false);
  bench.now = 600;
  expect(bench.core.wakeAt(600)).toBeGreaterThan(600);
});

it('kills what the server cancels and sends no result of it', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  expect(signals(bench.receive(['cancel', [[7, [1, 2]]]]))).toEqual([[0, 'SIGINT']]);
  const effects = bench.end(0, [ended(1, 'failed')]);
  expect(said(effects, 'results')).toEqual([]);
  expect(begun(effects)).toEqual([]);
});

it('gives back from the tail what is recalled, only what has not begun, and answers also with nothing', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2), shell(3));
  expect(said(bench.receive(['recall', 1]), 'back')).toEqual([['back', [[7, [3, 3]]]]]);
  expect(said(bench.receive(['recall', 9]), 'back')).toEqual([['back', [[7, [2, 2]]]]]);
  expect(said(bench.receive(['recall', 9]), 'back')).toEqual([['back', []]]);
});

it('drains: gives back what has not begun, finishes what runs, leaves when its result is settled', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1), shell(2));
  expect(said(bench.receive(['drain']), 'back')).toEqual([['back', [[7, [2, 2]]]]]);
  expect(said(bench.end(0, [ended(1)]), 'results')).toHaveLength(1);
  expect(bench.core.mode).toBe('draining');
  const effects = bench.receive(['ack', 1]);
  expect(said(effects, 'bye')).toHaveLength(1);
  expect(effects.at(-1)).toEqual({ type: 'end', error: null });
});

it('stops: signals what runs, gives it back, leaves', () => {
  const bench = new Bench({ slots: 1 });
  bench.connect();
  bench.work(7, shell(1));
  expect(signals(bench.tell('stop'))).toEqual([[0, 'SIGINT']]);
  const effects = bench.end(0, [ended(1, 'failed')]);
  expect(said(effects, 'back')).toEqual([['back', [[7, [1, 1]]]]]);
  expect(effects.at(-1)).toEqual({ type: 'end', error: null });
});

it('leaves after clientTimeout without a task', () => {
  const bench = new Bench({ clientTimeout: 1_000 });
  bench.connect();
  expect(bench.core.wakeAt(0)).toBe(1_000);
  expect(bench.pass(999).at(-1)?.type).not.toBe('end');
  expect(bench.pass(1).at(-1)).toEqual({ type: 'end', error: null });
});

it('ends at once when the run is complete', () => {
  const bench = new Bench();
  bench.connect();
  expect(bench.receive(['end', 'complete']).at(-1)).toEqual({ type: 'end', error: null });
});
