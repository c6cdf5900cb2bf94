import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers } from '../../../../src/client/executor.ts';
import { decodeValue, encodeValue } from '../../../../src/task/value.ts';
import { Ends, execution, until } from '../harness.ts';

type Options = import('../../../../src/client/executors/function/options.ts').FunctionExecutorOptions;
// Threads cannot load TypeScript here: the built executor is tested.
const built = new URL('../../../../dist/client/executors/function/function-executor.js', import.meta.url).href;
const { createFunctionExecutor } = (await import(built)) as {
  createFunctionExecutor(options: Options, handlers: ExecutorHandlers): Executor;
};
const functions = new URL('./functions.mjs', import.meta.url).href;

const open: Executor[] = [];
let folder: string;
let begun: string;
let gate: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'functions-test-'));
  begun = join(folder, 'begun');
  gate = join(folder, 'gate');
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const executor of open.splice(0)) await executor.close();
});

function openOne(options: Partial<Options> = {}): {
  executor: Executor;
  ends: Ends;
  run: (...calls: Execution[]) => Promise<ExecutionEnd[]>;
} {
  const ends = new Ends();
  const executor = createFunctionExecutor({ slots: 2, environment: { ONLY: 'this' }, ...options }, ends);
  open.push(executor);
  return {
    executor,
    ends,
    async run(...calls) {
      executor.start(0, calls);
      const all = await Promise.all(calls.map((one) => ends.of(one.key)));
      await until(() => ends.idle(0), 'the slot is idle');
      return all;
    },
  };
}

const call = (name: string, ...args: unknown[]): Execution =>
  execution(`${functions}#${name}`, { input: args.length === 0 ? null : encodeValue(args) });
const resultOf = (end: ExecutionEnd | undefined): unknown => (end?.extra?.value === undefined ? undefined : decodeValue(end.extra.value));
const errorOf = (end: ExecutionEnd | undefined): string | null | undefined => end?.extra?.error?.code;

