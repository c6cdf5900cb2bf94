import { describe, expect, it } from 'vitest';
import type { LimitConfig } from '../../../src/config/server-options.ts';
import type { WireTask } from '../../../src/task/task.ts';
import { Bench, grants, sent, shell } from './harness.ts';

const perTenant = (concurrency: number): LimitConfig => ({ key: 'tenant', concurrency, rate: null });
const rated = (starts: number, per: number): LimitConfig => ({ key: 'tenant', concurrency: null, rate: { starts, per } });
const of = (tenant: string | number | null, more: object = {}): WireTask => shell(`of ${tenant}`, { tags: { tenant }, ...more });
const numbers = (turn: Parameters<typeof grants>[0]): number[] => grants(turn).flatMap(([, , , list]) => list);

describe('a limit on concurrency', () => {
  it('leases at most so many tasks of a value at a time, over all clients, in the order of the queue', () => {
    const bench = new Bench({ limits: [perTenant(2)] });
    bench.join('c', 2);
    bench.join('d', 2);
    expect(numbers(bench.submit([of('a'), of('a'), of('a'), of('b'), of('a')])).sort()).toEqual([1, 2, 4]);
  });

  it('does not concern tasks without the tag, and tells values of different types apart', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 10);
    expect(numbers(bench.submit([shell('x'), shell('y'), of('1'), of(1), of(null), of(1), of(null)]))).toEqual([1, 2, 3, 4, 5]);
  });

  it('lets the next task go when a result comes', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 5, { slots: 5 });
    const [[, grant] = []] = grants(bench.submit([of('a'), of('a')]));
    bench.result('c', grant!, 1);
    expect(numbers(bench.turn())).toEqual([2]);
  });

  it('lets the next task go when a lease is given back, and then that one', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 5);
    const [[, grant] = []] = grants(bench.submit([of('a'), of('a')]));
    bench.feed({ type: 'given-back', connection: 'c', given: [[grant!, [1, 1]]] });
    expect(numbers(bench.turn())).toEqual([1]);
  });

  it('lets the next task go when a lease is cancelled', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 5);
    bench.submit([of('a'), of('a')]);
    bench.feed({ type: 'cancel', numbers: [1], rows: [] });
    expect(numbers(bench.turn())).toEqual([2]);
  });

  it('lets the next task go when the client is evicted', () => {
    const bench = new Bench({ limits: [perTenant(1)], maxLosses: 1 });
    bench.join('lost', 1);
    bench.submit([of('a'), of('a')]);
    bench.join('other', 1);
    bench.feed({ type: 'disconnected', connection: 'lost' });
    expect(numbers(bench.turn())).toEqual([]);
    expect(numbers(bench.pass(2_000))).toEqual([2]);
  });

  it('counts the leases that a former server left', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 1);
    bench.submit([of('a'), of('a'), of('b')]);
    bench.restart();
    bench.join('d', 3);
    bench.turn();
    expect(bench.core.numbersIn(2)).toEqual([1, 3]);
  });

  it('holds together with other limits', () => {
    const bench = new Bench({ limits: [perTenant(2), { key: 'host', concurrency: 1, rate: null }] });
    bench.join('c', 9);
    const on = (tenant: string, host: string): WireTask => shell('x', { tags: { tenant, host } });
    expect(numbers(bench.submit([on('a', '1'), on('a', '1'), on('a', '2'), on('a', '3'), on('b', '3'), on('b', '1')]))).toEqual([1, 3, 5]);
  });

  it('lets what a limit stops be passed by tasks of the same rank behind it, but not by more of them than fit', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 3);
    expect(numbers(bench.submit([of('a'), of('a'), shell('x'), of('a', { priority: 1 }), shell('y')]))).toEqual([4, 3, 5]);
  });
});

describe('a limit on the rate', () => {
  it('lets one second’s worth go at once and the others when they are due', () => {
    const bench = new Bench({ limits: [rated(2, 1_000)] });
    bench.join('c', 10);
    expect(numbers(bench.submit(Array.from({ length: 6 }, () => of('a'))))).toEqual([1, 2]);
    expect(bench.core.wakeAt()).toBe(500);
    expect(numbers(bench.pass(499))).toEqual([]);
    expect(numbers(bench.pass(1))).toEqual([3]);
    expect(bench.core.wakeAt()).toBe(1_000);
    expect(numbers(bench.pass(1_000))).toEqual([4, 5]);
  });

  it('lets one go at once where that is more than a second’s worth', () => {
    const bench = new Bench({ limits: [rated(6, 60_000)], evictAfter: 1e9 });
    bench.join('c', 10);
    expect(numbers(bench.submit([of('a'), of('a'), of('b')]))).toEqual([1, 3]);
    expect(numbers(bench.pass(9_999))).toEqual([]);
    expect(numbers(bench.pass(1))).toEqual([2]);
  });

  it('gives the start back of a task that never began', () => {
    const bench = new Bench({ limits: [rated(1, 10_000)], evictAfter: 1e9 });
    bench.join('c', 10);
    const [[, grant] = []] = grants(bench.submit([of('a'), of('a')]));
    bench.feed({ type: 'given-back', connection: 'c', given: [[grant!, [1, 1]]] });
    expect(numbers(bench.turn())).toEqual([1]);
    expect(numbers(bench.pass(9_000))).toEqual([]);
  });
});

