import { expect, test } from 'vitest';
import { blob, tasks } from '../../dist/session/index.js';
import { failureOf, openSession, startCluster } from './graph-rig.ts';

test('a task that asks for a resource of which nobody has enough says so, and what waits for it names what was waited for', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const drawn = tasks.concat([blob('a')], { resources: { gpu: 2 } });
    drawn.output.keep();
    await session.submit();
    expect(await session.explain(drawn)).toMatch(/asks for 1 cores, gpu: 2; the most that any client has is \d+ cores, gpu: 0$/);
    expect(await failureOf(() => session.wait([drawn], { timeout: 0.02 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'what was waited for has not ended within the time-out',
    });
    expect(await failureOf(() => drawn.output.fetch({ timeout: 0.02 }))).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'the object was not there within the time-out',
    });
    expect((await failureOf(() => session.onProgress(() => {}, { evry: 1 } as object))).message).toMatch(/Did you mean 'every'/);
  });
});
