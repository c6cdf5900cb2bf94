/** The part of the store contract that is about conditions: random rows and conditions, against the plain meaning of each field. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conditionTest } from '../../src/store/conditions.ts';
import { sortRows } from '../../src/store/order.ts';
import { type Condition, conditionFields, storedState, type TaskFilter, type TaskStore } from '../../src/store/store.ts';
import { taskId } from '../../src/task/id.ts';
import type { TaskAttributes } from '../../src/task/task.ts';
import { attemptEnd, storedTask, storedTasks, writes } from '../store/samples.ts';

const text = fc.constantFrom(
  '',
  'echo 1',
  'Echo',
  'a"\0b',
  '\ud800',
  '\uffff',
  '😀',
  '5',
  'true',
  'SIGKILL',
  'shell',
  'failed',
  'done',
  'one',
  'h1',
);
const amount = fc.oneof(
  fc.constantFrom(0, -0, 1, 2, 5, 0.1, 1 / 3, 1e21, 9007199254740991),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const tag = fc.oneof(text, amount, fc.boolean(), fc.constant(null));
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const row = fc.record({
  kind: fc.constantFrom(0, 1),
  args: text,
  group: fc.integer({ min: 0, max: 2 }),
  attempts: fc.integer({ min: 0, max: 2 }),
  waits: fc.boolean(),
  attributes: maybe(
    fc.record({
      cores: maybe(amount),
      memory: maybe(amount),
      timeout: maybe(amount),
      priority: maybe(fc.integer()),
      a: maybe(tag),
      'b.c+d-e': maybe(tag),
    }),
  ),
  end: maybe(
    fc.record({
      outcome: fc.integer({ min: 1, max: 6 }),
      exitStatus: fc.option(fc.constantFrom(0, 1, 255)),
      client: fc.constantFrom(null, 1, 2, 9),
      slot: fc.option(fc.constantFrom(0, 5)),
      startedAt: fc.option(fc.constantFrom(1, 1_700_000_000_000.5)),
      durationMs: amount,
      waitedMs: amount,
      extra: fc.option(fc.record({ command: maybe(text), signal: maybe(text), peakCores: maybe(amount), peakMemory: maybe(amount) })),
    }),
  ),
});

const condition: fc.Arbitrary<Condition> = fc
  .record({
    field: fc.constantFrom(...conditionFields, 'tag.a' as const, 'tag.b.c+d-e' as const, 'tag.none' as const),
    op: fc.constantFrom('==' as const, '!=' as const, '>' as const, '>=' as const, '<' as const, '<=' as const, '~' as const),
    value: tag,
  })
  .map((given) =>
    given.op === '~' ? { ...given, value: ['^e', 'o', '^$', '[0-9]', '(h|S)'][String(given.value).length % 5] ?? 'x' } : given,
  );

function absentOut<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function describeSearch(current: () => { store: TaskStore; restart(): Promise<unknown> }): void {
  test('any condition on any field finds the tasks that it means', async () => {
    const { store } = current();
    const salt = await store.salt();
    await store.commit(
      writes({
        clients: [
          { n: 1, id: 'one', host: 'h1' },
          { n: 2, id: 'two\ud800', host: '' },
        ],
      }),
    );
    let next = 1;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), fc.array(condition, { maxLength: 3 }), async (rows, conditions) => {
        const first = next;
        for (const { kind, args, group, attempts, waits, attributes, end } of rows) {
          const n = next++;
          const { a, 'b.c+d-e': b, ...others } = attributes ?? {};
          const given =
            attributes === undefined ? null : (absentOut({ ...others, tags: absentOut({ a, 'b.c+d-e': b }) }) as TaskAttributes);
          const state = waits ? storedState.waiting : storedState.ready;
          const ends =
            end === undefined ? [] : [attemptEnd(n, { ...end, extra: end.extra === null ? null : (absentOut(end.extra) as object) })];
          await store.commit(writes({ tasks: [storedTask(n, { task: [kind, args, null, given], group, attempts, state })], ends }));
        }
        const range: TaskFilter = { after: first - 1, upTo: next - 1 };
        const all = await store.find(range);
        expect(all).toHaveLength(rows.length);
        const wanted = all.filter(conditionTest(conditions, salt));
        const numbers = wanted.map((found) => found.n);
        expect(await store.find({ ...range, where: conditions })).toEqual(wanted);
        expect(await store.numbers({ ...range, where: conditions, limit: 2 })).toEqual(numbers.slice(0, 2));
        expect(await store.count({ ...range, where: conditions })).toBe(numbers.length);
        const sorted = await store.numbers({ ...range, where: conditions, orderBy: 'durationMs' });
        expect(sorted).toEqual(sortRows([...wanted], 'durationMs', false).map((found) => found.n));
        const down = await store.numbers({ after: next, upTo: first, desc: true, where: conditions });
        expect(down).toEqual([...numbers].reverse());
      }),
      { numRuns: 100 },
    );
  });

  test('each field has the value that the record of a task shows', async () => {
    const { store } = current();
    const salt = await store.salt();
    const id = '018f0000-0000-7000-8000-00000000000f';
    await store.commit(
      writes({
        tasks: [
          storedTask(1, {
            task: [0, 'echo x', null, { id, priority: 4, cores: 2, memory: 8, timeout: 1_500, tags: { site: 'a', run: 7 } }],
            group: 3,
          }),
          storedTask(2, { task: [1, 'm#f', null, null], state: storedState.waiting, attempts: 2 }),
        ],
        clients: [{ n: 1, id: 'c-1', host: 'node7' }],
        ends: [
          attemptEnd(1, {
            attempt: 3,
            outcome: 2,
            exitStatus: 7,
            client: 1,
            slot: 4,
            durationMs: 5_000,
            extra: { signal: 'SIGTERM', peakCores: 1.5, peakMemory: 9 },
          }),
        ],
      }),
    );
    const first: Condition[] = [
      { field: 'n', op: '==', value: 1 },
      { field: 'id', op: '==', value: id },
      { field: 'kind', op: '==', value: 'shell' },
      { field: 'args', op: '~', value: '^echo' },
      { field: 'command', op: '==', value: 'echo x' },
      { field: 'state', op: '==', value: 'done' },
      { field: 'outcome', op: '==', value: 'failed' },
      { field: 'exitStatus', op: '!=', value: 0 },
      { field: 'signal', op: '>', value: 'SIGA' },
      { field: 'group', op: '>=', value: 3 },
      { field: 'priority', op: '==', value: 4 },
      { field: 'attempt', op: '==', value: 3 },
      { field: 'slot', op: '==', value: 4 },
      { field: 'clientId', op: '==', value: 'c-1' },
      { field: 'clientHost', op: '~', value: '^node[0-9]$' },
      { field: 'submittedAt', op: '<=', value: 1_700_000_000_001 },
      { field: 'startedAt', op: '==', value: 1_700_000_001_000 },
      { field: 'completedAt', op: '>', value: 1_700_000_002_000 },
      { field: 'waited', op: '==', value: 3.25 },
      { field: 'duration', op: '>=', value: 5_000 },
      { field: 'cores', op: '==', value: 2 },
      { field: 'memory', op: '<', value: 9 },
      { field: 'timeout', op: '==', value: 1_500 },
      { field: 'peakCores', op: '==', value: 1.5 },
      { field: 'peakMemory', op: '==', value: 9 },
      { field: 'tag.site', op: '==', value: 'a' },
      { field: 'tag.run', op: '>', value: 6 },
    ];
    for (const one of first) expect([one, await store.numbers({ where: [one] })]).toEqual([one, [1]]);
    expect(await store.numbers({ where: first })).toEqual([1]);
    const second: Condition[] = [
      { field: 'id', op: '==', value: taskId(salt, 1_700_000_000_002, 2) },
      { field: 'kind', op: '!=', value: 'shell' },
      { field: 'attempt', op: '==', value: 2 },
      { field: 'priority', op: '==', value: 0 },
      ...(['command', 'outcome', 'exitStatus', 'clientHost', 'startedAt', 'duration', 'cores', 'peakMemory', 'tag.site'] as const).map(
        (field) => ({ field, op: '==' as const, value: null }),
      ),
      { field: 'state', op: '==', value: 'waiting' },
    ];
    for (const one of second) expect([one, await store.numbers({ where: [one] })]).toEqual([one, [2]]);
    expect(await store.find({ where: second })).toHaveLength(1);
  });

  test('a condition that means nothing is refused with ERR_QUERY and what is known', async () => {
    const { store } = current();
    const ask = async (where: unknown): Promise<unknown> => store.find({ where: where as Condition[] });
    const refused = (message: RegExp) => expect.objectContaining({ code: 'ERR_QUERY', message: expect.stringMatching(message) });
    await expect(ask([{ field: 'exit_status', op: '==', value: 1 }])).rejects.toEqual(refused(/Did you mean 'exitStatus'\?/));
    await expect(ask([{ field: 'tag.a"] or 1', op: '==', value: 1 }])).rejects.toEqual(refused(/no field/));
    await expect(ask([{ field: 'args', op: '~', value: '(' }])).rejects.toEqual(refused(/regular expression/));
    await expect(ask([{ field: 'args', op: '~', value: 5 }])).rejects.toEqual(refused(/as a text/));
    await expect(ask([{ field: 'args', op: '=', value: 5 }])).rejects.toEqual(refused(/== != > >= < <= ~/));
    await expect(ask([{ field: 'n', op: '==', value: Number.NaN }])).rejects.toEqual(refused(/NaN/));
  });

  test('a search that looks at each row gives back all of it, however long its input and output', async () => {
    const { store } = current();
    const long = 'é"\0'.repeat(4_000);
    const task = storedTask(1, { task: [0, `echo ${long}`, long, { tags: { a: 1 } }] });
    const end = attemptEnd(1, { extra: { stdout: long, stderr: new Uint8Array(5_000), value: long, command: 'x' } });
    await store.commit(writes({ tasks: [task, storedTask(2)], ends: [end] }));
    for (const orderBy of ['n', 'durationMs'] as const) {
      const [found, ...others] = await store.find({ where: [{ field: 'args', op: '~', value: '^echo é' }], orderBy });
      expect([found?.task, found?.end, others]).toEqual([task.task, end, []]);
    }
  });

  test('keys find the tasks that were submitted with them', async () => {
    const { store } = current();
    const odd = 'k"\0\ud800';
    await store.commit(
      writes({
        tasks: [
          storedTask(1, { task: [0, 'a', null, { key: odd }] }),
          storedTask(2),
          storedTask(3, { task: [0, 'a', null, { key: 'b' }] }),
        ],
      }),
    );
    expect(await store.numbers({ keys: ['b', odd, 'c'] })).toEqual([1, 3]);
    expect(await store.count({ keys: [odd], state: storedState.done })).toBe(0);
    await store.commit(writes({ tasks: [storedTask(4, { task: [0, 'again', null, { key: 'b' }] })] }));
    expect(await store.numbers({ keys: ['b', 'b'] })).toEqual([3, 4]);
    expect((await store.known(['b'], [])).keys.get('b')).toBe(3);
  });

  test('a search goes in stretches of numbers, and together they are the whole', async () => {
    const { store } = current();
    await store.commit(writes({ tasks: storedTasks(1, 100), removed: [5, 6] }));
    const numbers: number[] = [];
    for (let at = 0; at < 100; at += 7) numbers.push(...(await store.numbers({ after: at, upTo: at + 7 })));
    expect(numbers).toEqual(await store.numbers({}));
    expect(await store.numbers({ after: 10, upTo: 4, desc: true })).toEqual([9, 8, 7, 4]);
    expect(await store.count({ after: 3, upTo: 7 })).toBe(2);
    expect(await store.numbers({ numbers: [2, 4, 8], after: 2, upTo: 4 })).toEqual([4]);
  });
}
