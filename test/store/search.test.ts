import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import { countTasks, searchNumbers, searchTasks } from '../../src/store/search.ts';
import type { TaskFilter } from '../../src/store/store.ts';
import { attemptEnd, storedTask, writes } from './samples.ts';

const size = 30_000;

function filled(): { store: MemoryStore; clock: Clock; pauses: () => number } {
  const store = new MemoryStore({ count: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY, now: () => 0, salt: '012345678' });
  store.commit(writes({ tasks: Array.from({ length: size }, (_, i) => storedTask(i + 1, { group: i % 3 })) }));
  store.commit(writes({ ends: Array.from({ length: size / 2 }, (_, i) => attemptEnd(i * 2 + 1, { durationMs: (i * 7_919) % 10_007 })) }));
  let pauses = 0;
  let time = 0;
  const clock: Clock = {
    ...systemClock,
    // Whatever is done takes 5 ms.
    now: () => (time += 5),
    after(ms, call) {
      pauses++;
      return systemClock.after(ms, call);
    },
  };
  return { store, clock, pauses: () => pauses };
}

test('a long search finds what one question finds, in pages, and gives the thread back in between', async () => {
  const { store, clock, pauses } = filled();
  const filters: TaskFilter[] = [
    {},
    { desc: true },
    { group: 1, limit: 2_500 },
    { after: 9_000, upTo: 21_000, where: [{ field: 'args', op: '~', value: '7$' }] },
    { after: 21_000, upTo: 9_000, desc: true, outcome: 1 },
    { orderBy: 'durationMs', limit: 12 },
    { orderBy: 'durationMs', desc: true, limit: 1_500, group: 2 },
    { orderBy: 'priority', desc: true, after: 100, limit: 5 },
    { numbers: [4, 2, 29_999] },
    { where: [{ field: 'n', op: '>', value: size }] },
    { limit: 0 },
  ];
  for (const filter of filters) {
    const found: number[] = [];
    for await (const rows of searchTasks(store, filter, clock)) {
      expect(rows.length).toBeGreaterThan(0);
      found.push(...rows.map((row) => row.n));
    }
    expect([filter, found]).toEqual([filter, store.numbers(filter)]);
    expect(await countTasks(store, filter, clock)).toBe(store.count(filter));
    const numbers: number[] = [];
    for await (const page of searchNumbers(store, filter, clock)) numbers.push(...page);
    const { orderBy: _, ...byNumber } = filter;
    expect([filter, numbers]).toEqual([filter, store.numbers(byNumber)]);
  }
  expect(pauses()).toBeGreaterThan(filters.length);
});

test('a search of an empty store finds nothing', async () => {
  const store = new MemoryStore({ count: 1, age: 1, now: () => 0, salt: '012345678' });
  for await (const rows of searchTasks(store, {}, systemClock)) expect(rows).toBe('none');
  expect(await countTasks(store, {}, systemClock)).toBe(0);
});
