/** The part of the store contract that is about what is kept: texts, bytes, filters, sizes. */
import { expect, test } from 'vitest';
import type { TaskFilter, TaskStore } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';
import type { WireTask } from '../../src/task/task.ts';
import { attemptEnd, completedNumbers, storedTask, storedTasks, writes } from '../store/samples.ts';

export function describeContents(current: () => { store: TaskStore; restart(): Promise<unknown> }): void {
  test('every text and every byte of a task comes back as it was given', async () => {
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    const given: WireTask[] = [
      [0, '', '', null],
      [0, 'a\0b \ud800 \udfff é😀 "\\ \u2028\n', 'in\0put \udc00', null],
      [0, 'cat', every, { tags: { a: 'x\0y', 'b.c+d-e': 1.5, t: true, f: false, none: null }, env: { X: '\ud83d' }, cwd: '/tmp' }],
      [0, 'cat', new Uint8Array(0), null],
      [1, 'file:///m.mjs#name', '[1,"\\u0000"]', { timeout: 1500, backoff: { delay: 1, factor: 2, max: 3, jitter: 0 } }],
      [1, 'file:///m.mjs#name', every.subarray(10, 20), { rejected: { code: 'ERR_TASK', message: 'no' }, key: 'k', resources: { gpu: 1 } }],
    ];
    const { store, restart } = current();
    await store.commit(writes({ tasks: given.map((task, i) => storedTask(i + 1, { task })) }));
    expect((await store.ready(null, 10)).map((task) => task.task)).toEqual(given);
    await store.commit(writes({ ends: given.map((_, i) => attemptEnd(i + 1)) }));
    await restart();
    expect((await current().store.find({})).map((row) => row.task)).toEqual(given);
  });

  test('every field of a result comes back as it was given, with the client that ran it', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
    const error = { name: 'TypeError', message: 'not\0a \ud800 function', code: null, stack: 'at x' };
    const ends = [
      attemptEnd(1, {
        client: 3,
        slot: 2,
        extra: { command: 'a\0\ud800', stdout: 'text', stderr: bytes, truncated: true, stdoutPath: '/o', stderrPath: '/e' },
      }),
      attemptEnd(2, {
        outcome: 2,
        exitStatus: null,
        slot: null,
        startedAt: null,
        extra: { signal: 'SIGKILL', error, stdout: new Uint8Array(0) },
      }),
      attemptEnd(3, { extra: { value: bytes.subarray(3, 9), stdout: bytes, stderr: bytes.subarray(1) } }),
      attemptEnd(4, { extra: { value: '{"a":[1]}' } }),
      attemptEnd(5, { outcome: 3, attempt: 0, exitStatus: null, startedAt: null }),
    ];
    const { store, restart } = current();
    await store.commit(writes({ tasks: storedTasks(1, 5), clients: [{ n: 3, id: 'the-client', host: 'h\ud800"' }] }));
    await store.commit(writes({ ends }));
    await restart();
    const rows = (await current().store.completed(0, 10)).rows;
    expect(rows.map((row) => row.end)).toEqual(ends);
    expect(rows.map((row) => row.client)).toEqual([{ n: 3, id: 'the-client', host: 'h\ud800"' }, null, null, null, null]);
  });

  test('filters find what they say, and all of them hold together', async () => {
    const id = '018f0000-0000-7000-8000-00000000000c';
    const { store } = current();
    const tagged = (n: number, tags: Record<string, string | number | boolean | null>, changes = {}) =>
      storedTask(n, { task: [0, `echo ${n}`, null, { tags }], ...changes });
    await store.commit(
      writes({
        tasks: [
          tagged(1, { site: 'a', run: 1 }),
          tagged(2, { site: 'b', run: 1 }, { group: 2 }),
          tagged(3, { site: 'a', run: '1' }),
          tagged(4, { site: true, run: null }, { group: 2, state: storedState.waiting }),
          storedTask(5, { task: [0, 'x', null, { id, priority: 9 }] }),
          storedTask(6),
        ],
        ends: [attemptEnd(1), attemptEnd(2, { outcome: 2, durationMs: 1 }), attemptEnd(6, { durationMs: 99, completedAt: 5 })],
      }),
    );
    const cases: [TaskFilter, number[]][] = [
      [{}, [1, 2, 3, 4, 5, 6]],
      [{ desc: true, limit: 2 }, [6, 5]],
      [{ after: 4 }, [5, 6]],
      [{ after: 3, desc: true }, [2, 1]],
      [{ limit: 0 }, []],
      [{ numbers: [5, 2, 2, 77] }, [2, 5]],
      [{ numbers: [] }, []],
      [{ ids: [id] }, [5]],
      [{ ids: [] }, []],
      [{ group: 2 }, [2, 4]],
      [{ state: storedState.waiting }, [4]],
      [{ state: storedState.ready }, [3, 5]],
      [{ state: storedState.done }, [1, 2, 6]],
      [{ outcome: 1 }, [1, 6]],
      [{ outcome: 0 }, [3, 4, 5]],
      [{ tags: { site: 'a' } }, [1, 3]],
      [{ tags: { run: 1 } }, [1, 2]],
      [{ tags: { run: '1' } }, [3]],
      [{ tags: { site: true } }, [4]],
      [{ tags: { run: null } }, [4]],
      [{ tags: { run: undefined } }, [1, 2, 3, 4]],
      [{ tags: { site: 'a', run: 1 }, outcome: 1 }, [1]],
      [{ tags: { toString: undefined } }, []],
      [{ tags: { 'x") or 1=1 --': 'y' } }, []],
      [{ orderBy: 'durationMs', desc: true, state: storedState.done }, [6, 1, 2]],
      [{ orderBy: 'completedAt' }, [6, 1, 2, 3, 4, 5]],
      [{ orderBy: 'completedAt', desc: true }, [2, 1, 6, 5, 4, 3]],
      [{ orderBy: 'priority', desc: true, limit: 2 }, [5, 6]],
      [{ orderBy: 'submittedAt', desc: true, limit: 2 }, [6, 5]],
    ];
    for (const [filter, numbers] of cases) {
      expect([filter, (await store.find(filter)).map((row) => row.n)]).toEqual([filter, numbers]);
      expect([filter, await store.count(filter)]).toEqual([filter, numbers.length]);
    }
  });

  test('pending answers for tasks that are not done, in the order of the question', async () => {
    const { store } = current();
    await store.commit(
      writes({ tasks: storedTasks(1, 4), grants: [{ id: 1, client: 1, attempt: 1, tasks: [3, 3] }], ends: [attemptEnd(2)] }),
    );
    expect((await store.pending([4, 3, 2, 1, 99])).map((task) => task.n)).toEqual([4, 3, 1]);
  });

  test('a payload of 8 MiB each way goes through', async () => {
    const { store, restart } = current();
    const text = 'é"\0'.repeat(2_700_000);
    const bytes = new Uint8Array(8 * 1024 * 1024).fill(200);
    await store.commit(writes({ tasks: [storedTask(1, { task: [0, text, bytes, null] })] }));
    await store.commit(writes({ ends: [attemptEnd(1, { extra: { stdout: text, stderr: bytes } })] }));
    await restart();
    const [row] = await current().store.find({});
    expect(row?.task[1] === text && row.end?.extra?.stdout === text).toBe(true);
    expect(Buffer.compare(row?.task[2] as Uint8Array, bytes) + Buffer.compare(row?.end?.extra?.stderr as Uint8Array, bytes)).toBe(0);
  }, 120_000);

  test('100,000 tasks in one commit and 50,000 ends in another are all there', async () => {
    const { store, restart } = current();
    await store.commit(writes({ tasks: storedTasks(1, 100_000) }));
    await store.commit(writes({ ends: Array.from({ length: 50_000 }, (_, i) => attemptEnd(i * 2 + 1)) }));
    expect(await restart()).toMatchObject({ ready: 50_000, nextTask: 100_001 });
    const again = current().store;
    expect(await again.count({ outcome: 1 })).toBe(50_000);
    const numbers = await completedNumbers(again, 0, 9_000);
    expect(numbers).toHaveLength(50_000);
    expect(numbers.every((n, i) => n === i * 2 + 1)).toBe(true);
    expect((await again.ready({ group: 0, rank: 0, n: 99_990 }, 100)).map((task) => task.n)).toEqual([
      99_992, 99_994, 99_996, 99_998, 100_000,
    ]);
  }, 120_000);

  test('tasks with neighbouring numbers and tasks with gaps between them, alike or not, are stored and end as they were given', async () => {
    const { store, restart } = current();
    const long = 'x'.repeat(900);
    // 12 alike, 3 of another group, 20 of another rank with odd texts in them, every second number, and 9 whose texts are long.
    const given = [
      ...storedTasks(1, 12),
      ...storedTasks(13, 15).map((task) => ({ ...task, group: 1 })),
      ...storedTasks(16, 35).map((task) => ({ ...task, rank: -0.1, task: [0, `"\0\ud800${task.n}`, '[1,"é"]', null] as const })),
      ...[37, 39, 41].map((n) => storedTask(n)),
      ...storedTasks(50, 1_700),
      ...storedTasks(1_701, 1_709).map((task) => ({ ...task, task: [0, long, longInput(task.n), { tags: { a: 1 } }] as const })),
    ];
    await store.commit(writes({ tasks: given }));
    const ordered = given.toSorted((a, b) => a.group - b.group || a.rank - b.rank || a.n - b.n);
    expect(await store.ready(null, 5_000)).toEqual(ordered);
    for (const [after, limit] of [
      [600, 700],
      [1_100, 2_000],
      [1_680, 10],
      [1_693, 10],
      [1_696, 100],
    ] as const)
      expect(await store.ready(ordered[after] ?? null, limit)).toEqual(ordered.slice(after + 1, after + 1 + limit));
    const ends = given.map(({ n }) => attemptEnd(n, { outcome: n % 50 === 0 ? 2 : 1, durationMs: n / 8, exitStatus: n % 256 }));
    await store.commit(writes({ ends: [...ends.slice(800), ...ends.slice(0, 800)] }));
    await restart();
    expect((await current().store.find({ limit: 5_000 })).map(({ end }) => end)).toEqual(ends);
    expect(await current().store.count({ outcome: 2 })).toBe(ends.filter(({ outcome }) => outcome === 2).length);
  });
}

/** A text that makes the whole task longer than what a page of the queue holds together. */
const longInput = (n: number): string => (n % 2 === 0 ? JSON.stringify(['y'.repeat(1_200), n]) : '[1]');
