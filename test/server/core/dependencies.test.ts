import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../src/server/core/events.ts';
import { emptyWrites } from '../../../src/store/empty-writes.ts';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { Bench, grants, shell } from './harness.ts';

const first = '00000000-0000-7000-8000-000000000001';
const second = '00000000-0000-7000-8000-000000000002';

function following(...dependsOn: string[]): TaskAttributes {
  return { dependsOn };
}

function ends(turn: Turn): [n: number, outcome: number, message: string | undefined][] {
  return (turn.writes?.ends ?? []).map(({ n, outcome, extra }) => [n, outcome, extra?.error?.message]);
}

describe('a task that depends on others', () => {
  it('waits for the end of its parent and is granted then', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const [[, grant, , numbers] = []] = grants(bench.submit([shell('a', { id: first }), shell('b', following(first))]));
    expect(numbers).toEqual([1]);
    expect(bench.core.census()).toMatchObject({ waiting: 1, leased: 1 });
    bench.result('c', grant!, 1);
    expect(grants(bench.turn())[0]?.[3]).toEqual([2]);
  });

  it('waits for all of its parents', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const turn = bench.submit([shell('a', { id: first }), shell('b', { id: second }), shell('d', following(first, second))]);
    const grant = grants(turn)[0]![1];
    bench.result('c', grant, 1);
    expect(grants(bench.turn())).toEqual([]);
    bench.result('c', grant, 2);
    expect(grants(bench.turn())[0]?.[3]).toEqual([3]);
  });

  it('ends as rejected, with the name of the parent, when that failed', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', following(first))]))[0]![1];
    bench.result('c', grant, 1, 2);
    expect(ends(bench.turn())).toEqual([
      [1, 2, undefined],
      [2, 6, `it depends on task ${first}, which failed`],
    ]);
  });

  it('runs all the same after a failure with dependencyFailure run', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', { ...following(first), dependencyFailure: 'run' })]))[0]![1];
    bench.result('c', grant, 1, 2);
    expect(grants(bench.turn())[0]?.[3]).toEqual([2]);
  });

  it('is settled by an end that comes between its acceptance and the answer of the store', () => {
    const bench = new Bench({ window: { tasks: 1, bytes: 1e9 } });
    bench.submit([shell('a'), shell('b', { id: first })]);
    // The parent stands in the store only, so the turn asks; before the answer it is cancelled.
    bench.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 2, tasks: [shell('d', following(first))], known: null });
    bench.feed({ type: 'cancel', numbers: [2], rows: bench.store.pending([2]) });
    expect(ends(bench.turn()).map(([n, outcome]) => [n, outcome])).toEqual([
      [2, 3],
      [3, 6],
    ]);
  });

  it('of a parent that had ended before is settled by the answer of the store', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', { id: second })]))[0]![1];
    bench.result('c', grant, 1);
    bench.result('c', grant, 2, 2);
    bench.turn();
    bench.turn();
    const asked = bench.submit([shell('d', following(first)), shell('e', following(second))], 2);
    expect(asked.lookups).toEqual([1, 2]);
    const turn = bench.turn();
    expect(grants(turn)[0]?.[3]).toEqual([3]);
    expect(ends(turn)).toEqual([[4, 6, `it depends on task ${second}, which failed`]]);
  });

  it('is rejected when nobody has the id', () => {
    const bench = new Bench();
    const turn = bench.submit([shell('a', following(first))]);
    expect(ends(turn)[0]?.slice(0, 2)).toEqual([1, 6]);
    expect(turn.writes?.ends[0]?.extra?.error).toMatchObject({ code: 'ERR_DEPENDENCY', message: expect.stringContaining(first) });
  });

  it('is rejected when its parent is of a later group, for which it would wait for ever', () => {
    const bench = new Bench();
    expect(ends(bench.submit([shell('a', { id: first, group: 2 }), shell('b', following(first))]))[0]?.slice(0, 2)).toEqual([2, 6]);
    const stored = new Bench({ window: { tasks: 1, bytes: 1e9 } });
    stored.submit([shell('a'), shell('b', { id: first, group: 2 })]);
    expect([...ends(stored.submit([shell('d', following(first))], 2)), ...ends(stored.turn())].map(([n, outcome]) => [n, outcome])).toEqual(
      [[3, 6]],
    );
  });

  it('is rejected for that also when another task waits for that parent already', () => {
    const bench = new Bench({ window: { tasks: 1, bytes: 1e9 } });
    bench.submit([shell('a'), shell('b', { id: first, group: 2 })]);
    bench.submit([shell('d', { ...following(first), group: 2 })], 2);
    const turns = [bench.submit([shell('e', following(first))], 3), bench.turn()];
    expect(turns.flatMap(ends).map(([n, outcome]) => [n, outcome])).toEqual([[4, 6]]);
  });

  it('does not believe the numbers that a submitter gives for parents', () => {
    const bench = new Bench();
    bench.join('c', 9);
    expect(grants(bench.submit([shell('a', { parents: [77] })]))[0]?.[3]).toEqual([1]);
  });

  it('waits for its start time too, whichever comes last', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const early = grants(bench.submit([shell('a', { id: first }), shell('b', { ...following(first), startDelay: 1_000 })]))[0]![1];
    bench.result('c', early, 1);
    expect(grants(bench.turn())).toEqual([]);
    expect(grants(bench.pass(1_100))[0]?.[3]).toEqual([2]);
    const late = new Bench();
    late.join('c', 9);
    const grant = grants(late.submit([shell('a', { id: first }), shell('b', { ...following(first), startDelay: 1_000 })]))[0]![1];
    expect(grants(late.pass(1_100))).toEqual([]);
    late.result('c', grant, 1);
    expect(grants(late.turn())[0]?.[3]).toEqual([2]);
  });

  it('is forgotten by its parent when it is cancelled', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', following(first))]))[0]![1];
    bench.feed({ type: 'cancel', numbers: [2], rows: [] });
    bench.result('c', grant, 1);
    expect(ends(bench.turn()).map(([n, outcome]) => [n, outcome])).toEqual([
      [2, 3],
      [1, 1],
    ]);
  });

  it('asks again for a parent that ended while it was cancelled', () => {
    const bench = new Bench({ foreverMode: true });
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', following(first))]))[0]![1];
    bench.feed({ type: 'cancel', numbers: [2], rows: [] });
    bench.turn();
    bench.result('c', grant, 1);
    bench.turn();
    bench.change({ kind: 'requeue' }, [2]);
    bench.turn();
    expect(grants(bench.turn())[0]?.[3]).toEqual([2]);
  });

  it('still waits after a restart, and is settled by what the store knows', () => {
    const bench = new Bench();
    bench.submit([shell('a', { id: first }), shell('b', following(first)), shell('d', { ...following(first), startDelay: 10 })]);
    bench.restart();
    expect(bench.core.census()).toMatchObject({ waiting: 2, ready: 1 });
    bench.pass(20);
    const [[, grant, , numbers] = []] = grants(bench.join('c', 9));
    expect(numbers).toEqual([1]);
    bench.result('c', grant!, 1);
    expect(grants(bench.turn())[0]?.[3]).toEqual([2, 3]);
  });

  it('runs after a restart although its parent, which succeeded, was forgotten', () => {
    const bench = new Bench();
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', { ...following(first), startDelay: 5_000 })]))[0]![1];
    bench.result('c', grant, 1);
    bench.turn();
    bench.store.commit({ ...emptyWrites(), counts: bench.store.recover().counts, removed: [1] });
    bench.restart();
    bench.pass(6_000);
    expect(bench.core.census()).toMatchObject({ waiting: 0, ready: 1 });
  });
});

describe('many tasks that depend on each other', () => {
  const many = 40_000;
  const id = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

  it.each(['chain', 'fan'])(
    'settles a %s of 40,000 in one turn when its head fails',
    (shape) => {
      const bench = new Bench();
      bench.unchecked = true;
      bench.join('c', 1);
      const tasks = Array.from({ length: many }, (_, i) =>
        shell('x', { id: id(i), ...(i === 0 ? {} : following(id(shape === 'chain' ? i - 1 : 0))) }),
      );
      const grant = grants(bench.submit(tasks))[0]![1];
      bench.result('c', grant, 1, 2);
      const turn = bench.turn();
      expect(turn.writes?.ends).toHaveLength(many);
      expect(bench.core.counts.pending).toBe(0);
      bench.core.check();
    },
    30_000,
  );
});
