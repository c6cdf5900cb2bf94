import { expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { orderedNumbers } from '../../src/data/ordered.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import type { TaskFilter } from '../../src/store/store.ts';
import { attemptEnd, storedTasks, writes } from '../store/samples.ts';

const count = 20_000;

function filled(): MemoryStore {
  const store = new MemoryStore({ count, age: Number.POSITIVE_INFINITY, now: () => 0, salt: '012345678' });
  store.commit(writes({ tasks: storedTasks(1, count) }));
  // Every third has ended, in an order that is not that of the numbers, many alike.
  const ended = Array.from({ length: count }, (_, i) => i + 1).filter((n) => n % 3 === 0);
  store.commit(writes({ ends: ended.map((n) => attemptEnd(n, { durationMs: (n * 7_919) % 101 })) }));
  return store;
}

it('is the order of the store itself, in both directions, with what has no value last', async () => {
  const store = filled();
  const filters: TaskFilter[] = [
    { orderBy: 'durationMs' },
    { orderBy: 'durationMs', desc: true },
    { orderBy: 'durationMs', desc: true, limit: 100 },
    { orderBy: 'completedAt', state: 4 },
    { orderBy: 'priority', desc: true, limit: 7 },
    { orderBy: 'submittedAt', numbers: [5, 3, 9_999] },
    { orderBy: 'durationMs', numbers: [] },
  ];
  for (const filter of filters)
    expect([...(await orderedNumbers(store, filter, systemClock))], JSON.stringify(filter)).toEqual(store.find(filter).map(({ n }) => n));
});

it('leaves the thread to others again and again', async () => {
  let pauses = 0;
  let now = 0;
  const clock: Clock = {
    ...systemClock,
    // Each stretch takes long, however fast the machine is.
    now: () => (now += 100),
    after(ms, call) {
      pauses++;
      return systemClock.after(ms, call);
    },
  };
  await orderedNumbers(filled(), { orderBy: 'durationMs' }, clock);
  expect(pauses).toBeGreaterThanOrEqual(2);
});
