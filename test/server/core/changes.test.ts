import { describe, expect, it } from 'vitest';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { Bench, grants, sent, shell } from './harness.ts';

const first = '00000000-0000-7000-8000-000000000001';
const tagged = (tags: TaskAttributes['tags']): TaskAttributes => ({ tags: { ...tags } });

/** One task on client `c`, granted and running. */
function running(bench: Bench, attributes: TaskAttributes | null = null): number {
  bench.join('c', 9);
  const grant = grants(bench.submit([shell('a', attributes)]))[0]![1];
  bench.feed({ type: 'started', connection: 'c', grant, places: [1, 1] });
  return grant;
}

describe('update', () => {
  const change = { kind: 'update', tags: { site: 'north' }, removeTags: ['old'] } as const;

  it('merges tags and removes others, in any state, and counts only what it changed', () => {
    const bench = new Bench({ window: { tasks: 1, bytes: 1e9 } });
    const tags = { old: 1, kept: 'x' };
    bench.submit([shell('a', tagged(tags)), shell('b', tagged(tags)), shell('d', { ...tagged(tags), startDelay: 50 }), shell('e')]);
    bench.feed({ type: 'cancel', numbers: [4], rows: bench.store.pending([4]) });
    bench.turn();
    expect(bench.change(change, [1, 2, 3, 4])).toBe(4);
    bench.turn();
    const stored = bench.store.find({ numbers: [1, 2, 3, 4] }).map((row) => row.task[3]?.tags);
    expect(stored).toEqual([{ kept: 'x', site: 'north' }, { kept: 'x', site: 'north' }, { kept: 'x', site: 'north' }, { site: 'north' }]);
    expect(bench.change(change, [1, 2, 3, 4])).toBe(0);
    expect(bench.turn().writes).toBeNull();
    // What waits and what is ready go out with the new tags.
    const work = sent(bench.join('c', 9), 'c', 'work').concat(sent(bench.pass(60), 'c', 'work'), sent(bench.turn(), 'c', 'work'));
    expect(work.flatMap(([, , , tasks]) => tasks.map(([, , task]) => task[3]?.tags?.site))).toEqual(['north', 'north', 'north']);
  });

  it('leaves what runs as it was given, and gives the new tags to its next attempt', () => {
    const bench = new Bench({ maxRetries: 1 });
    const grant = running(bench, tagged({ old: 1 }));
    expect(bench.change(change, [1])).toBe(1);
    expect(bench.turn().sends).toEqual([]);
    bench.result('c', grant, 1, 2);
    expect(sent(bench.turn(), 'c', 'work')[0]?.[3][0]?.[2][3]?.tags).toEqual({ site: 'north' });
  });
});

