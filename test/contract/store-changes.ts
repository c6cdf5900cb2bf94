/** The part of the store contract that is about tasks after their end: queued again, changed, removed, forgotten. */
import { expect, test } from 'vitest';
import type { Reopened, TaskStore } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../store/samples.ts';

function reopened(n: number, changes: Partial<Reopened> = {}): Reopened {
  return { n, group: 0, rank: 0, state: storedState.ready, attempts: 0, losses: 0, readyAt: null, forget: false, ...changes };
}

const output = new Uint8Array([0, 255]);

export function describeChanges(current: () => { store: TaskStore; restart(): Promise<unknown> }): void {
  test('a task that is queued again keeps its history, and its next end is recorded as a new one', async () => {
    const { store, restart } = current();
    const first = attemptEnd(2, { outcome: 2, extra: { stdout: output } });
    const second = attemptEnd(2, { attempt: 2, extra: { stdout: output, stderr: 'x' } });
    await store.commit(writes({ tasks: storedTasks(1, 3), ends: [attemptEnd(1), first, attemptEnd(3)] }));
    await store.commit(writes({ reopened: [reopened(2, { attempts: 1, rank: 5 })] }));
    expect(await store.ready(null, 10)).toEqual([storedTask(2, { attempts: 1, rank: 5 })]);
    expect(await completedNumbers(store, 0, 1)).toEqual([1, 3]);
    expect((await store.find({ numbers: [2] }))[0]).toMatchObject({ state: storedState.ready, end: null });
    expect(await store.history(2)).toEqual([first]);
    const cursor = await store.cursor();
    await store.commit(writes({ ends: [second] }));
    expect(await completedNumbers(store, cursor)).toEqual([2]);
    await restart();
    const again = current().store;
    for (const page of [1, 2, 10]) expect(await completedNumbers(again, 0, page)).toEqual([1, 3, 2]);
    expect(await again.history(2)).toEqual([first, second]);
    expect(await again.count({ outcome: 1 })).toBe(3);
  });

  test('a task that is reverted has no history any more, but still its input', async () => {
    const { store } = current();
    const task = storedTask(1, { task: [0, 'cat', output, { id: '018f0000-0000-7000-8000-00000000000d', key: 'k' }] });
    await store.commit(writes({ tasks: [task], attempts: [attemptEnd(1, { outcome: 2, extra: { stdout: output } })] }));
    await store.commit(writes({ ends: [attemptEnd(1, { attempt: 2, extra: { stdout: output } })] }));
    await store.commit(writes({ reopened: [reopened(1, { forget: true, state: storedState.waiting, readyAt: 5, group: 3 })] }));
    expect(await store.history(1)).toEqual([]);
    expect(await store.pending([1])).toEqual([{ ...task, state: storedState.waiting, readyAt: 5, group: 3 }]);
    expect((await store.known(['k'], [])).keys.get('k')).toBe(1);
    await store.commit(writes({ ends: [attemptEnd(1)] }));
    expect(await store.history(1)).toEqual([attemptEnd(1)]);
    expect(await completedNumbers(store)).toEqual([1]);
  });

  test('to queue again a task that is not done changes nothing, and twice is as once', async () => {
    const { store } = current();
    await store.commit(writes({ tasks: storedTasks(1, 2), ends: [attemptEnd(1)] }));
    const again = writes({
      reopened: [reopened(1, { attempts: 1 }), reopened(1, { attempts: 9 }), reopened(2, { rank: 7 }), reopened(77)],
    });
    await store.commit(again);
    await store.commit(again);
    expect(await store.ready(null, 10)).toEqual([storedTask(1, { attempts: 1 }), storedTask(2)]);
    expect(await store.history(1)).toEqual([attemptEnd(1)]);
    expect(await completedNumbers(store)).toEqual([]);
  });

  test('a task can end and be queued again in one commit', async () => {
    const { store } = current();
    await store.commit(writes({ tasks: storedTasks(1, 1), ends: [attemptEnd(1)], reopened: [reopened(1, { attempts: 1 })] }));
    expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([1]);
    expect(await completedNumbers(store)).toEqual([]);
    await store.commit(writes({ ends: [attemptEnd(1, { attempt: 2 })] }));
    expect(await completedNumbers(store)).toEqual([1]);
  });

  test('changed attributes replace the old ones, whether the task is done or not', async () => {
    const { store, restart } = current();
    const odd = 'a"\0\ud800 é';
    await store.commit(
      writes({
        tasks: [
          storedTask(1, { task: [0, odd, output, { tags: { a: 1 }, priority: 3 }] }),
          storedTask(2, { task: [1, 'm#f', odd, null], lane: 'x' }),
          storedTask(3, { task: [0, 'z', null, { tags: { gone: 1 } }] }),
        ],
        ends: [attemptEnd(2)],
      }),
    );
    const tags = { a: odd, 'b.c+d-e': 1.25, t: true, n: null };
    await store.commit(
      writes({
        changed: [
          { n: 1, attributes: { tags, priority: 3 } },
          { n: 2, attributes: { tags } },
          { n: 3, attributes: null },
          { n: 99, attributes: null },
        ],
      }),
    );
    await restart();
    const again = current().store;
    expect((await again.find({})).map((row) => row.task)).toEqual([
      [0, odd, output, { tags, priority: 3 }],
      [1, 'm#f', odd, { tags }],
      [0, 'z', null, null],
    ]);
    expect(await again.numbers({ tags: { a: odd } })).toEqual([1, 2]);
  });

  test('a removed task leaves nothing, and its key and id are free', async () => {
    const { store, restart } = current();
    const id = '018f0000-0000-7000-8000-00000000000e';
    const named = storedTask(2, { task: [0, 'cat', output, { id, key: 'k' }] });
    await store.commit(writes({ tasks: [storedTask(1), named, storedTask(3)], attempts: [attemptEnd(2, { extra: { stdout: output } })] }));
    await store.commit(writes({ ends: [attemptEnd(1), attemptEnd(2, { attempt: 2, extra: { stdout: output } })] }));
    await store.commit(writes({ removed: [2, 3, 77] }));
    await store.commit(writes({ removed: [2] }));
    expect((await store.find({})).map((row) => row.n)).toEqual([1]);
    expect(await store.history(2)).toEqual([]);
    expect(await store.ready(null, 10)).toEqual([]);
    expect(await completedNumbers(store, 0, 1)).toEqual([1]);
    const known = await store.known(['k'], [id]);
    expect([known.keys.size, known.ids.size]).toEqual([0, 0]);
    expect(await store.outcomes([2])).toEqual([{ n: 2, outcome: -1, group: 0 }]);
    await store.commit(writes({ tasks: [{ ...named, n: 4 }], ends: [attemptEnd(4)] }));
    await restart();
    expect(await completedNumbers(current().store)).toEqual([1, 4]);
  });

  test('outcomes tells how tasks stand, in the order of the question', async () => {
    const { store } = current();
    await store.commit(
      writes({ tasks: [storedTask(1), storedTask(2, { group: 4 }), storedTask(3)], ends: [attemptEnd(2, { outcome: 3 }), attemptEnd(3)] }),
    );
    expect(await store.outcomes([3, 9, 2, 1, 3])).toEqual([
      { n: 3, outcome: 1, group: 0 },
      { n: 9, outcome: -1, group: 0 },
      { n: 2, outcome: 3, group: 4 },
      { n: 1, outcome: 0, group: 0 },
      { n: 3, outcome: 1, group: 0 },
    ]);
    expect(await store.outcomes([])).toEqual([]);
    await store.commit(writes({ reopened: [reopened(2, { group: 4 })] }));
    expect(await store.outcomes([2])).toEqual([{ n: 2, outcome: 0, group: 4 }]);
  });

  test('retain forgets what ended first beyond the count, at most so many at once, and never a task that was queued again', async () => {
    const { store, restart } = current();
    await store.commit(writes({ tasks: storedTasks(1, 20) }));
    await store.commit(writes({ ends: [4, 3, 2, 1, 5, 6, 7, 8].map((n) => attemptEnd(n)) }));
    await store.commit(writes({ ends: [9, 10].map((n) => attemptEnd(n)) }));
    await store.commit(writes({ reopened: [reopened(4), reopened(2)], removed: [6] }));
    await store.commit(writes({ ends: [attemptEnd(2, { attempt: 2 })] }));
    expect(await store.retain({ count: 8, before: null }, 100)).toBe(0);
    expect(await store.retain({ count: 5, before: null }, 2)).toBe(2);
    expect(await completedNumbers(store)).toEqual([5, 7, 8, 9, 10, 2]);
    expect(await store.retain({ count: 5, before: null }, 100)).toBe(1);
    expect(await store.retain({ count: 5, before: null }, 100)).toBe(0);
    await restart();
    const again = current().store;
    for (const page of [1, 3, 100]) expect(await completedNumbers(again, 0, page)).toEqual([7, 8, 9, 10, 2]);
    expect(await again.cursor()).toBe(11);
    expect(await again.numbers({ state: storedState.ready })).toEqual([4, ...Array.from({ length: 10 }, (_, i) => i + 11)]);
    expect(await again.retain({ count: 0, before: null }, 100)).toBe(5);
    expect(await again.completed(3, 10)).toMatchObject({ rows: [] });
    await restart();
    await current().store.commit(writes({ ends: [attemptEnd(4), attemptEnd(11)] }));
    expect(await current().store.cursor()).toBe(13);
    expect(await completedNumbers(current().store, 11)).toEqual([4, 11]);
    expect(await completedNumbers(current().store)).toEqual([4, 11]);
  });

  test('of many ends of one commit retain forgets the first ones', async () => {
    const { store } = current();
    await store.commit(writes({ tasks: storedTasks(1, 10_000) }));
    await store.commit(writes({ ends: Array.from({ length: 10_000 }, (_, i) => attemptEnd(i + 1)) }));
    expect(await store.retain({ count: 10, before: null }, 9_000)).toBe(9_000);
    expect(await store.retain({ count: 10, before: null }, 9_000)).toBe(990);
    expect(await completedNumbers(store, 50)).toEqual([9_991, 9_992, 9_993, 9_994, 9_995, 9_996, 9_997, 9_998, 9_999, 10_000]);
    expect(await store.count({})).toBe(10);
  });
}