describe('a chain', () => {
  it('gives a client that holds all leases of a value more of them ahead, when it works ahead', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 40, { slots: 1 });
    const granted = numbers(bench.submit(Array.from({ length: 30 }, () => of('a'))));
    expect(granted.length).toBeGreaterThan(5);
    expect(granted).toEqual(Array.from(granted, (_, i) => i + 1));
    expect(numbers(bench.join('d', 5))).toEqual([]);
  });

  it('is all that a lone client takes beyond its free slots, and a quarter where there is another one', () => {
    const granted = (others: number): number => {
      const bench = new Bench({ limits: [perTenant(1)], window: { tasks: 1_000, bytes: 1e9 }, bundle: { tasks: 1_000, bytes: 1e9 } });
      bench.join('c', 400, { slots: 1 });
      if (others > 0) bench.join('d', 0, { slots: 1 });
      return numbers(bench.submit(Array.from({ length: 400 }, () => of('a')))).length;
    };
    expect(granted(0)).toBe(400);
    expect(granted(1)).toBeGreaterThan(50);
    expect(granted(1)).toBeLessThanOrEqual(100);
  });

  it('is not begun with a client that only has free slots', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 3, { slots: 3 });
    expect(numbers(bench.submit([of('a'), of('a'), of('a')]))).toEqual([1]);
  });

  it('of a limit above one is given to a client that is alone only', () => {
    const bench = new Bench({ limits: [perTenant(2)] });
    bench.join('c', 40, { slots: 2 });
    bench.join('d', 0, { slots: 1 });
    expect(numbers(bench.submit(Array.from({ length: 30 }, () => of('a'))))).toEqual([1, 2]);
  });

  it('is not recalled: nobody else could run it', () => {
    const bench = new Bench({ limits: [perTenant(1)] });
    bench.join('c', 40, { slots: 1 });
    bench.submit(Array.from({ length: 30 }, () => of('a')));
    bench.feed({ type: 'want', connection: 'c', sequence: 2, tasks: 40, free: 0 });
    expect(sent(bench.join('idle', 5), 'c', 'recall')).toEqual([]);
  });
});

it('queues a ready task by its new tags when they are changed', () => {
  const bench = new Bench({ limits: [perTenant(1)] });
  bench.submit([of('a'), of('a'), of('b')]);
  bench.feed({ type: 'change', change: { kind: 'update', tags: { tenant: 'c' }, removeTags: [] }, numbers: [2], rows: [], done: [] });
  bench.turn();
  expect(numbers(bench.join('c', 5)).sort()).toEqual([1, 2, 3]);
});

describe('a window full of what nobody can take', () => {
  const many = (count: number, task: () => WireTask): WireTask[] => Array.from({ length: count }, task);

  it('does not hide what stands behind it in the store, where a limit stops it', () => {
    const bench = new Bench({ limits: [perTenant(1)], window: { tasks: 20, bytes: 1e9 } });
    bench.submit([...many(200, () => of('a')), of('b'), shell('x')]);
    const seen = numbers(bench.join('c', 3));
    for (let turns = 0; turns < 5; turns++) seen.push(...numbers(bench.turn()));
    expect(seen.sort((a, b) => a - b)).toEqual([1, 201, 202]);
  });

  it('does not hide it where no client can hold it', () => {
    const bench = new Bench({ window: { tasks: 20, bytes: 1e9 } });
    bench.submit([
      ...many(100, () => shell('large', { cores: 8 })),
      ...many(100, () => shell('gpu', { resources: { gpu: 1 } })),
      shell('x'),
    ]);
    const seen = numbers(bench.join('small', 3, { cores: 1 }));
    for (let turns = 0; turns < 5; turns++) seen.push(...numbers(bench.turn()));
    expect(seen).toEqual([201]);
    // And what was left to the store comes when somebody can hold it.
    const large = numbers(bench.join('large', 100, { cores: 8 }));
    for (let turns = 0; turns < 60; turns++) large.push(...numbers(bench.turn()));
    expect(large.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('does not lose tasks that stand under no lane, because whoever stored them knew of no limit', () => {
    const unaware = new Bench({ window: { tasks: 20, bytes: 1e9 } });
    unaware.submit([...many(150, () => of('a')), of('b'), ...many(50, () => of('a')), of('d')]);
    const bench = unaware.restartWith({ limits: [perTenant(1)], window: { tasks: 20, bytes: 1e9 } });
    const seen: number[] = [];
    const leased: [number, number][] = [];
    const look = (turn: Parameters<typeof grants>[0]): void => {
      for (const [, grant, , list] of grants(turn)) {
        seen.push(...list);
        for (const n of list) leased.push([grant, n]);
      }
    };
    let sequence = 1;
    look(bench.join('c', 8, { slots: 2 }));
    for (let turns = 0; turns < 5_000 && seen.length < 202; turns++) {
      const [next] = leased.splice(0, 1);
      if (next !== undefined) bench.result('c', next[0], next[1]);
      bench.feed({
        type: 'want',
        connection: 'c',
        sequence: ++sequence,
        tasks: seen.length + Math.max(1, 8 - leased.length),
        // Of the tenant that most are of it runs one.
        free: leased.every(([, n]) => n !== 151 && n !== 202) ? 1 : 0,
      });
      look(bench.turn());
      if (turns === 20) expect(seen).toEqual(expect.arrayContaining([151, 202]));
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 202 }, (_, i) => i + 1));
  });
});