describe('a function', () => {
  it('is handed over without a signal that the system would keep count of', async () => {
    const { run } = openOne();
    await run(call('default'));
    const listened = vi.spyOn(EventTarget.prototype, 'addEventListener');
    await run(call('default'));
    const names = listened.mock.calls.map(([name]) => name);
    listened.mockRestore();
    expect(names).not.toContain('abort');
  });

  it('is given what its call has in common with others as its last argument, and a call that has nothing is not', async () => {
    const { run } = openOne();
    const all = (common: string | Uint8Array): Execution => ({ ...call('default', 'a'), common });
    const ends = await run(all('text'), call('default', 'a', 'own'), all('text'), all('other'), all(Uint8Array.of(1)));
    expect(ends.map(resultOf)).toEqual([
      ['a', 'text'],
      ['a', 'own'],
      ['a', 'text'],
      ['a', 'other'],
      ['a', Uint8Array.of(1)],
    ]);
  });

  it('is called with its arguments, awaited, and its value comes back', async () => {
    const { run } = openOne();
    const ends = await run(call('add', 1, 2), call('slowly', 5, { late: true }), call('default', 'a', null), call('nothing'));
    expect(ends.map(resultOf)).toEqual([3, { late: true }, ['a', null], undefined]);
    expect(ends.every((end) => end.outcome === 'succeeded' && end.exitStatus === null)).toBe(true);
    expect(ends[3]!.extra).toBeNull();
  });

  it('may take and give what JSON cannot hold', async () => {
    const value = { map: new Map([[1, new Date(5)]]), bytes: Uint8Array.of(0, 255), none: undefined, big: 2n ** 70n };
    const [end] = await openOne().run(call('same', value));
    expect(resultOf(end)).toEqual(value);
  });

  it('that throws fails with the name, message, code and stack of its error', async () => {
    const [end, text] = await openOne().run(call('fails', 'so'), call('throwsText'));
    expect(end).toMatchObject({ outcome: 'failed', extra: { error: { name: 'TypeError', message: 'so', code: 'E_MINE' } } });
    expect(end!.extra!.error!.stack).toContain('functions.mjs');
    expect(text).toMatchObject({ outcome: 'failed', extra: { error: { message: 'text', code: null } } });
  });

  it.each([
    ['a missing module', '/no/such/module.mjs#x', 'ERR_MODULE_NOT_FOUND'],
    ['a missing package', 'no-such-package-anywhere#x', 'ERR_MODULE_NOT_FOUND'],
    ['a module with a syntax error', 'data:text/javascript,}#x', 'ERR_MODULE_NOT_FOUND'],
    ['a missing export', `${functions}#no_such`, 'ERR_EXPORT_NOT_FOUND'],
    ['an export that is no function', `${functions}#notAFunction`, 'ERR_EXPORT_NOT_FOUND'],
    ['a result that cannot cross', `${functions}#uncloneable`, 'ERR_NOT_CLONEABLE'],
  ])('fails with a code for %s, and only it does', async (_, target, code) => {
    const ends = await openOne().run(call('add', 1, 1), execution(target), call('add', 2, 2));
    expect(ends.map(errorOf)).toEqual([undefined, code, undefined]);
    expect([resultOf(ends[0]), resultOf(ends[2])]).toEqual([2, 4]);
  });

  it('sees the environment that it was given, and its own task', async () => {
    const one = call('context');
    const [environment, context] = await openOne().run(call('environment'), one);
    expect(resultOf(environment)).toEqual({ ONLY: 'this' });
    expect(resultOf(context)).toEqual({ id: one.id, attempt: 1, slot: 0 });
  });

  it('is loaded once per thread', async () => {
    const { run } = openOne({ slots: 1 });
    expect((await run(call('count'), call('count'))).map(resultOf)).toEqual([1, 2]);
    expect((await run(call('count'))).map(resultOf)).toEqual([3]);
  });

  it('is reported before slower ones of its batch have ended', async () => {
    const { executor, ends } = openOne();
    const calls = [call('add', 1, 1), call('slowly', 5, 1), call('notes', `${folder}/notes`, 'last', gate)];
    executor.start(0, calls);
    await ends.of(calls[0]!.key);
    expect(ends.all).not.toHaveLength(3);
    writeFileSync(gate, '');
    await ends.of(calls[2]!.key);
    expect(ends.log.at(-1)).toMatchObject({ idle: true });
    expect(ends.log.slice(0, -1).every((entry) => !entry.idle)).toBe(true);
  });

  it('that is slow lets go those of its batch that wait behind it, and the ends of those before it', async () => {
    const { executor, ends, run } = openOne();
    await run(call('nothing'));
    const calls = [call('add', 1, 1), call('blocks', gate, begun), call('add', 2, 2), call('add', 3, 3)];
    executor.start(0, calls);
    await until(() => existsSync(begun), 'the slow call runs');
    executor.relieve?.(0);
    expect(ends.all.slice(1).map(({ key, notStarted }) => [key, notStarted?.code])).toEqual([
      [calls[0]!.key, undefined],
      [calls[2]!.key, 'ERR_THREAD'],
      [calls[3]!.key, 'ERR_THREAD'],
    ]);
    executor.relieve?.(0);
    writeFileSync(gate, '');
    expect(resultOf(await ends.of(calls[1]!.key))).toBe('blocked');
    await until(() => ends.idle(0), 'the slot is idle');
    expect(ends.all).toHaveLength(5);
    expect((await run(call('add', 2, 2))).map(resultOf)).toEqual([4]);
  });

  it('that is slow and then ends its thread takes with it nothing that was let go', async () => {
    const { executor, ends } = openOne();
    const calls = [call('blocksAndExits', gate, begun), call('add', 2, 2)];
    executor.start(0, calls);
    await until(() => existsSync(begun), 'the slow call runs');
    executor.relieve?.(0);
    writeFileSync(gate, '');
    expect(errorOf(await ends.of(calls[0]!.key))).toBe('ERR_WORKER_CRASHED');
    await until(() => ends.idle(0), 'the slot is idle');
    expect(ends.all.map(({ key }) => key)).toEqual([calls[1]!.key, calls[0]!.key]);
  });
});

