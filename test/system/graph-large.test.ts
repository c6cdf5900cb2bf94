/** Graphs whose parts together are more than a message holds, or than a connection takes at once. */
import { expect, test, vi } from 'vitest';
import { blob, remote, Task, tasks } from '../../dist/session/index.js';
import { failureOf, openSession, startCluster } from './graph-rig.ts';

vi.setConfig({ testTimeout: 60_000 });

test('a task with more small constants than a message holds has them all', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const joined = tasks.concat(Array.from({ length: 2_000 }, (_, at) => blob(Buffer.alloc(10_000, at % 251))));
    joined.output.keep();
    await session.submit();
    const bytes = await (await joined.output.fetch()).getBytes();
    expect(bytes.length).toBe(20_000_000);
    for (const at of [0, 1, 1_000, 1_999]) expect(bytes[10_000 * at + 5_000]).toBe(at % 251);
  });
});

test('a client is told of much work no faster than its connection takes it', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const empty = blob('');
    for (let at = 0; at < 90; at++) new Task([empty], 1, { taskType: 'builtin/sleep', config: { ms: 0, pad: 'x'.repeat(1_000_000) } });
    await session.submit();
    await session.waitAll({ timeout: 40 });
    expect(await session.progress()).toMatchObject({ finished: 90, recomputed: 0 });
  });
});

test('what is known of many tasks comes in parts', async () => {
  const { client } = await startCluster();
  const session = await openSession(client, { onFailure: 'continue' });
  await session.bindOnly(async () => {
    const speak = remote((context: { attributes: { info: { user: Record<string, unknown> } } }) => {
      context.attributes.info.user.said = 'x'.repeat(100_000);
      return '';
    });
    const spoken = Array.from({ length: 200 }, () => speak());
    await session.submit();
    await session.waitAll();
    await session.update(spoken);
    for (const task of spoken) expect([task.state, String(task.info?.user.said).length]).toEqual(['finished', 100_000]);
  });
});

test('attributes that are too large are refused, and a task that has too much of them fails, not its server', async () => {
  const { client } = await startCluster();
  const session = await openSession(client, { onFailure: 'continue' });
  await session.bindOnly(async () => {
    const large = blob('', 'large');
    large.spec.user.note = 'x'.repeat(300_000);
    expect(await failureOf(() => session.submit())).toMatchObject({
      code: 'ERR_GRAPH',
      message: expect.stringMatching(/^spec\.user of large has 300\d{3} bytes encoded, more than 262144: make a blob\(\) or pickled\(\)/),
    });
    large.spec.user.note = 'small';
    const noted = Array.from({ length: 200 }, () => {
      const object = blob('a');
      object.spec.user.note = 'x'.repeat(100_000);
      return object;
    });
    const all = tasks.concat(noted);
    const one = tasks.concat(noted.slice(0, 1));
    one.output.keep();
    await session.submit();
    expect(await (await one.output.fetch()).getStr()).toBe('a');
    const failed = await failureOf(() => session.wait([all]));
    expect(failed.message).toMatch(/Message: with its inputs, outputs and their attributes the task is too much to tell a client/);
    tasks.concat([noted[1]!]);
    await session.submit();
    expect(await session.progress()).toMatchObject({ failed: 1 });
  });
});
