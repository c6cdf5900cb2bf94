/** Random histories on the memory store, a SQLite file and a schema of PostgreSQL: after each commit all must tell the same story. */
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import { newTaskRow } from '../../src/store/new-task.ts';
import { openStore } from '../../src/store/open.ts';
import { SqliteStore } from '../../src/store/sqlite/adapter.ts';
import { connect } from '../../src/store/sqlite/connect.ts';
import { loadDriver } from '../../src/store/sqlite/driver.ts';
import { storedState, type TaskStore, type Writes } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { usePostgres } from './postgres/database.ts';
import { attemptEnd, completedNumbers, storedTask, writes } from './samples.ts';

const postgres = usePostgres();
const numbers = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6, size: 'max' });
const place = fc.record({
  group: fc.integer({ min: 0, max: 1 }),
  rank: fc.integer({ min: -1, max: 1 }),
  state: fc.constantFrom(storedState.ready, storedState.waiting),
  attempts: fc.integer({ min: 1, max: 3 }),
});
const lane = fc.constantFrom(null, 'a', 'b');
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('add' as const), lanes: fc.array(lane, { minLength: 1, maxLength: 5, size: 'max' }), place }),
  },
  { weight: 5, arbitrary: fc.record({ does: fc.constant('end' as const), numbers }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('move' as const), numbers, place }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('reopen' as const), numbers, place, forget: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('change' as const), numbers, tag: fc.integer() }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('remove' as const), numbers }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('grant' as const), id: fc.integer({ min: 1, max: 3 }), numbers }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('retain' as const),
      count: fc.option(fc.integer({ min: 0, max: 12 })),
      age: fc.option(fc.integer({ min: 0, max: 8 })),
      most: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  now = 1_000;
  next = 1;
  attempt = 1;
}

function writesOf(given: Step, world: World): Writes | null {
  switch (given.does) {
    case 'add':
      return writes({
        tasks: given.lanes.map((own) => {
          const n = world.next++;
          return storedTask(n, { ...given.place, lane: own, task: [0, `echo ${n}`, null, { key: `key-${n}`, group: 0 }] });
        }),
      });
    case 'end':
      return writes({
        ends: given.numbers.map((n) => attemptEnd(n, { attempt: ++world.attempt, extra: { stdout: new Uint8Array([n, 255]) } })),
      });
    case 'move':
      return writes({ moves: given.numbers.map((n) => ({ n, losses: 0, readyAt: null, ...given.place })) });
    case 'reopen':
      return writes({ reopened: given.numbers.map((n) => ({ n, losses: 0, readyAt: null, ...given.place, forget: given.forget })) });
    case 'change':
      return writes({ changed: given.numbers.map((n) => ({ n, attributes: { key: `key-${n}`, tags: { tag: given.tag } } })) });
    case 'remove':
      return writes({ removed: given.numbers });
    case 'grant': {
      // A task is in one grant at most.
      const ranges = [...new Set(given.numbers.filter((n) => n % 3 === given.id - 1))].sort((a, b) => a - b).flatMap((n) => [n, n]);
      return writes({ grants: [{ id: given.id, client: 1, attempt: 1, tasks: ranges }] });
    }
    default:
      return null;
  }
}

async function story(store: TaskStore, last: number): Promise<unknown> {
  const all = Array.from({ length: last }, (_, i) => i + 1);
  const pages: unknown[] = [];
  for (const page of [1, 3, 100]) pages.push(await completedNumbers(store, 0, page));
  return {
    rows: await store.find({}),
    ready: [await store.ready(null, 100), await store.ready(null, 100, { only: 'a' }), await store.ready(null, 100, { except: ['a'] })],
    from: await completedNumbers(store, Math.floor((await store.cursor()) / 2)),
    pages,
    cursor: await store.cursor(),
    history: await Promise.all(all.map((n) => store.history(n))),
    outcomes: await store.outcomes(all),
    keys: (
      await store.known(
        all.map((n) => `key-${n}`),
        [],
      )
    ).keys,
    done: await store.count({ state: storedState.done }),
  };
}

test('the adapters tell the same story of any history', async () => {
  const kind = await loadDriver();
  const folder = temporaryFolder();
  const database = await postgres.database();
  let files = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), async (steps) => {
      const world = new World();
      const path = join(folder, `${++files}.db`);
      const open = (): SqliteStore =>
        new SqliteStore(connect(kind, path, { access: 'write', synchronous: 'NORMAL', salt: () => '012345678' }), () => world.now);
      const memory = new MemoryStore({
        count: Number.POSITIVE_INFINITY,
        age: Number.POSITIVE_INFINITY,
        now: () => world.now,
        salt: '012345678',
      });
      let file = open();
      const schema = `${database}?schema=run_${files}`;
      const openOther = () => openStore(schema, { clock: { ...systemClock, wall: () => world.now }, random: () => 0x012345678 / 2 ** 34 });
      let other = await openOther();
      const first: Step = {
        does: 'add',
        lanes: [null, 'a', null, 'b', 'a', null],
        place: { group: 0, rank: 0, state: storedState.ready, attempts: 0 },
      };
      for (const given of [first, ...steps]) {
        world.now++;
        if (given.does === 'restart') {
          file.close();
          file = open();
          // A store in memory ends with its process: nobody asks how.
          const { endedCleanly, ...recovery } = file.recover();
          const expected = memory.recover();
          expect(recovery).toEqual(expected);
          expect(endedCleanly).toBe(recovery.epoch === 1 ? undefined : true);
          await other.close();
          other = await openOther();
          const { endedCleanly: _, epoch: __, ...theirs } = await other.recover();
          expect({ ...theirs, epoch: recovery.epoch }).toEqual(expected);
        } else if (given.does === 'retain') {
          const limits = { count: given.count, before: given.age === null ? null : world.now - given.age };
          const forgotten = memory.retain(limits, given.most);
          expect([file.retain(limits, given.most), await other.retain(limits, given.most)]).toEqual([forgotten, forgotten]);
        } else {
          const batch = writesOf(given, world);
          if (batch === null) continue;
          memory.commit(batch);
          file.commit(batch);
          await other.commit(batch);
        }
        const told = await story(memory, world.next);
        expect(await story(file, world.next)).toEqual(told);
        expect(await story(other, world.next)).toEqual(told);
      }
      file.close();
      await other.close();
    }),
    { numRuns: 12 },
  );
}, 60_000);

test('a task that was just accepted names its fields in the order in which every store gives them: one shape, for which all is compiled once', async () => {
  const tasks = [1, 2, 3].map((n) => newTaskRow(n, 1_700_000_000_000, [0, 'true', null, null], 0));
  const order = Object.keys(tasks[0]!);
  const databases = ['memory:', join(temporaryFolder(), 'order.db'), `${await postgres.database()}?schema=fields`];
  for (const database of databases) {
    const store = await openStore(database, { clock: systemClock });
    await store.recover();
    await store.commit(writes({ tasks }));
    const [first, ...fromStart] = await store.ready(null, 2);
    const behind = await store.ready(first!, 2);
    for (const row of [first!, ...fromStart, ...behind]) expect(Object.keys(row), database).toEqual(order);
    await store.close();
  }
});
