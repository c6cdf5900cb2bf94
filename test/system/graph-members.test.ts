/** What the classes of Rain's API have beside what its pages tell in words: each member that no other test is about, on a real server. */
import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { blob, directory, getActiveSession, json, Output, type Task, tasks } from '../../dist/session/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, openSession, startCluster, userOf } from './graph-rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

test('a task is only described when it is made: it runs when it is submitted', async () => {
  const { client } = await startCluster(1, { numTasks: 1 });
  const [described, other] = [await openSession(client), await openSession(client)];
  const marker = join(temporaryFolder(), 'ran');
  const task = await described.bindOnly(() => tasks.execute(['touch', marker]));
  expect([task.state, described.taskCount]).toEqual([null, 1]);
  // What is submitted later passes it by.
  await other.bindOnly(() => tasks.concat([]));
  await other.submit();
  await other.waitAll();
  expect(await described.progress()).toMatchObject({ waiting: 0, ready: 0, running: 0, finished: 0, objects: 0 });
  expect(existsSync(marker)).toBe(false);
  await described.submit();
  await described.waitAll();
  expect(existsSync(marker)).toBe(true);
});

test('the server says who works for it, what runs there and what lies there', async () => {
  const { client } = await startCluster(1, { numTasks: 3, cores: 4, memory: '2GB', resources: { gpu: 1 } });
  const session = await openSession(client);
  const folder = temporaryFolder();
  await session.bindOnly(async () => {
    const made = tasks.execute('printf made', { shell: true, stdout: true });
    const held = tasks.execute(`touch ${folder}/runs; until [ -e ${folder}/go ]; do sleep 0.02; done`, { shell: true });
    made.keepOutputs();
    await session.submit();
    await made.wait();
    await until(() => existsSync(join(folder, 'runs')), 'the held task');
    const { clients } = await client.getServerInfo();
    expect(clients).toMatchObject([{ slots: 3, cpus: 4, memory: 2 * 2 ** 30, resources: { gpu: 1 } }]);
    expect(clients[0]?.host).not.toBe('');
    expect(clients[0]?.tasks.map(String)).toEqual([String(held.id)]);
    expect(clients[0]?.objects.map(String)).toEqual([String(made.output.id)]);
    writeFileSync(join(folder, 'go'), '');
    await session.waitAll();
  });
});

test('the outputs of a task are kept, fetched, let go of and asked about by the task', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const task = tasks.execute('echo out; printf file > a', { shell: true, stdout: 'words', outputPaths: ['a'] });
    expect(task.keepOutputs()).toBe(task);
    await session.submit();
    expect(task.state).not.toBeNull();
    await task.wait();
    const [words, file] = await task.fetchOutputs();
    expect([await words?.getStr(), await file?.getStr()]).toEqual(['out\n', 'file']);
    expect(task.info).toBeNull();
    await task.update();
    expect([task.state, task.info?.error]).toEqual(['finished', '']);
    await task.unkeepOutputs();
    expect([...task.outputs].map((output) => output.isKept())).toEqual([false, false]);
    await until(async () => {
      await session.update(task.outputs);
      return [...task.outputs].every(({ state }) => state === 'removed');
    }, 'the outputs to be removed');
    await expect(task.fetchOutputs()).rejects.toMatchObject({ code: 'ERR_GRAPH' });
  });
});

test('where a session takes an object it takes the task that makes it', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const task = tasks.concat([blob('a'), blob('b')]).keepOutputs();
    await session.submit();
    await session.wait([task, task.output]);
    expect(await (await session.fetch(task)).getStr()).toBe('ab');
    const parts: Uint8Array[] = [];
    for await (const part of session.stream(task)) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe('ab');
    const [ended, objects] = await session.waitSome([task, task.output]);
    expect([ended, objects]).toEqual([[task], [task.output]]);
    await session.unkeep([task]);
    expect(task.output.isKept()).toBe(false);
  });
});

test('what was fetched is loaded, read, streamed, written and linked', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await session.bindOnly(async () => {
    const task = tasks.execute(['cat', json({ a: [1] })], { stdout: new Output('copy', { contentType: 'json' }) }).keepOutputs();
    const tree = await directory();
    await session.submit();
    const instance = await task.output.fetch();
    expect([instance.contentType, instance.dataType, instance.size]).toEqual(['json', 'blob', 9]);
    const [first, second, cached] = [await instance.load(), await instance.load(), await instance.load({ cache: true })];
    expect([first, first === second, cached === (await instance.load({ cache: true }))]).toEqual([{ a: [1] }, false, true]);
    expect([await instance.getStr(), (await instance.getBytes()).length]).toEqual(['{"a":[1]}', 9]);
    expect(Buffer.concat(await instance.stream().toArray()).toString()).toBe('{"a":[1]}');
    await instance.write(at('written'));
    await instance.link(at('linked'));
    expect([readFileSync(at('written'), 'utf8'), readFileSync(at('linked'), 'utf8')]).toEqual(['{"a":[1]}', '{"a":[1]}']);
    expect([(statSync(at('written')).mode & 0o200) !== 0, lstatSync(at('linked')).mode & 0o222]).toEqual([true, 0]);
    const folderOf = await tree.fetch();
    await folderOf.write(at('tree'));
    expect([folderOf.dataType, statSync(at('tree')).isDirectory()]).toEqual(['dir', true]);
    await expect(folderOf.load()).rejects.toMatchObject({ code: 'ERR_CONTENT_TYPE' });
  });
});

test('what a client is asked about is of its own sessions, and submitted', async () => {
  const { server, client } = await startCluster();
  const [one, two] = [await openSession(client), await openSession(client)];
  const stranger = await openSession(userOf(server));
  const made = await Promise.all(
    [one, two, stranger].map((session) =>
      session.bindOnly(async () => {
        const task = tasks.concat([]);
        await session.submit();
        return task;
      }),
    ),
  );
  const [first, second, foreign] = made as [Task, Task, Task];
  await Promise.all([one, two].map((session) => session.waitAll()));
  await client.update([first, second.output].values());
  expect([first.info?.error, second.output.info?.size]).toEqual(['', 0]);
  const fresh = await one.bindOnly(() => tasks.concat([]));
  const isRain = { name: 'RainException' };
  await expect(client.update([first, foreign])).rejects.toMatchObject({ ...isRain, message: expect.stringMatching(/another client's/) });
  await expect(client.update([first, fresh])).rejects.toMatchObject({ ...isRain, message: expect.stringMatching(/session\.submit\(\)/) });
  for (const wrong of [undefined, 5, first, 'abc', [one], [null]])
    await expect(client.update(wrong as never)).rejects.toMatchObject(isRain);
  await expect(client.update([], { timeot: 1 } as never)).rejects.toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  expect(foreign.info).toBeNull();
});

test('what newSession and Client cannot use is refused', async () => {
  const { client } = await startCluster(0);
  expect((await failureOf(() => client.newSession('x', { onFailure: 'stop' as 'fail' }))).message).toMatch(/'fail' or 'continue'/);
  expect((await failureOf(() => client.newSession('x', { defualt: true } as object))).message).toMatch(/Did you mean 'default'/);
  expect((await failureOf(() => client.newSession(5 as unknown as string))).code).toBe('ERR_GRAPH');
  const session = await client.newSession('x', { default: true });
  expect(getActiveSession()).toBe(session);
  await session.close();
});
