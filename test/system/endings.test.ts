/** How runs end: by themselves, by failure, by stop, by an abort, and what join() says of each. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  ClientThread,
  connect,
  MillraceError,
  runClient,
  runLocal,
  ServerThread,
  SubmitThread,
  serveForever,
  serveFrom,
  submitFrom,
} from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { codeOf, failureOf, functions, isAlive, pidsIn, startClient, startPair, startServer, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

interface Failure {
  id: string;
  args: string;
  outcome: string;
  exitStatus: number | null;
  signal: string | null;
}

const started = (path: string, count = 1) => until(() => pidsIn(path).length >= count, 'the start of the commands');
const ended = (path: string) => until(() => pidsIn(path).every((pid) => !isAlive(pid)), 'the end of the commands');
/** It ends when there is a file beside that of its number. */
const gated = (path: string) => `echo $$ >> ${path}; until [ -e ${path}-go ]; do sleep 0.02; done`;
const long = (path: string) => `echo $$ >> ${path}; exec sleep 600`;

it('throwOnFailure rejects with the summary when a task failed, and only then', async () => {
  const { error } = await failureOf(() => runLocal(['true', 'exit 1', 'exit 2'], { throwOnFailure: true }));
  expect(error).toBeInstanceOf(MillraceError);
  expect(error).toMatchObject({ code: 'ERR_TASK_FAILED', details: { summary: { submitted: 3, succeeded: 1, failed: 2, pending: 0 } } });
  expect(error.message).toContain('2 of 3');
  const failures = error.details.failures as Failure[];
  expect(failures.map(({ args, outcome, exitStatus }) => [args, outcome, exitStatus]).sort()).toEqual([
    ['exit 1', 'failed', 1],
    ['exit 2', 'failed', 2],
  ]);
  expect(new Set(failures.map(({ id }) => id)).size).toBe(2);
  expect(await runLocal(['true'], { throwOnFailure: true })).toMatchObject({ succeeded: 1 });
});

it('of many failures the error carries the first ten, whatever kind they are', async () => {
  const bad = { args: 'kill -9 $$', tags: { 'no tag': 1 } };
  const crash = { module: functions, name: 'no such export' };
  const source = [bad, crash, 'kill -9 $$', { args: 'sleep 600', timeout: 0.1 }, ...Array.from({ length: 30 }, () => 'true')];
  const options = { throwOnFailure: true, taskSignalwait: 0.1, numTasks: 2 };
  const { error } = await failureOf(() => runLocal(source, options));
  const of = (failures: unknown, name: string) => (failures as Failure[]).find(({ args }) => args.includes(name));
  expect(error.details.failures).toHaveLength(4);
  expect(of(error.details.failures, 'kill')).toMatchObject({ outcome: 'rejected', exitStatus: null, error: { code: 'ERR_TAG' } });
  expect(of(error.details.failures, 'export')).toMatchObject({ outcome: 'failed', error: { code: 'ERR_EXPORT_NOT_FOUND' } });
  expect((error.details.failures as Failure[]).filter(({ signal }) => signal === 'SIGKILL')).toHaveLength(1);
  expect(of(error.details.failures, 'sleep')).toMatchObject({ outcome: 'timeout' });
  const failing = Array.from({ length: 25 }, () => 'exit 1');
  const many = await failureOf(() => runLocal(failing, options));
  expect(many.error.details.failures).toHaveLength(10);
});

it('an onResult that never settles holds up neither join(timeout) nor a plain stop()', async () => {
  const called = vi.fn(() => new Promise<void>(() => {}));
  const server = await startServer({ source: ['true'], onResult: called });
  const client = await startClient(server);
  await until(() => called.mock.calls.length === 1);
  await client.join(10);
  const { error, ms } = await failureOf(() => server.join(0.2));
  expect(error.code).toBe('ERR_JOIN_TIMEOUT');
  expect(ms).toBeLessThan(2_000);
  await server.stop();
  expect(await server.join(5)).toMatchObject({ succeeded: 1 });
});

it('a drain whose time is up stops to wait for onResult too, and what is recorded is still handed over', async () => {
  const called = vi.fn(() => new Promise<void>(() => {}));
  const server = await startServer({ source: ['true', 'true', 'true'], onResult: called });
  await startClient(server);
  await until(async () => (await server.progress()).succeeded === 3).catch(() => {});
  await server.stop({ drain: true, timeout: '300ms' });
  expect(await server.join(5)).toMatchObject({ succeeded: 3 });
  expect(called).toHaveBeenCalledTimes(3);
});

