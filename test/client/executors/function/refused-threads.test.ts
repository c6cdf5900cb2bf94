/** The system refuses threads (`EAGAIN`, as a limit on processes makes it do) or open files: calls are given back, and none of them begins afterwards. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { execution } from '../harness.ts';
import { call, openFunctions, resultOf } from './open-functions.ts';

// The module object that the pool reads the class from whenever it makes a thread.
const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown };
const real = threads.Worker;
afterEach(() => {
  threads.Worker = real;
});

/** As Node does when the system has no thread for it. */
class RefusedWorker {
  constructor() {
    throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  }
}

it('a call that found no thread is given back, and does not begin afterwards when there is one', async () => {
  const { executor, ends, begun, run } = openFunctions();
  // Loads what makes threads, and ends the one that it has: the next call needs a new one.
  await run(call('exits'));
  threads.Worker = RefusedWorker;
  const refused = call('untilAborted', begun);
  executor.start(0, [refused]);
  await new Promise(setImmediate);
  executor.signal(0, 'SIGKILL');
  expect((await ends.of(refused.key)).notStarted).toMatchObject({ code: 'ERR_THREAD' });
  threads.Worker = real;
  for (const slot of [0, 1]) {
    const next = call('add', 2, slot);
    executor.start(slot, [next]);
    expect(resultOf(await ends.of(next.key))).toBe(2 + slot);
  }
  expect(existsSync(begun)).toBe(false);
  expect(ends.failures).toEqual([]);
});

it('threads that are refused on many slots at once end nothing, and each slot has one when the system has', async () => {
  const { executor, ends } = openFunctions({ slots: 30 });
  threads.Worker = RefusedWorker;
  const calls = Array.from({ length: 30 }, (_, slot) => {
    const one = call('add', slot, 1);
    executor.start(slot, [one]);
    return one;
  });
  for (const { key } of calls) expect((await ends.of(key)).notStarted).toMatchObject({ code: 'ERR_THREAD' });
  threads.Worker = real;
  const next = call('add', 2, 2);
  executor.start(29, [next]);
  expect(resultOf(await ends.of(next.key))).toBe(4);
  expect(ends.failures).toEqual([]);
});

it('a call whose module cannot be loaded for want of open files is given back, and the next thread loads it', async () => {
  const mark = join(mkdtempSync(join(tmpdir(), 'functions-test-')), 'mark');
  onTestFinished(() => rmSync(dirname(mark), { recursive: true }));
  const { executor, ends } = openFunctions({ environment: { MARK: mark } });
  const answer = () => execution(`${new URL('./short-of-files.mjs', import.meta.url).href}#answer`);
  const first = [call('add', 1, 1), answer()];
  executor.start(0, first);
  expect(resultOf(await ends.of(first[0]!.key))).toBe(2);
  expect(resultOf(await ends.of(first[1]!.key))).toBe(42);
  rmSync(mark);
  const second = answer();
  executor.start(1, [second]);
  expect((await ends.of(second.key)).notStarted).toMatchObject({ code: 'ERR_THREAD' });
  const third = answer();
  executor.start(1, [third]);
  expect(resultOf(await ends.of(third.key))).toBe(42);
  expect(ends.failures).toEqual([]);
});
