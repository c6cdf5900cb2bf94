/** The part of the store contract that is about lanes of the queue. */
import { expect, test } from 'vitest';
import type { LaneChoice, TaskStore } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';
import { attemptEnd, storedTask, writes } from '../store/samples.ts';

export function describeLanes(current: () => { store: TaskStore; restart(): Promise<unknown> }): void {
  test('ready reads one lane, or passes over lanes, in queue order and on from any place', async () => {
    const odd = 'ten"ant\0\ud800';
    const { store, restart } = current();
    const tasks = Array.from({ length: 60 }, (_, i) =>
      storedTask(i + 1, { lane: [null, odd, 'b', 'c'][i % 4] ?? null, rank: i % 3, group: i > 40 ? 1 : 0 }),
    );
    await store.commit(writes({ tasks, grants: [{ id: 1, client: 1, attempt: 1, tasks: [1, 12] }], ends: [attemptEnd(14)] }));
    await restart();
    const again = current().store;
    const expected = tasks.filter((task) => task.n > 12 && task.n !== 14).sort((a, b) => a.group - b.group || a.rank - b.rank || a.n - b.n);
    const choices: [LaneChoice | undefined, (lane: string | null) => boolean][] = [
      [undefined, () => true],
      [{}, () => true],
      [{ only: odd }, (lane) => lane === odd],
      [{ only: 'b' }, (lane) => lane === 'b'],
      [{ only: 'nobody' }, () => false],
      [{ except: [] }, () => true],
      [{ except: [odd] }, (lane) => lane !== odd],
      [{ except: ['b', 'c', odd, 'nobody'] }, (lane) => lane === null],
      [{ only: 'b', except: ['b'] }, () => false],
    ];
    for (const [choice, means] of choices) {
      const wanted = expected.filter((task) => means(task.lane));
      expect([choice, await again.ready(null, 100, choice)]).toEqual([choice, wanted]);
      const [first] = wanted;
      if (first !== undefined) expect(await again.ready(first, 3, choice)).toEqual(wanted.slice(1, 4));
    }
  });

  test('a task keeps its lane over moves and restarts, and leaves it with its end', async () => {
    const { store, restart } = current();
    const place = { group: 0, rank: 2, attempts: 1, losses: 0, readyAt: null };
    await store.commit(writes({ tasks: [storedTask(1, { lane: 'a' }), storedTask(2, { lane: 'a' }), storedTask(3, { lane: 'a' })] }));
    await store.commit(writes({ moves: [{ n: 1, ...place, state: storedState.ready }], ends: [attemptEnd(2)] }));
    await restart();
    const again = current().store;
    expect((await again.ready(null, 10, { only: 'a' })).map((task) => [task.n, task.lane])).toEqual([
      [3, 'a'],
      [1, 'a'],
    ]);
    await again.commit(writes({ reopened: [{ n: 2, ...place, state: storedState.ready, forget: false }], ends: [attemptEnd(3)] }));
    expect((await again.ready(null, 10, { only: 'a' })).map((task) => task.n)).toEqual([1, 2]);
    expect((await again.pending([1]))[0]?.lane).toBe('a');
  });
}
