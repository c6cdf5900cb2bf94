import { describe, expect, onTestFinished, test } from 'vitest';
import { byReference, type Remote, release } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

describe('callbacks', () => {
  class Hub {
    readonly listeners: Remote<(value: unknown) => unknown>[] = [];
    async each(items: unknown[], call: (item: unknown) => Promise<unknown>): Promise<unknown[]> {
      const results: unknown[] = [];
      for (const item of items) results.push(await call(item));
      return results;
    }
    make(): Calculator {
      return byReference(new Calculator());
    }
    same(a: unknown, b: unknown): boolean {
      return a === b;
    }
    give(value: unknown): unknown {
      return value;
    }
    use(calculator: Remote<Calculator>): Promise<number> {
      return calculator.add(2, 3).finally(() => release(calculator));
    }
  }

  test('are functions that were passed: they are called back over the same connection, also while a call waits for them', async () => {
    const daemon = await openDaemon();
    const hub = openProxy<{ each(items: unknown[], call: (item: number) => unknown): Promise<unknown[]> }>(daemon.register(new Hub()));
    expect(await hub.each([1, 2, 3], (n) => n * 2)).toEqual([2, 4, 6]);
    const nested = (n: number): Promise<unknown[]> => hub.each([n, n], (m) => m + 1);
    expect(await hub.each([1, 2], nested)).toEqual([
      [2, 2],
      [3, 3],
    ]);
    expect(daemon.sessions).toBe(1);
    const boom = (): never => {
      throw new TypeError('in the callback');
    };
    expect(await failure(hub.each([1], boom))).toMatchObject({ name: 'TypeError', message: 'in the callback' });
  });

  test('keep their identity, and come back as what they were', async () => {
    const daemon = await openDaemon();
    const hub = openProxy<{ same(a: unknown, b: unknown): boolean; give(value: unknown): Promise<unknown> }>(daemon.register(new Hub()));
    const call = (): number => 1;
    expect([await hub.same(call, call), await hub.give(call)]).toEqual([true, call]);
  });

  test('may be objects by reference, both ways, and are free when they are released or the connection ends', async () => {
    const daemon = await openDaemon();
    const hub = openProxy<{ make(): Promise<Remote<Calculator>>; use(object: unknown): Promise<number> }>(daemon.register(new Hub()));
    const made = await hub.make();
    expect(await made.add(4, 5)).toBe(9);
    expect(await failure((made as unknown as { _private(): Promise<unknown> })._private())).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(daemon.references).toEqual({ given: 1, got: 0 });
    release(made);
    await until(() => daemon.references.given === 0);
    expect(await failure(made.add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
    expect(await hub.use(byReference(new Calculator()))).toBe(5);
    expect(daemon.references).toEqual({ given: 0, got: 0 });
    const other = await hub.make();
    release(hub);
    await until(() => daemon.sessions === 0);
    expect(await failure(other.add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    onTestFinished(() => release(hub));
  });
});
