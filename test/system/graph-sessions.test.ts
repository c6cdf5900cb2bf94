/** Sessions of task graphs on a real server with real clients: the programs of Rain's page, and what it says of their life. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { blob, getActiveSession, type Session, TaskException, tasks } from '../../dist/session/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, openSession, startCluster, userOf } from './graph-rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

/** A command that says that it runs, and then runs for long. */
function endless(marker: string): ReturnType<typeof tasks.execute> {
  return tasks.execute(`touch ${marker}; sleep 1000`, { shell: true });
}

test('the first program of the page: two objects are joined, and everything is waited for', async () => {
  const { client } = await startCluster();
  const session = await client.newSession();
  const text = await session.run(async () => {
    const a = blob('Hello ');
    const b = blob('world!');
    const joined = tasks.concat([a, b]);
    joined.output.keep();
    await session.submit();
    await session.waitAll();
    expect([joined.state, joined.output.state]).toEqual(['finished', 'finished']);
    return (await joined.output.fetch()).getStr();
  });
  expect(text).toBe('Hello world!');
  expect((await failureOf(() => session.waitAll())).code).toBe('ERR_SESSION');
});

test('the second program of the page: the session of the inner block is active, then the outer one again', async () => {
  const { client } = await startCluster(0);
  expect(() => getActiveSession()).toThrow();
  await (await client.newSession()).run(async (a) => {
    expect(getActiveSession()).toBe(a);
    await (await client.newSession()).run((b) => expect(getActiveSession()).toBe(b));
    expect(getActiveSession()).toBe(a);
  });
  expect(() => getActiveSession()).toThrow();
});

test('the third program of the page: bindOnly leaves the session open', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const task = await session.bindOnly(() => tasks.concat([blob('a')]));
  expect(session.active).toBe(false);
  await session.submit();
  await task.wait();
  expect(task.state).toBe('finished');
});

test('a session that its block is left with an error is closed', async () => {
  const { client } = await startCluster(0);
  const session = await client.newSession();
  await expect(
    session.run(() => {
      throw new RangeError('mine');
    }),
  ).rejects.toThrow(RangeError);
  await expect(session.submit()).rejects.toThrow('the session is closed');
});

test('await using closes a session', async () => {
  const { client } = await startCluster(0);
  let kept: Session;
  {
    await using session = await client.newSession();
    kept = session;
  }
  await expect(kept.waitAll()).rejects.toMatchObject({ code: 'ERR_SESSION' });
  await kept.close();
});

test('sessions of a client are independent and run at the same time', async () => {
  const { client } = await startCluster(1, { numTasks: 2 });
  const folder = temporaryFolder();
  const sessions = [await openSession(client), await openSession(client)];
  // Each waits for the other's file.
  await Promise.all(
    sessions.map((session, at) =>
      session.bindOnly(async () => {
        const [mine, other] = [join(folder, String(at)), join(folder, String(1 - at))];
        tasks.execute(`touch ${mine}; until [ -e ${other} ]; do sleep 0.05; done`, { shell: true });
        await session.submit();
        await session.waitAll();
      }),
    ),
  );
});

test('what was made and not submitted is counted; submit sends all of it, and nothing is an empty submission', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    tasks.concat([blob('a'), blob('b')]);
    expect([session.taskCount, session.dataobjCount]).toEqual([1, 3]);
    await session.submit();
    expect([session.taskCount, session.dataobjCount]).toEqual([0, 0]);
    await session.submit();
    await session.waitAll();
    await session.waitAll();
  });
});

test('the first task that fails fails its session: what runs is stopped, every access throws what caused it, closing does not, others go on', async () => {
  const { client } = await startCluster(1, { numTasks: 4 });
  const [session, other] = [await openSession(client), await openSession(client)];
  const marker = join(temporaryFolder(), 'runs');
  await session.bindOnly(async () => {
    const kept = blob('kept').keep();
    endless(marker);
    await session.submit();
    await until(() => existsSync(marker), 'the long task');
    const bad = tasks.execute('echo problem >&2; exit 3', { shell: true, name: 'bad one' });
    await session.submit();
    const error = await failureOf(() => session.waitAll());
    expect(error).toBeInstanceOf(TaskException);
    expect(error.code).toBe('ERR_TASK_FAILED');
    const { failure } = error as TaskException;
    expect(failure).toMatchObject({ id: bad.id.id, task: expect.stringContaining("'bad one'"), stderr: 'problem\n' });
    expect(failure.createdAt).toContain('graph-sessions.test');
    expect(error.message).toMatch(/^Task .*bad one.* failed\nMessage: Program exit with exit code 3/);
    for (const call of [
      () => session.wait([bad]),
      () => session.wait([kept]),
      () => session.waitSome([bad]),
      () => session.fetch(kept),
      () => session.unkeep([kept]),
      () => session.update([bad]),
      () => session.submit(),
      () => session.progress(),
      () => blob('more'),
      () => session.waitAll(),
    ])
      expect(await failureOf(call)).toBe(error);
    expect([kept.isKept(), bad.spec.name, session.taskCount]).toEqual([true, 'bad one', 0]);
  });
  await until(
    async () => (await client.getServerInfo()).clients.every(({ tasks: running }) => running.length === 0),
    'the end of what ran',
  );
  await other.bindOnly(async () => {
    const text = tasks.concat([blob('fine')]);
    text.output.keep();
    await other.submit();
    expect(await (await text.output.fetch()).getStr()).toBe('fine');
  });
  await session.close();
  await session.close();
});