it('an abort ends runLocal() while onResult never settles, before the end of the run and after it', async () => {
  for (const source of [['true'], ['true', 'sleep 600']]) {
    const controller = new AbortController();
    const called = vi.fn(() => new Promise<void>(() => {}));
    const failure = failureOf(() => runLocal(source, { onResult: called, signal: controller.signal, taskSignalwait: 0.2 }));
    await until(() => called.mock.calls.length === 1);
    controller.abort();
    expect((await failure).error.code).toBe('ERR_ABORTED');
  }
});

it('failFast ends the run at the first failure and kills what runs; with throwOnFailure it also rejects', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const failing = `until [ -s ${pids} ]; do sleep 0.01; done; exit 3`;
  const source = [long(pids), failing, ...Array.from({ length: 50 }, () => long(pids))];
  const options = { failFast: true, numTasks: 2, taskSignalwait: 0.2 };
  const summary = await runLocal(source, options);
  expect(summary).toMatchObject({ submitted: 52, failed: 1, succeeded: 0 });
  expect(summary.pending + summary.cancelled).toBe(51);
  expect(pidsIn(pids).length).toBeLessThanOrEqual(2);
  await ended(pids);
  const { error } = await failureOf(() => runLocal(source, { ...options, throwOnFailure: true }));
  expect(error).toMatchObject({ code: 'ERR_TASK_FAILED', details: { summary: { failed: 1 } } });
  await ended(pids);
});

it('join(timeout) rejects with ERR_JOIN_TIMEOUT and the component goes on', async () => {
  const { server, client } = await startPair();
  const { error, ms } = await failureOf(() => server.join(0.1));
  expect(error.code).toBe('ERR_JOIN_TIMEOUT');
  expect(ms).toBeGreaterThan(95);
  expect(await codeOf(() => client.join('50ms'))).toBe('ERR_JOIN_TIMEOUT');
  expect((await server.run('echo on')).stdout.toString()).toBe('on\n');
});

it('stop() kills what runs, and its clients end too; what was pending is said', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { server, client } = await startPair({}, { numTasks: 2 });
  await server.submit([long(pids), long(pids), 'echo never', 'echo never']);
  await started(pids, 2);
  await server.stop();
  const summary = await server.join();
  expect(summary).toMatchObject({ submitted: 4, succeeded: 0, failed: 0 });
  expect(summary.pending + summary.cancelled).toBe(4);
  // What it gave back did not fail.
  expect(await client.join(10)).toMatchObject({ succeeded: 0, failed: 0, timedOut: 0 });
  expect(client.state).toBe('ended');
  await ended(pids);
});

it('stop({ drain }) lets what runs finish and starts nothing more', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const database = join(temporaryFolder(), 'tasks.db');
  const { server, client } = await startPair({ database });
  await server.submit([gated(pids), ...Array.from({ length: 20 }, () => `echo $$ >> ${pids}`)]);
  await started(pids);
  const stopped = server.stop({ drain: true });
  writeFileSync(`${pids}-go`, '');
  await stopped;
  expect(await server.join()).toMatchObject({ submitted: 21, succeeded: 1, failed: 0, pending: 20 });
  expect(pidsIn(pids)).toHaveLength(1);
  expect(await client.join(10)).toMatchObject({ succeeded: 1 });
  // What was pending is there for the next server.
  const next = await startServer({ database, restartMode: true });
  await startClient(next);
  expect(await next.join(15)).toMatchObject({ submitted: 20, succeeded: 20, pending: 0 });
  expect(pidsIn(pids)).toHaveLength(21);
});

it('a drain that takes longer than its timeout becomes a plain stop', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { server } = await startPair();
  await server.submit([long(pids)]);
  await started(pids);
  const begun = performance.now();
  await server.stop({ drain: true, timeout: '300ms' });
  expect(performance.now() - begun).toBeGreaterThan(290);
  expect(performance.now() - begun).toBeLessThan(6_000);
  await ended(pids);
});

it('while a server is paused nothing starts, and all of it starts after', async () => {
  const { server } = await startPair();
  await server.pause();
  const result = server.run('echo later');
  await until(async () => (await server.progress()).submitted === 1);
  expect(await server.progress()).toMatchObject({ pending: 1, running: 0, succeeded: 0 });
  await server.resume();
  expect((await result).stdout.toString()).toBe('later\n');
});

it('a paused client starts nothing; another one does the work', async () => {
  const { server, client } = await startPair();
  await client.pause();
  const other = await startClient(server);
  const results = await Promise.all(Array.from({ length: 5 }, () => server.run('true')));
  expect(new Set(results.map(({ clientId }) => clientId))).toEqual(new Set([other.id]));
  await other.stop();
  const waiting = server.run('true');
  await client.resume();
  expect((await waiting).clientId).toBe(client.id);
});