describe('revert', () => {
  it('queues what is done as if it had never run', () => {
    const bench = new Bench({ maxRetries: 1, foreverMode: true });
    const grant = running(bench);
    bench.result('c', grant, 1, 2);
    bench.result('c', grants(bench.turn())[0]![1], 1, 2);
    bench.turn();
    expect(bench.store.history(1)).toHaveLength(2);
    expect(bench.change({ kind: 'revert' }, [1])).toBe(1);
    const turn = bench.turn();
    expect(bench.store.history(1)).toEqual([]);
    expect(grants(turn)[0]).toMatchObject(['c', expect.anything(), 1, [1]]);
    expect(bench.core.counts).toMatchObject({ submitted: 2, pending: 1 });
    expect(bench.store.recover().counts).toMatchObject({ submitted: 1, outcomes: [1, 0, 0, 0, 0, 0, 0] });
  });

  it('queues for everybody what was done under a grant that still lives', () => {
    const bench = new Bench({ foreverMode: true });
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a'), shell('b')]))[0]![1];
    bench.feed({ type: 'started', connection: 'c', grant, places: [1, 2] });
    bench.result('c', grant, 1, 2);
    bench.turn();
    bench.feed({ type: 'want', connection: 'c', sequence: 99, tasks: 0, free: 0 });
    expect(bench.change({ kind: 'requeue' }, [1])).toBe(1);
    bench.turn();
    expect(bench.store.ready(null, 9).map(({ n }) => n)).toEqual([1]);
    const recovered = bench.store.recover();
    expect(recovered.grants.map(({ tasks }) => tasks.map(({ n }) => n))).toEqual([[2]]);
  });

  it('takes back what runs: its client is told to kill it, and no attempt is counted', () => {
    const bench = new Bench();
    const grant = running(bench);
    expect(bench.change({ kind: 'revert' }, [1])).toBe(1);
    const turn = bench.turn();
    expect(sent(turn, 'c', 'cancel')).toEqual([['cancel', [[grant, [1, 1]]]]]);
    expect(grants(turn)[0]).toMatchObject(['c', expect.anything(), 1, [1]]);
    bench.result('c', grant, 1);
    expect(bench.turn().writes?.ends ?? []).toEqual([]);
    expect(bench.core.counts.refused).toBe(1);
  });

  it('ends a back-off', () => {
    const bench = new Bench({ maxRetries: 2, backoff: { delay: 5_000, factor: 1, max: 5_000, jitter: 0 } });
    const grant = running(bench);
    bench.result('c', grant, 1, 2);
    bench.turn();
    expect(bench.change({ kind: 'revert' }, [1])).toBe(1);
    const again = grants(bench.turn());
    expect(again[0]).toMatchObject(['c', expect.anything(), 2, [1]]);
    // The first back-off must not wake the second.
    bench.now += 3_000;
    bench.result('c', again[0]![1], 1, 2);
    bench.turn();
    expect(grants(bench.pass(2_500))).toEqual([]);
    expect(grants(bench.pass(2_500))).toHaveLength(1);
  });

  it('leaves alone what is ready, and what waits for others', () => {
    const bench = new Bench();
    bench.submit([shell('a', { id: first }), shell('b', { dependsOn: [first] })]);
    expect(bench.change({ kind: 'revert' }, [1, 2])).toBe(0);
  });

  it('makes a child wait for its parent again when both are reverted', () => {
    const bench = new Bench({ foreverMode: true });
    bench.join('c', 9);
    const grant = grants(bench.submit([shell('a', { id: first }), shell('b', { dependsOn: [first] })]))[0]![1];
    bench.result('c', grant, 1, 2);
    bench.turn();
    expect(bench.change({ kind: 'revert' }, [1, 2])).toBe(2);
    const again = grants(bench.turn());
    expect(again.map(([, , , numbers]) => numbers)).toEqual([[1]]);
    bench.result('c', again[0]![1], 1);
    expect(grants(bench.turn())[0]?.[3]).toEqual([2]);
  });

  it('of one run of a series runs it once more, and leaves the series single', () => {
    const bench = new Bench({ evictAfter: 1e9, foreverMode: true });
    bench.join('c', 9);
    bench.submit([shell('a', { cron: '* * * * *', timezone: 'UTC' })]);
    bench.result('c', grants(bench.pass(20_001))[0]![1], 1);
    bench.turn();
    bench.change({ kind: 'revert' }, [1]);
    const again = grants(bench.turn());
    expect(again[0]?.[3]).toEqual([1]);
    bench.result('c', again[0]![1], 1);
    bench.turn();
    expect(bench.store.count({})).toBe(2);
  });
});

