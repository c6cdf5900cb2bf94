/** What every store promises, whichever adapter: the port's words as tests. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Recovery, TaskStore } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../store/samples.ts';
import { describeChanges } from './store-changes.ts';
import { describeContents } from './store-contents.ts';
import { describeLanes } from './store-lanes.ts';
import { describeSearch } from './store-search.ts';

/** A store under test. */
export interface StoreUnderTest {
  readonly store: TaskStore;
  /** Close it and open it again, as after a restart; the same store where nothing outlives the process. */
  reopen(): Promise<TaskStore>;
  destroy(): Promise<void>;
}

export type StoreFactory = () => Promise<StoreUnderTest>;

export function describeStore(name: string, make: StoreFactory): void {
  describe(`${name}: the store contract`, () => {
    let under: StoreUnderTest;
    let store: TaskStore;
    let found: Recovery;
    beforeEach(async () => {
      under = await make();
      store = under.store;
      found = await store.recover();
    });
    afterEach(() => under.destroy());

    async function restart(): Promise<Recovery> {
      store = await under.reopen();
      return store.recover();
    }

    test('a new store has nothing, begins to number at 1 and has a salt of nine hex digits', () => {
      expect(found).toMatchObject({ epoch: 1, nextTask: 1, nextClient: 1, ready: 0, waiting: [], grants: [], clients: [], submitters: [] });
      expect(found.counts).toEqual({ submitted: 0, outcomes: [0, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} });
      expect(found.salt).toMatch(/^[0-3][0-9a-f]{8}$/);
    });

    test('each recovery has the next epoch and the same salt', async () => {
      const second = await restart();
      const third = await restart();
      expect([second.epoch, third.epoch]).toEqual([2, 3]);
      expect(third.salt).toBe(found.salt);
    });

    test('ready tasks come by group, then rank, then number, and go on after any of them', async () => {
      await store.commit(
        writes({
          tasks: [
            storedTask(1, { group: 1, rank: 0 }),
            storedTask(2, { rank: 5 }),
            storedTask(3, { rank: -2 }),
            storedTask(4, { rank: 5 }),
            storedTask(5),
            storedTask(6, { state: storedState.waiting }),
            storedTask(7, { rank: -2 }),
          ],
        }),
      );
      const all = await store.ready(null, 10);
      expect(all.map((task) => task.n)).toEqual([3, 7, 5, 2, 4, 1]);
      for (const [i, task] of all.entries()) {
        expect((await store.ready(task, 10)).map((next) => next.n)).toEqual([7, 5, 2, 4, 1].slice(i));
      }
      expect((await store.ready(null, 2)).map((task) => task.n)).toEqual([3, 7]);
    });

    test('a rank keeps all its digits, so that reading on after a task repeats none', async () => {
      const ranks = [1 / 3, 1 / 3 + 2 ** -54, 2 / 3, -(2 ** 52) + 0.5];
      await store.commit(writes({ tasks: ranks.map((rank, i) => storedTask(i + 1, { rank })) }));
      const numbers: number[] = [];
      for (let last = (await store.ready(null, 1))[0]; last !== undefined; last = (await store.ready(last, 1))[0]) numbers.push(last.n);
      expect(numbers).toEqual([4, 1, 2, 3]);
    });

    test('ready leaves out tasks that are in a grant, and what is left fills the limit', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 20), grants: [{ id: 77, client: 1, attempt: 1, tasks: [1, 3, 5, 8, 10, 10] }] }));
      expect((await store.ready(null, 5)).map((task) => task.n)).toEqual([4, 9, 11, 12, 13]);
      await store.commit(writes({ grants: [{ id: 77, client: 1, attempt: 1, tasks: [5, 5] }] }));
      expect((await store.ready(null, 6)).map((task) => task.n)).toEqual([1, 2, 3, 4, 6, 7]);
      await store.commit(writes({ grants: [{ id: 77, client: 1, attempt: 1, tasks: [] }] }));
      expect((await store.ready(null, 6)).map((task) => task.n)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test('a grant can be made in the commit that accepts its tasks', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 3), grants: [{ id: 1, client: 1, attempt: 1, tasks: [1, 3] }] }));
      expect(await store.ready(null, 5)).toEqual([]);
      expect((await restart()).grants.map((grant) => grant.tasks.map((task) => task.n))).toEqual([[1, 2, 3]]);
    });

    test('recovery hands back grants with the tasks of them that are not done', async () => {
      await store.commit(
        writes({
          tasks: storedTasks(1, 10),
          clients: [{ n: 1, id: 'client-one', host: 'a' }],
          grants: [
            { id: 2 ** 32 + 1, client: 1, attempt: 2, tasks: [1, 4] },
            { id: 2 ** 32 + 2, client: 1, attempt: 1, tasks: [5, 6] },
          ],
        }),
      );
      await store.commit(writes({ ends: [attemptEnd(2), attemptEnd(5), attemptEnd(6)] }));
      const recovery = await restart();
      expect(
        recovery.grants.map(({ id, client, attempt, tasks }) => ({ id, client, attempt, tasks: tasks.map((task) => task.n) })),
      ).toEqual([{ id: 2 ** 32 + 1, client: 1, attempt: 2, tasks: [1, 3, 4] }]);
      expect(recovery.ready).toBe(4);
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([7, 8, 9, 10]);
      expect((await restart()).grants).toHaveLength(1);
    });

    test('recovery hands back everything that waits, the clients, the submitters, the counts and the next numbers', async () => {
      const waiting = storedTask(3, { state: storedState.waiting, readyAt: 1_700_000_009_000, attempts: 2, losses: 1, group: 4, rank: 7 });
      const submitter = {
        id: 'sub-1',
        sequence: 9,
        receipts: [
          [8, { first: 1 }],
          [9, { first: 2 }],
        ],
        seenAt: 1_700_000_000_123,
        open: true,
      };
      const counts = {
        submitted: 3,
        outcomes: [2, 1, 0, 0, 0, 0, 0],
        retried: 4,
        groups: { 0: 1, 4: 1 },
        failed: { 0: 'task 1 "failed\ud800' },
      };
      const clients = [
        { n: 1, id: 'client-one', host: 'a' },
        { n: 2, id: 'client-two', host: 'b', joined: true as const },
      ];
      await store.commit(
        writes({ tasks: [storedTask(1), storedTask(2), waiting], clients, ends: [attemptEnd(1)], submitters: [submitter], counts }),
      );
      const recovery = await restart();
      expect(recovery).toMatchObject({ ready: 1, waiting: [waiting], clients, counts, nextTask: 4, nextClient: 3 });
      expect(recovery.submitters).toEqual([submitter]);
      await store.commit(writes({ submitters: [{ ...submitter, sequence: 10, receipts: [] }] }));
      expect((await restart()).submitters).toEqual([{ ...submitter, sequence: 10, receipts: [] }]);
      await store.commit(writes({ departed: [submitter.id] }));
      expect((await restart()).submitters).toEqual([]);
    });

    test('a move sends a task to another place of the queue, to waiting and back', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 4) }));
      const place = { group: 0, rank: 1, attempts: 1, losses: 1, readyAt: null };
      await store.commit(writes({ moves: [{ n: 2, ...place, state: storedState.ready }] }));
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([1, 3, 4, 2]);
      await store.commit(writes({ moves: [{ n: 1, ...place, state: storedState.waiting, readyAt: 5_000 }] }));
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([3, 4, 2]);
      expect(await store.pending([1])).toEqual([storedTask(1, { ...place, state: storedState.waiting, readyAt: 5_000 })]);
      await store.commit(writes({ moves: [{ n: 1, ...place, rank: 0, state: storedState.ready }] }));
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([1, 3, 4, 2]);
      expect((await restart()).ready).toBe(4);
    });

    test('tasks that come back out of order stand in the queue by number again', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 50).map((task) => ({ ...task, state: storedState.waiting })) }));
      const place = { group: 0, rank: 0, attempts: 1, losses: 0, readyAt: null, state: storedState.ready };
      for (const n of [30, 7, 8, 29, 50, 1, 31]) await store.commit(writes({ moves: [{ n, ...place }] }));
      expect((await store.ready(null, 4)).map((task) => task.n)).toEqual([1, 7, 8, 29]);
      await store.commit(writes({ ends: [attemptEnd(1), attemptEnd(8)] }));
      await store.commit(writes({ moves: [{ n: 2, ...place }] }));
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([2, 7, 29, 30, 31, 50]);
    });

    test('a task that is done stays as it is, whatever is said of it later', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 3) }));
      const first = attemptEnd(2, { outcome: 3, exitStatus: null });
      await store.commit(writes({ ends: [first] }));
      await store.commit(
        writes({
          ends: [attemptEnd(1), attemptEnd(2, { extra: { stdout: new Uint8Array([255]) } }), attemptEnd(3), attemptEnd(3, { outcome: 2 })],
        }),
      );
      await store.commit(writes({ moves: [{ n: 2, group: 0, rank: 0, state: storedState.ready, attempts: 1, losses: 0, readyAt: null }] }));
      const [row] = await store.find({ numbers: [2] });
      expect(row).toMatchObject({ state: storedState.done, end: first });
      expect((await store.find({ numbers: [3] }))[0]?.end?.outcome).toBe(1);
      expect(await store.ready(null, 10)).toEqual([]);
      expect(await completedNumbers(store)).toEqual([2, 1, 3]);
      expect(await store.cursor()).toBe(3);
    });

    test('an end of a task that was never accepted is passed over', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 1), ends: [attemptEnd(99), attemptEnd(1)] }));
      expect(await completedNumbers(store)).toEqual([1]);
      expect(await store.history(99)).toEqual([]);
    });

    test('a commit that fails leaves nothing of itself, and the rest of it can be committed then', async () => {
      const id = '018f0000-0000-7000-8000-000000000001';
      const named = storedTask(1, { task: [0, 'true', null, { id }] });
      await store.commit(writes({ tasks: [named, storedTask(2)] }));
      const counts = { submitted: 9, outcomes: [9, 0, 0, 0, 0, 0, 0], retried: 0, groups: {} };
      const more = writes({
        tasks: [storedTask(3), storedTask(4)],
        clients: [{ n: 5, id: 'x', host: 'h' }],
        grants: [{ id: 1, client: 5, attempt: 1, tasks: [2, 3] }],
        ends: [attemptEnd(2)],
        submitters: [{ id: 's', sequence: 1, receipts: [], seenAt: 1, open: false }],
        counts,
      });
      const attempt = async (): Promise<void> => store.commit({ ...more, tasks: [...more.tasks, { ...named, n: 5 }] });
      await expect(attempt()).rejects.toMatchObject({ code: 'ERR_DATABASE' });
      expect((await store.ready(null, 10)).map((task) => task.n)).toEqual([1, 2]);
      expect(await store.cursor()).toBe(0);
      expect(await restart()).toMatchObject({ nextTask: 3, nextClient: 1, clients: [], submitters: [], grants: [], ready: 2 });
      await store.commit(more);
      expect(await restart()).toMatchObject({ nextTask: 5, nextClient: 6, ready: 2, counts });
    });

    test('known tells which keys and ids are taken, and by which task', async () => {
      const id = '018f0000-0000-7000-8000-00000000000a';
      const odd = 'a"b\\\0\ud800 é😀';
      await store.commit(
        writes({
          tasks: [
            storedTask(1, { task: [0, 'a', null, { key: 'one' }] }),
            storedTask(2, { task: [0, 'b', null, { key: odd, id }] }),
            storedTask(3),
          ],
        }),
      );
      const known = await store.known(['one', 'two', odd, 'a"b\\\0\ud801 é😀'], [id, '018f0000-0000-7000-8000-00000000000b']);
      expect([...known.keys]).toEqual(
        expect.arrayContaining([
          ['one', 1],
          [odd, 2],
        ]),
      );
      expect(known.keys.size).toBe(2);
      expect([...known.ids]).toEqual([[id, 2]]);
      const none = await store.known([], []);
      expect([none.keys.size, none.ids.size]).toEqual([0, 0]);
    });

    test('history has every attempt of a task in order, its end last', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 2), clients: [{ n: 1, id: 'c', host: 'h' }] }));
      const lost = attemptEnd(1, {
        outcome: 5,
        exitStatus: null,
        client: 1,
        extra: { error: { name: 'E', message: 'm', code: null, stack: null } },
      });
      const failed = attemptEnd(1, { attempt: 2, outcome: 2, exitStatus: 7, extra: { stderr: new Uint8Array([0, 254]), stdout: 'out' } });
      const end = attemptEnd(1, { attempt: 3, extra: { stdout: new Uint8Array([9]) } });
      await store.commit(writes({ attempts: [lost] }));
      await store.commit(writes({ attempts: [failed] }));
      expect(await store.history(1)).toEqual([lost, failed]);
      await store.commit(writes({ ends: [end] }));
      await restart();
      expect(await store.history(1)).toEqual([lost, failed, end]);
      expect(await store.history(2)).toEqual([]);
    });

    test('clients are found by the numbers that attempts name, also after a restart', async () => {
      const client = { n: 1, id: 'a', host: 'b' };
      await store.commit(writes({ clients: [client] }));
      await restart();
      expect(await store.client(1)).toEqual(client);
      expect(await store.client(2)).toBeNull();
    });

    test('the cursor walks over commits and restarts in the order of recording', async () => {
      await store.commit(writes({ tasks: storedTasks(1, 40) }));
      await store.commit(writes({ ends: [attemptEnd(9), attemptEnd(3), attemptEnd(4), attemptEnd(5), attemptEnd(1)] }));
      const after = await store.cursor();
      await restart();
      await store.commit(writes({ ends: [attemptEnd(2)] }));
      await store.commit(writes({ ends: Array.from({ length: 20 }, (_, i) => attemptEnd(40 - i)) }));
      const late = Array.from({ length: 20 }, (_, i) => 40 - i);
      for (const page of [1, 3, 7, 100]) expect(await completedNumbers(store, 0, page)).toEqual([9, 3, 4, 5, 1, 2, ...late]);
      expect(await completedNumbers(store, after)).toEqual([2, ...late]);
      const last = await store.cursor();
      expect(await store.completed(last, 10)).toEqual({ rows: [], cursor: last });
      await store.commit(writes({ ends: [attemptEnd(8)] }));
      expect(await completedNumbers(store, last)).toEqual([8]);
    });

    describeContents(() => ({ store, restart }));
    describeChanges(() => ({ store, restart }));
    describeLanes(() => ({ store, restart }));
    describeSearch(() => ({ store, restart }));
  });
}
