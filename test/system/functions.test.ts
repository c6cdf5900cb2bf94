/** Functions as tasks: arguments and values of every kind that can be cloned, errors, time-outs, a thread that dies under its call. */
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, vi } from 'vitest';
import { task } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { functions, runAll, startPair } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

const call = (name: string, ...args: unknown[]) => ({ module: functions, name, args });

it('a function is named by URL or path and export, and its value comes back', async () => {
  const add = task<(a: number, b: number) => number>(functions, 'add');
  const { results } = await runAll([
    add(2, 3),
    { module: functions.href, args: ['world'] },
    { module: functions.pathname, name: 'add', args: ['a', 'b'] },
    call('after', 5, 'later'),
  ]);
  expect(results.map(({ value }) => value)).toEqual([5, 'hello world', 'ab', 'later']);
  expect(results[0]).toMatchObject({ kind: 'function', args: `${functions.href}#add`, command: null, exitStatus: null, signal: null });
});

it('what can be cloned goes there and comes back as it was', async () => {
  const values = [
    new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, new Set([3])],
    ]),
    new Date('2024-01-01T00:00:00.123Z'),
    2n ** 80n,
    new Uint8Array([0, 255]),
    { deep: { list: [1, [2, [3, null]]] }, text: '🙂\0', none: undefined },
    [undefined, Number.NaN, -0, Number.POSITIVE_INFINITY],
    /a+/gi,
  ];
  const { server } = await startPair();
  const { outcome, value, error } = await server.run<unknown[]>(call('echo', ...values));
  expect([outcome, error]).toEqual(['succeeded', null]);
  expect(value).toEqual(values);
  const bytes = (await server.run<[Uint8Array]>(call('echo', Buffer.from('bytes')))).value?.[0];
  expect(Buffer.from(bytes as Uint8Array).toString()).toBe('bytes');
  expect((await server.run(call('echo'))).value).toEqual([]);
});

it('an error of a function is in its result, with name, message, code and stack', async () => {
  const { summary, results } = await runAll([call('throwError'), call('reject'), call('throwText')]);
  expect(summary).toMatchObject({ failed: 3 });
  expect(results.map(({ error }) => [error?.name, error?.message, error?.code])).toEqual(
    [
      ['RangeError', 'out of range', 'E_RANGE'],
      ['TypeError', 'rejected', null],
      ['Error', 'just a text', null],
    ].map((expected) => (expected[1] === 'just a text' ? [expect.any(String), expect.stringContaining('just a text'), null] : expected)),
  );
  expect(results[0]?.error?.stack).toContain('functions.mjs');
});

it('a missing module, a missing export and one that is no function each have their code, and the others go on', async () => {
  const nowhere = pathToFileURL(`${temporaryFolder()}/nowhere.mjs`);
  const { results } = await runAll([
    { module: nowhere },
    call('nothing'),
    call('constant'),
    { module: 'no-such-package-here' },
    call('add', 1, 1),
  ]);
  expect(results.map(({ outcome, error }) => [outcome, error?.code])).toEqual([
    ['failed', 'ERR_MODULE_NOT_FOUND'],
    ['failed', 'ERR_EXPORT_NOT_FOUND'],
    ['failed', 'ERR_EXPORT_NOT_FOUND'],
    ['failed', 'ERR_MODULE_NOT_FOUND'],
    ['succeeded', undefined],
  ]);
});

it('an argument that cannot be cloned is refused where it is given, a value that cannot be cloned fails its task', async () => {
  const { server } = await startPair();
  await expect(server.run(call('echo', () => 1))).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  const { outcome, error } = await server.run(call('makeFunction'));
  expect([outcome, error?.code]).toEqual(['failed', 'ERR_NOT_CLONEABLE']);
  expect(await server.submit([call('echo', Symbol('x')), call('add', 1, 2)])).toMatchObject({ submitted: 2, rejected: 1 });
});

it('a function that ends its process ends only its thread, and its task fails', async () => {
  const { summary, results } = await runAll([call('exit'), call('add', 1, 2), call('exit'), call('add', 3, 4)]);
  expect(summary).toMatchObject({ succeeded: 2, failed: 2, lost: 0 });
  expect(results.map(({ value, error }) => value ?? error?.code)).toEqual(['ERR_WORKER_CRASHED', 3, 'ERR_WORKER_CRASHED', 7]);
});

it('a function that is busy for ever ends by its time-out', async () => {
  const { results } = await runAll([
    { ...call('spin', 60_000), timeout: 0.2 },
    { ...call('after', 60_000), timeout: 0.2 },
    call('add', 1, 2),
  ]);
  expect(results.map(({ outcome }) => outcome)).toEqual(['timeout', 'timeout', 'succeeded']);
});

it('a busy function never makes its client look dead', async () => {
  const { server } = await startPair({ evictAfter: 2 }, { numTasks: 1 });
  const { outcome, attempt } = await server.run(call('spin', 3_000));
  expect([outcome, attempt]).toEqual(['succeeded', 1]);
  expect(await server.progress()).toMatchObject({ retried: 0, lost: 0 });
});

it('thousands of small functions each give their own value', async () => {
  const count = 5_000;
  const { summary, results } = await runAll(Array.from({ length: count }, (_, i) => call('add', i, 1)));
  expect(summary).toMatchObject({ submitted: count, succeeded: count });
  expect(results.map(({ value }) => value)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
});

it('cwd of a function is refused with what to do', async () => {
  const { server } = await startPair();
  await expect(server.run({ ...call('add', 1, 1), cwd: '/tmp' })).rejects.toMatchObject({
    code: 'ERR_TASK',
    message: expect.stringContaining('cwd'),
  });
});

it('a client whose threads of functions never come up ends with that, and its task waits for another client', async () => {
  const gone = await temporaryFolder();
  const program = `
    import { rmdirSync } from 'node:fs';
    import { ClientThread, ServerThread } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    const server = await ServerThread.new({ address: 'localhost:0', foreverMode: true });
    const client = await ClientThread.new({ address: server.address });
    rmdirSync(process.cwd()); // No thread can be started from a folder that is gone.
    await server.submit([{ module: ${JSON.stringify(functions.href)}, name: 'add', args: [1, 2] }]);
    console.log(await client.join().catch(({ code }) => code), (await server.progress()).pending);
    await server.stop();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: gone });
  expect(stdout.trim()).toBe('ERR_THREAD 1');
}, 60_000);
