import { expect, it } from 'vitest';
import { InputOrder } from '../../src/server/input-order.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import type { TaskStore } from '../../src/store/store.ts';
import { attemptEnd, storedTask, storedTasks, writes } from '../store/samples.ts';

interface World {
  readonly store: MemoryStore;
  readonly order: InputOrder;
  /** How often the store was asked for rows. */
  readonly looks: () => number;
  end(...numbers: number[]): void;
}

function world(tasks: number): World {
  const store = new MemoryStore({ count: 100_000, age: Number.POSITIVE_INFINITY, now: () => 0, salt: '012345678' });
  if (tasks > 0) store.commit(writes({ tasks: storedTasks(1, tasks) }));
  let looks = 0;
  const counted: TaskStore = new Proxy<TaskStore>(store, {
    get(target, name: keyof TaskStore) {
      if (name === 'find') looks++;
      const value: unknown = target[name];
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const order = new InputOrder(counted);
  return {
    store,
    order,
    looks: () => looks,
    end(...numbers) {
      store.commit(writes({ ends: numbers.map((n) => attemptEnd(n)) }));
      order.told(numbers.map((n) => ({ n })));
    },
  };
}

/** Read on until the end. */
async function all(order: InputOrder, limit = 3): Promise<number[]> {
  const numbers: number[] = [];
  let cursor = await order.start();
  for (;;) {
    const page = await order.page(cursor, limit);
    numbers.push(...page.rows.map(({ n }) => n));
    if (page.ended && page.rows.length === 0) return numbers;
    cursor = page.cursor;
  }
}

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a result comes when all before it are done, whatever the order of their ends', async () => {
  const { order, end } = world(7);
  const reading = all(order);
  for (const n of [3, 2, 7, 1, 5, 6, 4]) {
    end(n);
    await turns();
  }
  order.end();
  expect(await reading).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it('nothing comes before the first is done', async () => {
  const { order, end } = world(100);
  let page: unknown = null;
  void order.page(await order.start(), 10).then((given) => {
    page = given;
  });
  for (let n = 2; n <= 100; n++) end(n);
  await turns();
  expect(page).toBeNull();
  end(1);
  await turns();
  expect(page).toMatchObject({ cursor: 10, ended: false });
});

it('it begins with the first task that was not done when the run began', async () => {
  const { store, order, end } = world(5);
  store.commit(writes({ ends: [attemptEnd(1), attemptEnd(2)] }));
  expect(await order.start()).toBe(2);
  end(3);
  expect(await order.start()).toBe(2);
  end(4, 5);
  expect(await order.start()).toBe(2);
  order.end();
  expect(await all(order)).toEqual([3, 4, 5]);
  const other = world(2);
  other.store.commit(writes({ ends: [attemptEnd(1), attemptEnd(2)] }));
  expect(await other.order.start()).toBe(2);
  expect(await world(0).order.start()).toBe(0);
});

it('tasks that come later, and gaps between numbers, are read on', async () => {
  const { store, order, end } = world(1);
  const reading = all(order);
  end(1);
  await turns();
  store.commit(writes({ tasks: [storedTask(4), storedTask(6)] }));
  await turns();
  end(6);
  await turns();
  end(4);
  await turns();
  order.end();
  expect(await reading).toEqual([1, 4, 6]);
});

it('a run that was stopped gives what is done and passes over the rest', async () => {
  const { order, end } = world(6);
  const reading = all(order);
  end(2, 3, 5);
  await turns();
  order.end();
  expect(await reading).toEqual([2, 3, 5]);
});

it('a reader that waits for the first of 20,000 looks into the store once, not once a task', async () => {
  const { order, end, looks } = world(20_000);
  const reading = all(order, 10_000);
  await turns();
  const before = looks();
  for (let n = 20_000; n > 1; n -= 10) end(...Array.from({ length: 10 }, (_, i) => n - i).filter((m) => m > 1));
  await turns();
  expect(looks() - before).toBe(0);
  end(1);
  await turns();
  order.end();
  expect(await reading).toHaveLength(20_000);
  expect(looks()).toBeLessThan(100);
});