it('await using stops a server and its client, and a handle that has ended takes no more calls', async () => {
  let kept: ServerThread;
  {
    await using server = await ServerThread.new({ foreverMode: true, address: 'localhost:0' });
    await using client = await ClientThread.new({ address: server.address });
    kept = server;
    await server.run('true');
    expect(client.state).toBe('connected');
  }
  expect(await kept.join()).toMatchObject({ succeeded: 1 });
  await kept.stop();
  expect(await codeOf(() => kept.progress())).toBe('ERR_ENDED');
  expect(await codeOf(() => kept.submit(['true']))).toBe('ERR_ENDED');
  expect(await codeOf(() => kept.run('true'))).toBe('ERR_ENDED');
  expect(await codeOf(() => kept.tasks.count())).toBe('ERR_ENDED');
  expect(await codeOf(() => kept.pause())).toBe('ERR_ENDED');
});

it('an abort kills what runs and rejects: runLocal, serveFrom, submitFrom, the threads', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const aborting = async (call: (signal: AbortSignal) => Promise<unknown>, when: () => Promise<unknown> = async () => {}) => {
    const controller = new AbortController();
    const failure = failureOf(() => call(controller.signal));
    await when();
    controller.abort(new Error('enough'));
    const { error } = await failure;
    return [error.code, (error.cause as Error | undefined)?.message];
  };
  const aborted = ['ERR_ABORTED', 'enough'];
  const options = { taskSignalwait: 0.2 };
  expect(
    await aborting(
      (signal) => runLocal([long(pids)], { ...options, signal }),
      () => started(pids),
    ),
  ).toEqual(aborted);
  await ended(pids);

  const address: [string, number] = ['localhost', await freePort()];
  const work = (): Promise<void> => ClientThread.new({ address, ...options }).then(async (client) => void (await client.join()));
  const working: Promise<void>[] = [];
  expect(
    await aborting(
      (signal) => serveFrom([long(pids)], { address, signal }),
      async () => {
        working.push(work());
        await started(pids, 2);
      },
    ),
  ).toEqual(aborted);
  await Promise.all(working);
  await ended(pids);

  async function* endless(): AsyncGenerator<string> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      yield 'true';
    }
  }
  const server = await startServer({ foreverMode: true });
  const submitted = async () => void (await until(async () => (await server.progress()).submitted > 100));
  expect(await aborting((signal) => submitFrom(endless(), { address: server.address, signal }), submitted)).toEqual(aborted);
  expect(
    await aborting((signal) => SubmitThread.new(endless(), { address: server.address, signal }).then((it) => it.join()), submitted),
  ).toEqual(aborted);
  expect(await aborting((signal) => server.submit(endless(), { signal }), submitted)).toEqual(aborted);
  expect(await aborting((signal) => ServerThread.new({ address: 'localhost:0', signal }).then((it) => it.join()))).toEqual(aborted);
  expect(await aborting((signal) => connect(['localhost', 9], { signal, auth: 'no server is there' }))).toEqual(aborted);
  const before = AbortSignal.abort(new Error('enough'));
  expect(await codeOf(() => runLocal(['true'], { signal: before }))).toBe('ERR_ABORTED');
});

it('an abort drains serveForever() and runClient(), and they resolve', async () => {
  const address: [string, number] = ['localhost', await freePort()];
  const mark = join(temporaryFolder(), 'mark');
  const [serving, working] = [new AbortController(), new AbortController()];
  const served = serveForever({ address, signal: serving.signal });
  const worked = runClient({ address, signal: working.signal });
  await submitFrom([gated(mark), 'true'], { address });
  await started(mark);
  working.abort();
  writeFileSync(`${mark}-go`, '');
  expect(await worked).toMatchObject({ succeeded: 1, failed: 0 });
  serving.abort();
  expect(await served).toMatchObject({ submitted: 2, succeeded: 1, pending: 1 });
});

it('a client whose server does not come back ends with ERR_SERVER_LOST after reconnectTimeout', async () => {
  const port = await freePort();
  const host = await startServerProgram({ foreverMode: true, address: ['localhost', port] });
  const client = await ClientThread.new({ address: ['localhost', port], reconnectTimeout: '300ms' });
  await host.kill();
  expect(await codeOf(() => client.join(10))).toBe('ERR_SERVER_LOST');
  expect(client.state).toBe('ended');
});

it('a client with delayStart waits for that before it connects', async () => {
  const server = await startServer({ foreverMode: true });
  const begun = performance.now();
  await startClient(server, { delayStart: '300ms' });
  expect(performance.now() - begun).toBeGreaterThanOrEqual(299);
  await startClient(server, { delayStart: -0.1 });
});
