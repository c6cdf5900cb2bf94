import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../src/store/memory/adapter.ts';
import { describeStore } from '../../contract/store.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../samples.ts';

function memory(retain: { count?: number; age?: number } = {}, now: () => number = () => 0): MemoryStore {
  return new MemoryStore({ count: 100_000, age: Number.POSITIVE_INFINITY, now, salt: '012345678', ...retain });
}

describeStore('memory', async () => {
  const store = memory();
  return { store, reopen: async () => store, destroy: async () => store.close() };
});

describe('what the memory store retains', () => {
  test('the oldest ends are forgotten beyond the count, with their tasks, history, keys and ids', () => {
    const id = '018f0000-0000-7000-8000-00000000000c';
    const store = memory({ count: 3 });
    const first = storedTask(1, { task: [0, 'a', null, { key: 'k', id }] });
    store.commit(writes({ tasks: [first, ...storedTasks(2, 6)], attempts: [attemptEnd(1)] }));
    store.commit(writes({ ends: [5, 1, 2, 3].map((n) => attemptEnd(n)) }));
    expect(store.find({}).map((row) => row.n)).toEqual([1, 2, 3, 4, 6]);
    expect(store.known(['k'], [id]).keys.get('k')).toBe(1);
    store.commit(writes({ ends: [attemptEnd(4)] }));
    expect(store.find({}).map((row) => row.n)).toEqual([2, 3, 4, 6]);
    expect(store.history(1)).toEqual([]);
    expect([store.known(['k'], [id]).keys.size, store.known(['k'], [id]).ids.size]).toEqual([0, 0]);
    expect(store.completed(0, 10)).toMatchObject({ rows: [{ n: 2 }, { n: 3 }, { n: 4 }], cursor: 5 });
    expect(store.pending([1, 5, 6]).map((task) => task.n)).toEqual([6]);
  });

  test('ends are forgotten when they are older than the age, also when nothing is committed any more', () => {
    let now = 0;
    const store = memory({ age: 1_000 }, () => now);
    store.commit(writes({ tasks: storedTasks(1, 3), ends: [attemptEnd(1)] }));
    now = 600;
    store.commit(writes({ ends: [attemptEnd(2)] }));
    now = 1_300;
    expect(store.find({}).map((row) => row.n)).toEqual([2, 3]);
    now = 1_700;
    expect(store.completed(0, 10).rows).toEqual([]);
    expect(store.count({})).toBe(1);
  });

  test('a reader that stays behind goes on with the oldest end that is left', async () => {
    const store = memory({ count: 10 });
    store.commit(writes({ tasks: storedTasks(1, 30_000) }));
    store.commit(writes({ ends: Array.from({ length: 100 }, (_, i) => attemptEnd(i + 1)) }));
    expect(await completedNumbers(store, 20)).toEqual([91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
    store.commit(writes({ ends: Array.from({ length: 29_900 }, (_, i) => attemptEnd(i + 101)) }));
    expect(store.cursor()).toBe(30_000);
    expect(await completedNumbers(store, 100)).toHaveLength(10);
    expect(store.count({})).toBe(10);
  });

  test('retain forgets what was recorded before a time', async () => {
    let now = 1_000;
    const store = memory({}, () => now);
    store.commit(writes({ tasks: storedTasks(1, 9), ends: [attemptEnd(3, { completedAt: 1e15 }), attemptEnd(1)] }));
    now = 2_000;
    store.commit(writes({ ends: [attemptEnd(2, { completedAt: 1 }), attemptEnd(4)] }));
    expect(store.retain({ count: null, before: 1_000 }, 10)).toBe(0);
    expect(store.retain({ count: null, before: 2_000 }, 10)).toBe(2);
    expect(store.retain({ count: 2, before: 2_001 }, 1)).toBe(1);
    expect(await completedNumbers(store)).toEqual([4]);
  });

  test('a count of 0 keeps nothing that is finished', () => {
    const store = memory({ count: 0 });
    store.commit(writes({ tasks: storedTasks(1, 2), ends: [attemptEnd(1)] }));
    expect(store.find({}).map((row) => row.n)).toEqual([2]);
  });
});

test('a task keeps none of the frame that its input was received in', () => {
  const store = memory();
  const frame = new Uint8Array(65_536);
  store.commit(writes({ tasks: [storedTask(1, { task: [0, 'cat', frame.subarray(8, 16), null] })], ends: [] }));
  store.commit(writes({ ends: [attemptEnd(1, { extra: { stdout: frame.subarray(16, 20) } })] }));
  const [row] = store.find({});
  expect((row?.task[2] as Uint8Array | undefined)?.buffer.byteLength).toBe(8);
  expect((row?.end?.extra?.stdout as Uint8Array | undefined)?.buffer.byteLength).toBe(4);
});
