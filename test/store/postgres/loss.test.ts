/**
 * The way to the database breaks, or the database itself ends, in the middle of commits: nothing that was acknowledged is missing, and nothing is made twice.
 * The database syncs, as in service.
 */
import { expect, onTestFinished, test } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { isLasting } from '../../../src/store/lasting.ts';
import { openStore } from '../../../src/store/open.ts';
import { storedState, type TaskStore, type Writes } from '../../../src/store/store.ts';
import { TcpProxy } from '../../support/tcp-proxy.mjs';
import { attemptEnd, completedNumbers, storedTasks, writes } from '../samples.ts';
import { sessionsOf, usePostgres } from './database.ts';

const postgres = usePostgres({ durable: true });

async function opened(url: string): Promise<TaskStore> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}

/** A store whose connections go through a proxy, and where the database is without it. */
async function openedByProxy(): Promise<{ store: TaskStore; proxy: TcpProxy; url: string }> {
  const proxy = await TcpProxy.open(postgres.server.port);
  onTestFinished(() => proxy.close());
  const url = await postgres.database();
  const store = await opened(url.replace(/:\d+\//, `:${proxy.address[1]}/`));
  await store.recover();
  return { store, proxy, url };
}

/** Cuts connections now, and each later one after so many bytes, from 500 on: somewhere in a call or its answer. */
function cutter(proxy: TcpProxy, seed: number, bytes: number): () => void {
  let state = seed;
  return () => {
    proxy.cutAfter = () => {
      state = (state * 48_271) % 2_147_483_647;
      return 500 + (state % bytes);
    };
    proxy.cut();
  };
}

/** As a server does it: the same writes again and again until the commit is answered; how often it failed. */
async function commit(store: TaskStore, batch: Writes): Promise<number> {
  for (let failures = 0; ; failures++) {
    try {
      await store.commit(batch);
      return failures;
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      if (isLasting(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Each step accepts a task and ends the one before, so that a step made twice would fail, and one left out would be missed. */
function step(n: number): Writes {
  return writes({ tasks: storedTasks(n, n), ends: n > 1 ? [attemptEnd(n - 1, { extra: { stdout: `of ${n - 1}` } })] : [] });
}

async function expectSteps(store: TaskStore, last: number): Promise<void> {
  expect(await store.numbers({})).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  expect(await completedNumbers(store)).toEqual(Array.from({ length: last - 1 }, (_, i) => i + 1));
  expect(await store.numbers({ state: storedState.ready })).toEqual([last]);
  expect(await store.cursor()).toBe(last - 1);
}

test('a commit whose answer was lost is not made a second time', async () => {
  const { store, proxy } = await openedByProxy();
  let failures = 0;
  const cut = cutter(proxy, 7, 5_000);
  const last = 120;
  for (let n = 1; n <= last; n++) {
    if (n % 2 === 0) cut();
    failures += await commit(store, step(n));
    proxy.cutAfter = null;
  }
  expect(failures).toBeGreaterThan(last / 4);
  await expectSteps(store, last);
}, 60_000);

/** Both at once, as a busy server does it; those that fail again, in their order, until none does. */
async function commitBoth(store: TaskStore, batches: readonly Writes[]): Promise<number> {
  let left = batches;
  for (let failures = 0; ; failures++) {
    const answers = await Promise.allSettled(left.map((batch) => store.commit(batch)));
    left = left.filter((_, i) => answers[i]!.status === 'rejected');
    for (const answer of answers)
      if (answer.status === 'rejected' && isLasting(MillraceError.from(answer.reason))) throw MillraceError.from(answer.reason);
    if (left.length === 0) return failures;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('of two commits that are under way when the connection breaks, or the database is killed, each is made once, in their order', async () => {
  const { store, proxy } = await openedByProxy();
  let failures = 0;
  const cut = cutter(proxy, 11, 8_000);
  const last = 120;
  for (let n = 1; n <= last; n += 2) {
    if (n % 3 === 0) cut();
    const both = commitBoth(store, [step(n), step(n + 1)]);
    if (n === 41) {
      await postgres.server.kill('SIGKILL');
      await postgres.server.start();
    }
    failures += await both;
    proxy.cutAfter = null;
  }
  expect(failures).toBeGreaterThan(5);
  await expectSteps(store, last);
}, 60_000);

test('a commit is refused when the one before it, which was sent with it, could not be made', async () => {
  const store = await opened(await postgres.database());
  await store.recover();
  await store.commit(step(1));
  const next = step(2);
  const [again, refused] = await Promise.allSettled([store.commit(writes({ tasks: storedTasks(1, 1) })), store.commit(next)]);
  expect(again).toMatchObject({ reason: { code: 'ERR_DATABASE', details: { sqlstate: '23505' } } });
  expect(refused).toMatchObject({ reason: { code: 'ERR_DATABASE', details: { sqlstate: 'MR002', lasting: false } } });
  expect(await store.numbers({})).toEqual([1]);
  await store.commit(next);
  await expectSteps(store, 2);
});

test('when the answer was lost and other writes come, both are made once', async () => {
  const { store, proxy, url } = await openedByProxy();
  await store.commit(writes({ tasks: storedTasks(1, 1) }));
  // The call gets there, its answer does not.
  proxy.silence('down');
  const batch = writes({ tasks: storedTasks(2, 2), grants: [{ id: 9, client: 1, attempt: 1, tasks: [1, 1] }] });
  const lost = Promise.resolve(store.commit(batch)).catch((error: unknown) => error);
  const direct = await openStore(url, { access: 'read' });
  onTestFinished(() => direct.close());
  await expect.poll(() => direct.count({}), { timeout: 20_000 }).toBe(2);
  proxy.cut();
  proxy.heal();
  expect(await lost).toMatchObject({ code: 'ERR_DATABASE', details: { lasting: false } });
  await commit(store, writes({ tasks: storedTasks(3, 3) }));
  expect(await store.numbers({})).toEqual([1, 2, 3]);
  expect((await store.ready(null, 10)).map(({ n }) => n)).toEqual([2, 3]);
});

test.each(['SIGINT', 'SIGKILL'] as const)(
  'the database ends by %s under load and comes back: all that was acknowledged is there, once',
  async (signal) => {
    const store = await opened(await postgres.database());
    await store.recover();
    let n = 0;
    let stop = false;
    let failures = 0;
    const load = (async () => {
      while (!stop) {
        failures += await commit(store, step(n + 1));
        n++;
      }
    })();
    const reads = (async () => {
      while (!stop) expect((await store.ready(null, 5)).length).toBeLessThan(3);
    })();
    for (let round = 0; round < 2; round++) {
      const before = n;
      await expect.poll(() => n, { timeout: 20_000 }).toBeGreaterThan(before + 20);
      await postgres.server.kill(signal);
      await postgres.server.start();
    }
    const before = n;
    await expect.poll(() => n, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    stop = true;
    await Promise.all([load, reads]);
    expect(failures).toBeGreaterThan(0);
    await expectSteps(store, n);
  },
  60_000,
);

test('a database that does not answer stops nobody from closing the store', async () => {
  const proxy = await TcpProxy.open(postgres.server.port);
  onTestFinished(() => proxy.close());
  const url = await postgres.database();
  const store = await openStore(url.replace(/:\d+\//, `:${proxy.address[1]}/`));
  await store.recover();
  await store.count({});
  proxy.cut({ refuse: true });
  const asked = Promise.resolve(store.count({})).catch((error: unknown) => error);
  await store.close();
  expect(await asked).toMatchObject({ code: 'ERR_ENDED' });
  await expect(store.count({})).rejects.toMatchObject({ code: 'ERR_ENDED' });
});

test('the history of a session has each entry once, however often the way to the database breaks while it is written', async () => {
  const proxy = await TcpProxy.open(postgres.server.port);
  onTestFinished(() => proxy.close());
  const url = await postgres.database();
  const store = await opened(url.replace(/:\d+\//, `:${proxy.address[1]}/`));
  const sessions = sessionsOf(store);
  const [last, of, written] = [60, 1, [] as string[]];
  let seed = 7;
  for (let i = 1; i <= last; i++) {
    if (i % 2 === 0) {
      // Somewhere in the transaction or in its answer; the next way there is whole.
      let first = true;
      proxy.cutAfter = () => {
        if (!first) return Number.POSITIVE_INFINITY;
        first = false;
        seed = (seed * 48_271) % 2_147_483_647;
        return 500 + (seed % 2_500);
      };
      proxy.cut();
    }
    written.push(`entry ${i}`);
    await sessions.write({ sessions: [{ n: of, facts: `after ${i}` }], entries: [{ session: of, body: `entry ${i}` }], closed: [] });
  }
  const history: unknown[] = [];
  for await (const part of sessions.history(of)) history.push(...part);
  expect(history).toEqual(written);
  expect(await sessions.all()).toEqual([{ n: of, facts: `after ${last}` }]);
  expect(proxy.counts.cuts).toBeGreaterThan(last / 2);
}, 60_000);
