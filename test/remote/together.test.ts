import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest';
import { async, BatchResults, batch, bounded, control, currentCall, type FutureResult, future } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

/** What came, in the order in which it was done; `slow` ends later than what comes after it would. */
class Journal {
  readonly #done: unknown[] = [];
  #open: (() => void)[] = [];
  note(entry: unknown): void {
    this.#done.push(entry);
  }
  async slow(entry: unknown): Promise<void> {
    await new Promise<void>((resolve) => this.#open.push(resolve));
    this.#done.push(entry);
  }
  fail(): never {
    this.#done.push('failed');
    throw new Error('nobody hears this');
  }
  goOn(): number {
    const open = this.#open;
    this.#open = [];
    for (const resolve of open) resolve();
    return open.length;
  }
  done(): unknown[] {
    return this.#done;
  }
}

describe('oneway calls', () => {
  test('give nothing back, return before the other side works, and are done in their order', async () => {
    const daemon = await openDaemon();
    const remote = openProxy<Journal>(daemon.register(new Journal()));
    control(remote).oneway.add('note').update(['slow', 'fail', 'nothing']);
    expect(await remote.note(0)).toBeUndefined();
    await remote.slow(1);
    await remote.fail();
    await (remote as unknown as { nothing(): Promise<void> }).nothing();
    for (let i = 2; i < 1_000; i += 1) remote.note(i);
    expect(await remote.done()).toEqual([0]);
    expect(await remote.goOn()).toBe(1);
    expect(await remote.done()).toEqual([0, 1, 'failed', ...Array.from({ length: 998 }, (_, i) => i + 2)]);
  });

  test('may be chosen by who registers, and run side by side where the daemon is told so', async () => {
    const daemon = await openDaemon({ onewayThreaded: true });
    const remote = openProxy<Journal>(daemon.register(new Journal(), 'j', { oneway: ['slow', 'note'] }));
    await Promise.all([remote.slow(1), remote.note(2)]);
    await remote.slow(3);
    expect(await remote.done()).toEqual([2]);
    expect(await remote.goOn()).toBe(2);
    expect(await remote.done()).toEqual([2, 1, 3]);
  });

  test('that arrived are made though their caller has gone, since it does not wait for them; not when the daemon stops', async () => {
    const daemon = await openDaemon();
    const journal = new Journal();
    const uri = daemon.register(journal, 'j', { oneway: ['slow', 'note'] });
    const remote = openProxy<Journal>(uri);
    await control(remote).bind();
    void remote.slow(1);
    void remote.note(2);
    void remote.note(3);
    await openProxy<Journal>(uri).done();
    control(remote).release();
    await until(() => daemon.sessions === 1);
    await until(() => journal.goOn() === 1);
    await until(() => journal.done().length === 3);
    expect(journal.done()).toEqual([1, 2, 3]);
    void remote.slow(4);
    void remote.note(5);
    await remote.done();
    await daemon.stop();
    await until(() => journal.goOn() === 1);
    expect(journal.done()).toEqual([1, 2, 3, 4]);
  });

  test('that cannot be sent tell who awaits them, and nobody else: they do not end the process', async () => {
    const daemon = await openDaemon();
    const uri = daemon.register(new Journal(), 'j');
    await daemon.stop();
    const unheard: unknown[] = [];
    const hear = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', hear);
    onTestFinished(() => void process.off('unhandledRejection', hear));
    const remote = openProxy<Journal>(uri);
    control(remote).oneway.add('note');
    void remote.note(1);
    const calls = batch(remote);
    calls.note(2);
    void calls({ oneway: true });
    expect(await failure(remote.note(3))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  });

  test('by the hundred thousand wait for the connection instead of costing it', async () => {
    const daemon = await openDaemon();
    const journal = {
      count: 0,
      add(text: string): void {
        this.count += text.length;
      },
    };
    const remote = openProxy<typeof journal>(daemon.register(journal, 'j', { expose: ['add', 'count'], oneway: ['add'] }));
    await control(remote).bind();
    const text = 'x'.repeat(1_000);
    for (let i = 0; i < 100_000; i += 1) remote.add(text);
    expect(await remote.count).toBe(100_000_000);
  });
});

describe('a batch', () => {
  test('sends its calls together and gives their results in order; it can be used again', async () => {
    const { remote } = await calculator();
    const calls = batch(remote);
    expect(await calls.add(1, 2)).not.toBe(3);
    calls.later('b');
    for (let i = 0; i < 1_000; i += 1) calls.add(i, 1);
    const results = await calls();
    expect([...results].slice(0, 4)).toEqual([3, 'b', 1, 2]);
    expect(results).toHaveLength(1_002);
    expect([...(await calls())]).toEqual([]);
    calls.echo(new Map([['k', undefined]]));
    expect([...(await calls())]).toEqual([new Map([['k', undefined]])]);
  });

  test('throws the error of a failed call in its place, and does not make those after it', async () => {
    const { remote } = await calculator();
    const calls = batch(remote);
    calls.store(1);
    calls.divide(1, 0);
    calls.store(2);
    const results = await calls();
    const seen: unknown[] = [];
    expect(() => {
      for (const result of results) seen.push(result);
    }).toThrow(RangeError);
    expect([seen, results.length, await remote.stored]).toEqual([[undefined], 2, 1]);
  });

  test('goes on behind a failed, unexposed or uncrossable call when it is told so', async () => {
    const daemon = await openDaemon();
    const odd = { one: () => 1, handle: () => new WeakMap(), later: async () => Promise.reject(new Error('later')) };
    const calls = batch(openProxy<typeof odd & { missing(): void }>(daemon.register(odd)));
    calls.missing();
    calls.one();
    calls.handle();
    calls.later();
    calls.one();
    const results = await calls({ continueOnError: true });
    expect(results).toBeInstanceOf(BatchResults);
    expect(
      results.settled().map((result) => (result.status === 'fulfilled' ? result.value : (result.reason.code ?? result.reason.message))),
    ).toEqual(['ERR_NOT_EXPOSED', 1, 'ERR_NOT_CLONEABLE', 'later', 1]);
  });

  test('that is given up makes no further calls', async () => {
    const daemon = await openDaemon();
    const made: number[] = [];
    const remote = openProxy<{ wait(n: number): Promise<void>; made(): number[] }>(
      daemon.register({
        wait: async (n: number) => {
          made.push(n);
          const { signal } = currentCall();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
        made: () => made,
      }),
    );
    const abort = new AbortController();
    const calls = batch(bounded(remote, { signal: abort.signal }));
    for (const n of [1, 2, 3]) calls.wait(n);
    const given = failure(calls({ continueOnError: true }));
    await until(() => made.length === 1);
    abort.abort();
    expect(await given).toMatchObject({ code: 'ERR_ABORTED' });
    expect(await remote.made()).toEqual([1]);
  });

  test('is oneway or asynchronous on request, but not both', async () => {
    const { remote } = await calculator();
    const calls = batch(remote);
    calls.store(7);
    expect(await calls({ oneway: true })).toBeUndefined();
    calls.add(1, 1);
    const later = calls({ async: true });
    expect([...(await later.value)]).toEqual([2]);
    expect(await remote.stored).toBe(7);
    expect(() => calls({ oneway: true, async: true } as { oneway: true })).toThrow(expect.objectContaining({ code: 'ERR_BATCH' }));
    expect(() => batch({})).toThrow(expect.objectContaining({ code: 'ERR_BATCH' }));
  });
});

describe('futures', () => {
  test('of a remote call have a value, know whether it is ready, and run a chain when it is', async () => {
    const { remote } = await calculator();
    const later = async(remote);
    const result = later.add(1, 2);
    expect(result.ready).toBe(false);
    expect(await result.wait()).toBe(true);
    expect([result.ready, await result.value, await result]).toEqual([true, 3, 3]);
    const chained = later.add(1, 2).then((sum: number, by: number, plus: number) => sum * by + plus, 10, 5);
    expect(await chained.then((n: number, m: number) => n + m, 1)).toBe(36);
    expectTypeOf(later.add).returns.toEqualTypeOf<FutureResult<number>>();
  });

  test('hand an error to iferror, early or late, and are silent when nobody asks', async () => {
    const { remote } = await calculator();
    const seen: unknown[] = [];
    const result = async(remote)
      .divide(1, 0)
      .then((n: number, m: number) => seen.push(n, m), 1);
    result.iferror((error) => seen.push((error as Error).message));
    expect(await failure(result.value)).toBeInstanceOf(RangeError);
    await result.wait();
    result.iferror((error) => seen.push(`late ${(error as Error).message}`));
    await until(() => seen.length === 2);
    expect(seen).toEqual(['division by zero', 'late division by zero']);
    async(remote).divide(1, 0);
  });

  test('say false when the wait was shorter than the call', async () => {
    const daemon = await openDaemon();
    const journal = openProxy<Journal>(daemon.register(new Journal()));
    const result = async(journal).slow(1);
    expect(await result.wait('20ms')).toBe(false);
    await until(async () => (await journal.goOn()) === 1);
    expect(await result.wait(10)).toBe(true);
  });

  test('of ordinary callables run once, after their delay, with their chain', async () => {
    const sum = future((a: number, b: number) => a + b);
    expect(sum.delay('1ms')).toBe(true);
    sum.then((n: number) => n * 2).then((n: number, m: unknown) => n + (m as number), 1);
    expect(await sum(20, 1).value).toBe(43);
    expect(() => sum(1, 1)).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
    expect([sum.cancel(), sum.delay(1)]).toEqual([false, false]);
    const never = future(() => 1);
    never.delay(60);
    const result = never();
    expect(never.cancel()).toBe(true);
    expect(await failure(result.value)).toMatchObject({ code: 'ERR_ABORTED' });
    const unborn = future(() => 1);
    unborn.cancel();
    expect(() => unborn()).toThrow(expect.objectContaining({ code: 'ERR_ABORTED' }));
  });
});