describe('requeue', () => {
  it('queues what failed again: history and attempts go on, retries start afresh', () => {
    const bench = new Bench({ maxRetries: 1, foreverMode: true });
    const grant = running(bench);
    bench.result('c', grant, 1, 2);
    bench.result('c', grants(bench.turn())[0]![1], 1, 2);
    bench.turn();
    expect(bench.change({ kind: 'requeue' }, [1])).toBe(1);
    const third = grants(bench.turn())[0];
    expect(third).toMatchObject(['c', expect.anything(), 3, [1]]);
    bench.result('c', third![1], 1, 2);
    const fourth = grants(bench.turn())[0];
    expect(fourth?.[2]).toBe(4);
    bench.result('c', fourth![1], 1, 2);
    expect(grants(bench.turn())).toEqual([]);
    expect(bench.store.history(1).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  it('keeps the count of its retries over a restart', () => {
    const bench = new Bench({ maxRetries: 0, foreverMode: true });
    bench.result('c', running(bench), 1, 2);
    bench.turn();
    bench.change({ kind: 'requeue' }, [1]);
    bench.feed({ type: 'disconnected', connection: 'c' });
    bench.turn();
    bench.restart();
    const second = grants(bench.join('d', 1))[0];
    expect(second?.[2]).toBe(2);
    bench.result('d', second![1], 1, 2);
    expect(bench.turn().writes?.ends).toMatchObject([{ n: 1, attempt: 2 }]);
  });

  it('leaves alone what succeeded and what was malformed', () => {
    const bench = new Bench({ foreverMode: true });
    bench.result('c', running(bench), 1);
    bench.submit([shell('b', { rejected: { code: 'ERR_TEMPLATE', message: 'malformed' } })], 2);
    bench.turn();
    expect(bench.change({ kind: 'requeue' }, [1, 2])).toBe(0);
  });
});

describe('delete', () => {
  it('cancels what is pending, kills what runs, and forgets all of it', () => {
    const bench = new Bench({ window: { tasks: 1, bytes: 1e9 }, foreverMode: true });
    const grant = running(bench);
    bench.feed({ type: 'hold', reason: 'paused' });
    bench.submit([shell('b'), shell('d'), shell('e')], 2);
    expect(bench.change({ kind: 'delete' }, [1, 2, 4])).toBe(3);
    const turn = bench.turn();
    expect(sent(turn, 'c', 'cancel')).toEqual([['cancel', [[grant, [1, 1]]]]]);
    expect(bench.store.find({}).map(({ n }) => n)).toEqual([3]);
    expect(bench.core.counts).toMatchObject({ submitted: 4, pending: 1 });
    expect(bench.store.recover().counts).toMatchObject({ submitted: 1, outcomes: [1, 0, 0, 0, 0, 0, 0] });
    bench.restart();
    expect(bench.core.counts.pending).toBe(1);
  });

  it('of what is done takes it out of the totals of the store', () => {
    const bench = new Bench({ foreverMode: true });
    bench.result('c', running(bench), 1);
    bench.turn();
    expect(bench.change({ kind: 'delete' }, [1])).toBe(1);
    bench.turn();
    expect(bench.store.count({})).toBe(0);
    expect(bench.store.recover().counts).toMatchObject({ submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0] });
  });

  it('rejects the tasks that wait for what is deleted', () => {
    const bench = new Bench();
    bench.submit([shell('a', { id: first }), shell('b', { dependsOn: [first] })]);
    bench.change({ kind: 'delete' }, [1]);
    expect(bench.turn().writes?.ends).toMatchObject([
      { n: 1, outcome: 3 },
      { n: 2, outcome: 6 },
    ]);
  });
});

describe('a failed group', () => {
  it('is remembered over a restart', () => {
    const bench = new Bench();
    bench.join('c', 1);
    const grant = grants(bench.submit([shell('a'), shell('b'), shell('d', { group: 1 })]))[0]![1];
    bench.result('c', grant, 1, 2);
    bench.turn();
    bench.feed({ type: 'cancel', numbers: [2], rows: [] });
    bench.turn();
    expect(bench.restart().finish).toMatchObject({ error: { code: 'ERR_GROUP_FAILED', details: { group: 0 } } });
  });

  it.each(['revert', 'requeue', 'delete'] as const)('is none any more after a %s of all of its failed tasks', (kind) => {
    const bench = new Bench({ foreverMode: true });
    bench.join('c', 2);
    const grant = grants(bench.submit([shell('a'), shell('b'), shell('d', { group: 1 })]))[0]![1];
    bench.result('c', grant, 1, 2);
    bench.result('c', grant, 2, 2);
    expect(grants(bench.turn())).toEqual([]);
    bench.change({ kind }, [1]);
    bench.turn();
    expect([...bench.core.failedGroups.keys()]).toEqual([0]);
    bench.change({ kind }, [2]);
    bench.turn();
    expect([...bench.core.failedGroups.keys()]).toEqual([]);
    bench.restart();
    expect([...bench.core.failedGroups.keys()]).toEqual([]);
  });
});

it('counts a cancel that comes in the turn of a revert as the earlier of the two', () => {
  const bench = new Bench({ foreverMode: true });
  bench.result('c', running(bench), 1);
  bench.turn();
  bench.feed({ type: 'hold', reason: 'paused' });
  bench.change({ kind: 'revert' }, [1]);
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  bench.turn();
  expect(bench.store.pending([1])).toHaveLength(1);
  expect(bench.core.counts.pending).toBe(1);
});

it('changes nothing more when the run has ended', () => {
  const bench = new Bench();
  bench.result('c', running(bench), 1);
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  bench.turn();
  expect(bench.change({ kind: 'revert' }, [1])).toBe(0);
});
