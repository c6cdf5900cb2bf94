/** A query that asks for a tag of any value means the same wherever it is asked: nothing of it is lost on the way to a server. */
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { connect, openTasks } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { startPair } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const source = ['north', 'south', 'north', 'south'].map((site, run) => ({ args: 'true', tags: { site, run } }));

it('a tag of any value is asked for on a server, on a connection and on a file alike, also by what changes tasks', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const { server } = await startPair({ database, foreverMode: true });
  await server.submit(source);
  await server.submit(['echo untagged']);
  await until(async () => (await server.tasks.count({ state: 'done' })) === 5);
  const connection = await connect(server.address);
  for (const tasks of [server.tasks, connection.tasks]) {
    expect(await tasks.count({ tags: ['site'] })).toBe(4);
    expect(await tasks.count({ tags: { site: 'north', run: undefined } })).toBe(2);
    expect(await tasks.delete({ tags: ['none'] })).toBe(0);
  }
  expect(await connection.cancel({ tags: ['none'] })).toBe(0);
  await connection.close();
  await server.stop();
  const file = await openTasks(database);
  expect(await file.delete({ tags: ['none'] })).toBe(0);
  expect(await file.delete({ tags: ['site'] })).toBe(4);
  expect(await file.count()).toBe(1);
  await file.close();
});