test('with onFailure: continue only what needs the failed task fails', async () => {
  const { client } = await startCluster();
  const session = await openSession(client, { onFailure: 'continue' });
  await session.bindOnly(async () => {
    const bad = tasks.execute('false', { stdout: true });
    const needs = tasks.concat([bad]);
    const free = tasks.concat([blob('a'), blob('b')]);
    session.keepAll();
    await session.submit();
    expect(await failureOf(() => session.waitAll())).toBeInstanceOf(TaskException);
    expect([bad.state, needs.state, free.state]).toEqual(['failed', 'failed', 'finished']);
    expect(await (await free.output.fetch()).getStr()).toBe('ab');
    expect(await failureOf(() => session.wait([bad]))).toBeInstanceOf(TaskException);
    expect(await failureOf(() => needs.output.fetch())).toBeInstanceOf(TaskException);
    const more = tasks.concat([free.output]);
    await session.submit();
    await session.wait([more]);
    expect(await session.waitSome([bad, more])).toEqual([[bad, more], []]);
  });
});

test('a client that leaves takes its sessions with it: their tasks are stopped and their objects removed', async () => {
  const { server, client } = await startCluster();
  const marker = join(temporaryFolder(), 'runs');
  const leaver = userOf(server);
  const session = await leaver.newSession();
  await session.bindOnly(async () => {
    tasks.concat([blob('a'), blob('b')]).output.keep();
    endless(marker);
    await session.submit();
  });
  await until(() => existsSync(marker), 'the long task');
  await leaver.close();
  await until(async () => {
    const { clients } = await client.getServerInfo();
    return clients.every(({ tasks: running, objects }) => running.length === 0 && objects.length === 0);
  }, 'nothing of it to be left');
  await expect(leaver.newSession()).rejects.toMatchObject({ code: 'ERR_ENDED' });
});

test('waiting ends by its timeout or its signal, and what it waited for goes on', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const folder = temporaryFolder();
  await session.bindOnly(async () => {
    const gate = join(folder, 'gate');
    const task = tasks.execute(`until [ -e ${gate} ]; do sleep 0.05; done; echo through`, { shell: true, stdout: true });
    task.output.keep();
    await session.submit();
    for (const call of [
      () => session.waitAll({ timeout: '50ms' }),
      () => session.wait([task], { timeout: 0.05 }),
      () => task.output.fetch({ timeout: '50ms' }),
      () => session.waitSome([task.output], { timeout: '50ms' }),
    ])
      expect((await failureOf(call)).code).toBe('ERR_TIMEOUT');
    const stop = new AbortController();
    const waiting = failureOf(() => task.wait({ signal: stop.signal }));
    stop.abort();
    expect((await waiting).code).toBe('ERR_ABORTED');
    tasks.execute(`touch ${gate}`);
    await session.submit();
    expect(await (await task.output.fetch()).getStr()).toBe('through\n');
  });
});

test('waiting for an object waits until it is there', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const gate = join(temporaryFolder(), 'gate');
  await session.bindOnly(async () => {
    const { output } = tasks.execute(`until [ -e ${gate} ]; do sleep 0.05; done`, { shell: true, stdout: true });
    await session.submit();
    expect((await failureOf(() => session.wait([output], { timeout: '100ms' }))).code).toBe('ERR_TIMEOUT');
    expect(output.state).toBe('unfinished');
    writeFileSync(gate, '');
    await output.wait();
    expect(output.state).toBe('finished');
  });
});

test('waitSome gives what has ended, tasks and objects', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const marker = join(temporaryFolder(), 'runs');
  await session.bindOnly(async () => {
    const [fast, slow] = [tasks.concat([blob('a'), blob('b')]), endless(marker)];
    await session.submit();
    const [ended, objects] = await session.waitSome([slow, fast, fast.output]);
    expect([...ended, ...objects].length).toBeGreaterThan(0);
    expect(ended.includes(slow)).toBe(false);
    await session.wait([fast, fast.output]);
    expect(await session.waitSome([slow, fast, fast.output])).toEqual([[fast], [fast.output]]);
    expect(slow.state).toBe('waiting');
  });
});

test('how far a session is can be asked and listened to, and why a task does not run', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const seen: number[] = [];
    const stop = await session.onProgress(({ finished }) => seen.push(finished), { every: '10ms' });
    for (let i = 0; i < 20; i++) tasks.concat([blob(String(i)), blob('x')]);
    await session.submit();
    await session.waitAll();
    await until(() => seen.at(-1) === 20, 'the last word');
    stop();
    expect(await session.progress()).toMatchObject({ finished: 20, failed: 0, running: 0, recomputed: 0 });
    const wide = tasks.concat([blob('a')], { cpus: 10_000 });
    await session.submit();
    expect(await session.explain(wide)).toMatch(/10,?000/);
  });
});

test('a closed session takes no more calls, and another one of the same name is another one', async () => {
  const { client } = await startCluster(0);
  const session = await client.newSession('name');
  const again = await client.newSession('name');
  expect([session.name, again.sessionId === session.sessionId]).toEqual(['name', false]);
  const kept = await session.bindOnly(() => blob('kept').keep());
  await session.submit();
  await session.close();
  await session.close();
  for (const call of [
    () => session.submit(),
    () => session.wait([kept]),
    () => session.waitSome([kept]),
    () => session.waitAll(),
    () => session.fetch(kept),
    () => session.update([kept]),
    () => session.unkeep([kept]),
    () => session.progress(),
    () => session.bindOnly(() => 1),
    () => blob('more', { session }),
  ])
    expect((await failureOf(call)).code).toBe('ERR_SESSION');
  await again.close();
});
