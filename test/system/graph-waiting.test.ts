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

test('who does not wait for a submission that is on its way finds it accepted', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const joined = tasks.concat([blob('a'), blob('b')]);
    joined.output.keep();
    const abort = new AbortController();
    const submitting = session.submit({ signal: abort.signal });
    abort.abort();
    await expect(submitting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await session.submit();
    expect([session.taskCount, session.dataobjCount]).toEqual([0, 0]);
    expect(await (await joined.output.fetch()).getStr()).toBe('ab');
  });
});
