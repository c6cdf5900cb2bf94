import { expect, test } from 'vitest';
import { checkQuery, resolveIds, type TaskQuery, toFilter } from '../../src/data/query.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import { taskId } from '../../src/task/id.ts';
import { attemptEnd, storedTask, storedTasks, writes } from '../store/samples.ts';

const salt = '012345678';

test('names become the numbers that stores use', () => {
  expect(checkQuery()).toEqual({ filter: {}, state: null, ids: null });
  expect(
    checkQuery({ tags: { a: 1, b: undefined }, group: 3, state: 'running', outcome: 'lost', orderBy: 'durationMs', desc: true, limit: 5 }),
  ).toEqual({
    filter: { tags: { a: 1, b: undefined }, group: 3, state: 1, outcome: 5, orderBy: 'durationMs', desc: true, limit: 5 },
    state: 'running',
    ids: null,
  });
  expect(checkQuery({ state: 'waiting' }).filter.state).toBe(0);
  expect(checkQuery({ state: 'done' }).filter.state).toBe(4);
  expect(Object.keys(checkQuery({ tags: ['x', 'y'] }).filter.tags ?? {})).toEqual(['x', 'y']);
});

test('every wrong field is refused with ERR_QUERY and says what is allowed', () => {
  const wrong: [unknown, RegExp][] = [
    [{ grup: 1 }, /no field 'grup'.*Did you mean 'group'/],
    [{ where: 'x' }, /no field 'x'/],
    [{ state: 'runing' }, /one of waiting, .*Did you mean 'running'/],
    [{ outcome: 'none' }, /one of succeeded/],
    [{ orderBy: 'completed' }, /one of submittedAt/],
    [{ group: -1 }, /group must be a whole number/],
    [{ limit: 1.5 }, /limit must be/],
    [{ limit: '5' }, /limit must be/],
    [{ desc: 1 }, /true or false/],
    [{ ids: 'x' }, /a list of task ids/],
    [{ ids: ['x'] }, /UUID/],
    [{ ids: [5n] }, /a list of task ids/],
    [{ tags: { 'a b': 1 } }, /tag/],
    [{ tags: { 'a b': undefined } }, /keys of tags/],
    [{ tags: ['a b'] }, /the key of a tag/],
    [null, /an object of fields/],
    [['x'], /an object of fields/],
  ];
  for (const [query, message] of wrong) {
    let thrown: unknown;
    try {
      checkQuery(query as TaskQuery);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_QUERY', message: expect.stringMatching(message) });
  }
});

test('ids of both kinds are found together, and a forged one is not believed', async () => {
  const store = new MemoryStore({ count: 10, age: Number.POSITIVE_INFINITY, now: () => 0, salt });
  const own = '018f0000-0000-7000-8000-000000000001';
  store.commit(writes({ tasks: [...storedTasks(1, 3), storedTask(4, { task: [0, 'x', null, { id: own }] })], ends: [attemptEnd(2)] }));
  const at = 1_700_000_000_000;
  const ids = [taskId(salt, at + 2, 2), taskId(salt, at + 3, 3), own.toUpperCase()];
  const query = checkQuery({ ids });
  expect((await toFilter(store, salt, query)).numbers?.toSorted()).toEqual([2, 3, 4]);
  expect(store.find(await toFilter(store, salt, checkQuery({ ids, state: 'done' }))).map((row) => row.n)).toEqual([2]);
  expect(
    await resolveIds(store, salt, [taskId(salt, at, 1), taskId(salt, at + 4, 4), taskId('000000000', at + 1, 1), taskId(salt, at, 99)]),
  ).toEqual([]);
});
