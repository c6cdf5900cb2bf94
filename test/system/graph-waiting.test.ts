import { expect, onTestFinished, test } from 'vitest';
import { blob, Client, tasks } from '../../dist/session/index.js';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { until } from '../support/until.ts';
import { failureOf, graphKey, openSession, startCluster } from './graph-rig.ts';

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

test('every call that waits for the server ends by its time and its signal, before there is a connection and while it says nothing', async () => {
  const { server, client: other } = await startCluster(0);
  const proxy = await TcpProxy.open((server.address as { port: number }).port);
  onTestFinished(() => proxy.close());
  const clientOf = (): Client => new Client(proxy.address[0], proxy.address[1], { auth: graphKey });
  const end = async (call: (options: { timeout?: number; signal?: AbortSignal }) => unknown, words: RegExp): Promise<void> => {
    expect(await failureOf(() => call({ timeout: 0.03 }))).toMatchObject({ code: 'ERR_TIMEOUT', message: expect.stringMatching(words) });
    const abort = new AbortController();
    setImmediate(() => abort.abort(new Error('enough')));
    expect(await failureOf(() => call({ signal: abort.signal }))).toMatchObject({
      code: 'ERR_ABORTED',
      message: expect.stringMatching(words),
    });
    expect(await failureOf(() => call({ timeout: -1 }))).toMatchObject({ code: 'ERR_DURATION' });
    expect(await failureOf(() => call({ signal: 5 as never }))).toMatchObject({ code: 'ERR_OPTION' });
  };

  proxy.silence();
  const early = clientOf();
  await end((options) => early.getServerInfo(options), /^the server had not answered/);
  await end((options) => early.newSession('early', options), /^the server had not answered/);
  proxy.heal();

  const client = clientOf();
  const session = await client.newSession('a');
  const lasting = await client.newSession('b', { persistent: true });
  proxy.silence('down');
  await end((options) => client.newSession('c', { ...options, persistent: true, default: true }), /^the session was not open/);
  await end((options) => session.onProgress(() => {}, options), /^the server had not answered/);
  await end((options) => lasting.detach(options), /^the server had not let go of the session/);
  await end((options) => session.close(options), /^the server had not closed the session/);
  expect(session.active).toBe(false);
  expect(await failureOf(() => session.progress())).toMatchObject({ code: 'ERR_SESSION', message: 'the session is closed' });
  proxy.heal();
  await session.close();
  // What was opened for nobody is closed; nobody has it by default.
  await until(async () => (await other.persistentSessions()).every(({ name }) => name === 'b'), 'the sessions that were given up');
  expect(() => blob('a')).toThrow(/no session is active/);
  expect(await other.persistentSessions()).toMatchObject([{ name: 'b', attached: false }]);

  await client.newSession('d');
  proxy.silence('down');
  expect(await failureOf(() => client.close({ timeout: -1 }))).toMatchObject({ code: 'ERR_DURATION' });
  expect(await failureOf(() => client.close({ timeout: 0.03 }))).toMatchObject({
    code: 'ERR_TIMEOUT',
    message: 'the server had not ended the sessions within the time-out',
  });
  expect(await failureOf(() => client.newSession())).toMatchObject({ code: 'ERR_ENDED' });
  await early.close();
});

test('what is given to submit() counts as submitted: who asks about it without waiting for that has it all the same', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const [first, second] = [tasks.sleep(0.1, blob('a')), tasks.sleep(0.1, blob('b'))];
    for (const task of [first, second]) task.output.keep();
    const submitted = session.submit();
    await first.wait();
    expect(await (await second.output.fetch()).getStr()).toBe('b');
    await submitted;

    const more = Array.from({ length: 3 }, () => tasks.sleep(0.1, blob('c')));
    for (const task of more) task.output.keep();
    const next = session.submit();
    const unkept = more[0]!.output.unkeep();
    const [some] = await session.waitSome(more.slice(1));
    expect(some.length).toBeGreaterThan(0);
    await session.waitAll();
    await Promise.all([next, unkept, session.update(more)]);
    expect(more.map(({ state }) => state)).toEqual(['finished', 'finished', 'finished']);
    expect(more.map(({ output }) => output.isKept())).toEqual([false, true, true]);

    // One that is refused was none: who waited for it is told so.
    const gone = tasks.concat([more[0]!]);
    const refused = session.submit();
    const waiting = gone.wait();
    await expect(refused).rejects.toMatchObject({ name: 'RainException' });
    await expect(waiting).rejects.toThrow(/is not submitted/);
    // Without one on its way that is told at once, also of a stream.
    expect(() => gone.output.stream()).toThrow(/is not submitted/);
    expect(() => second.output.stream({ timout: 1 } as object)).toThrow(/Did you mean 'timeout'/);
  });
});

test('who asks about what was accepted before does not wait for a submission on its way', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const old = tasks.concat([blob('old')]).output.keep();
    await session.submit();
    const large = Buffer.alloc(1 << 20);
    for (let i = 0; i < 64; i++) blob(large);
    let isAccepted = false;
    const submitted = session.submit().then(() => {
      isAccepted = true;
    });
    expect(await (await old.fetch()).getStr()).toBe('old');
    await old.update();
    expect(isAccepted).toBe(false);
    await submitted;
  });
});

test('fifty that wait with one signal are warned of by nobody', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const { client } = await startCluster(0);
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const task = tasks.concat([blob('a')]);
    await session.submit();
    const { signal, abort } = withAbort();
    const waits = Array.from({ length: 50 }, () => failureOf(() => session.wait([task], { signal })));
    await new Promise((resolve) => setImmediate(resolve));
    abort();
    for (const { code } of await Promise.all(waits)) expect(code).toBe('ERR_ABORTED');
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

function withAbort(): { signal: AbortSignal; abort(): void } {
  const control = new AbortController();
  return { signal: control.signal, abort: () => control.abort() };
}
