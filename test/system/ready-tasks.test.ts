/** Tasks by the state `ready`: those that wait for a slot, and none that has one already. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, startPair } from './rig.ts';

expectNoLeaks();

it.each(['memory:', 'a file'])(
  'what runs is neither found, counted nor cancelled as ready, wherever it stands in the queue (%s)',
  async (where) => {
    const database = where === 'a file' ? join(temporaryFolder(), 'tasks.db') : where;
    const { server } = await startPair({ database }, { numTasks: 2 });
    const { ids } = await server.submit([
      'sleep 600',
      'sleep 601',
      'echo 1',
      'echo 2',
      { args: 'echo 3', tags: { a: 1 } },
      { args: 'echo later', group: 1 },
    ]);
    await until(async () => (await server.progress()).running === 2);
    expect((await collect(server.tasks.find({ state: 'ready' }))).map(({ args }) => args)).toEqual([
      'echo 1',
      'echo 2',
      'echo 3',
      'echo later',
    ]);
    expect((await collect(server.tasks.find({ state: 'ready', limit: 1 }))).map(({ args }) => args)).toEqual(['echo 1']);
    expect((await collect(server.tasks.find({ state: 'ready', orderBy: 'submittedAt', desc: true, limit: 5 }))).length).toBe(4);
    expect(await server.tasks.count({ state: 'ready' })).toBe(4);
    expect(await server.tasks.count({ state: 'ready', limit: 3 })).toBe(3);
    expect(await server.tasks.count({ state: 'ready', tags: { a: 1 } })).toBe(1);
    expect(await server.cancel({ state: 'ready' })).toBe(4);
    expect((await server.progress()).running).toBe(2);
    expect(await server.tasks.count({ state: 'ready' })).toBe(0);
    expect(await server.cancel(ids!)).toBe(2);
  },
);
