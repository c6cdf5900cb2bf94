import { describe, expect, it } from 'vitest';
import type { GrantedTask } from '../../../src/protocol/messages.ts';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { Bench, begun, ended } from './harness.ts';

const child = (n: number, attributes: TaskAttributes = {}): GrantedTask => [n, 1_000, [1, 'm#f', null, { parents: [1], ...attributes }]];

describe('a function that depends on other tasks', () => {
  it('has its whole time from its start on, however long its parents were asked for', () => {
    const bench = new Bench({ slots: 1 });
    bench.connect();
    bench.work(1, child(5, { timeout: 100 }));
    expect(bench.pass(1_000).filter(({ type }) => type === 'signal')).toEqual([]);
    bench.core.handle({ type: 'begun', slot: 0 }, bench.now);
    bench.turn();
    expect(bench.pass(99).filter(({ type }) => type === 'signal')).toEqual([]);
    expect(bench.pass(1)).toContainEqual({ type: 'signal', slot: 0, signal: 'SIGINT', key: null });
  });

  it('is never part of a batch', () => {
    const bench = new Bench({ slots: 1 });
    bench.connect();
    const first = begun(bench.work(1, child(5)));
    bench.work(2, child(6), child(7), child(8));
    expect(first.map(([, numbers]) => numbers)).toEqual([[5]]);
    // Its like was short: calls without parents would travel together now.
    const next = begun(bench.end(0, [ended(first[0]![2][0]!, 'succeeded', 0.01)]));
    expect(next.map(([, numbers]) => numbers)).toEqual([[6]]);
  });
});
