/** What a program that goes on for long keeps of the sessions that it has closed. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { blob, type Client, tasks } from '../../dist/session/index.js';
import { until } from '../support/until.ts';
import { startCluster } from './graph-rig.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function used(client: Client, persistent: boolean): Promise<WeakRef<object>> {
  const session = await client.newSession('short', { persistent });
  await session.run(async () => {
    tasks.concat([blob('a')]);
    await session.submit();
    await session.onProgress(() => {});
  });
  return new WeakRef(session);
}

test('a client keeps nothing of the sessions that were closed', async () => {
  const { client } = await startCluster(0);
  const refs = [await used(client, false), await used(client, false), await used(client, true)];
  await until(() => {
    collect();
    return refs.every((ref) => ref.deref() === undefined);
  }, 'the sessions to be forgotten');
  expect(await client.persistentSessions()).toEqual([]);
});