describe('a thread that dies', () => {
  it.each([
    ['process.exit()', 'exits', {}],
    ['an error that nobody catches', 'uncaught', {}],
    ['a rejection that nobody handles', 'rejected', {}],
    ['no memory left', 'memory', { resourceLimits: { maxOldGenerationSizeMb: 24 } }],
  ])('of %s fails the running call; those before it keep their results, those after it run', async (_, name, options) => {
    const { run, ends } = openOne(options);
    const all = await run(call('add', 1, 1), call('same', 'x'.repeat(100)), call(name), call('add', 2, 2), call('count'));
    expect(all.map(errorOf)).toEqual([undefined, undefined, 'ERR_WORKER_CRASHED', undefined, undefined]);
    expect([0, 1, 3, 4].map((at) => resultOf(all[at]))).toEqual([2, 'x'.repeat(100), 4, 1]);
    expect(ends.all).toHaveLength(5);
    expect(ends.failures).toEqual([]);
  });

  it('of SIGKILL ends a busy call; what had not begun is given back', async () => {
    const { executor, ends, run } = openOne();
    const calls = [call('add', 1, 1), call('busy', begun), call('add', 2, 2)];
    executor.start(0, calls);
    await until(() => existsSync(begun), 'the call has begun');
    executor.signal(0, 'SIGINT');
    executor.signal(0, 'SIGTERM');
    executor.signal(0, 'SIGKILL');
    expect(await ends.of(calls[1]!.key)).toMatchObject({ outcome: 'failed', extra: { signal: 'SIGKILL' } });
    expect(resultOf(await ends.of(calls[0]!.key))).toBe(2);
    expect((await ends.of(calls[2]!.key)).notStarted).toMatchObject({ code: 'ERR_THREAD' });
    expect((await run(call('add', 3, 3))).map(resultOf)).toEqual([6]);
  });
});

describe('the first signal', () => {
  it.each([
    ['waits', 'untilAborted'],
    ['is busy and looks at it', 'busyUntilAborted'],
  ])('fires the AbortSignal of a function that %s; what had not begun is given back', async (_, name) => {
    const { executor, ends, run } = openOne();
    const calls = [call(name, begun), call('add', 2, 2)];
    executor.start(0, calls);
    await until(() => existsSync(begun), 'the call has begun');
    executor.signal(0, 'SIGINT');
    expect(resultOf(await ends.of(calls[0]!.key))).toBe('aborted');
    expect((await ends.of(calls[1]!.key)).notStarted).toMatchObject({ code: 'ERR_THREAD' });
    expect((await run(call('add', 3, 3))).map(resultOf)).toEqual([6]);
  });
});

describe('what a call leaves behind', () => {
  it('and fails later is not laid to the call that runs then', async () => {
    const ends = await openOne().run(call('leavesRejection'), call('slowly', 60, 'innocent'));
    expect(ends.map(resultOf)).toEqual(['done', 'innocent']);
  });
});

describe('the pool', () => {
  it('makes no thread before the first call, and close() ends a busy one without a report', async () => {
    const { executor, ends } = openOne();
    await executor.close();
    open.splice(0);
    const second = openOne();
    second.executor.start(0, [call('busy', begun)]);
    await until(() => existsSync(begun), 'the call has begun');
    await second.executor.close();
    open.splice(0);
    expect([...ends.log, ...second.ends.log]).toEqual([]);
  });

  it('reports small calls of a batch together, not one by one', async () => {
    const { run, ends } = openOne({ slots: 1 });
    await run(call('nothing'));
    await run(...Array.from({ length: 1_000 }, () => execution(`${functions}#nothing`)));
    expect(ends.all).toHaveLength(1_001);
    expect(ends.log.length).toBeLessThan(200);
  });
});
