import { describe, expect, onTestFinished, test } from 'vitest';
import { batch, bounded, byReference, control, type Remote, release } from '../../src/remote/index.ts';
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

  test('may be plain objects that are marked: what is marked stays where it is, as data, in lists, batches and streams; all beside it is copied', async () => {
    interface State {
      readonly volume: PromiseLike<number>;
    }
    const state = byReference({ volume: 3, secret: 'kept' }, { expose: ['volume'] });
    const beside = { volume: 4 };
    class Studio {
      state(): object {
        return state;
      }
      all(): object {
        return { states: [state, beside], deep: { state } };
      }
      *each(): Generator<object> {
        yield state;
        yield beside;
      }
      async volume(given: object): Promise<number> {
        return (given as State).volume;
      }
      own(given: object): boolean {
        return given === state;
      }
    }
    const daemon = await openDaemon();
    const studio = openProxy<Studio>(daemon.register(new Studio()));
    const remote = (await studio.state()) as State;
    expect([await remote.volume, await studio.own(remote)]).toEqual([3, true]);
    expect(await failure((remote as unknown as { secret: PromiseLike<string> }).secret)).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    state.volume = 5;
    expect(await remote.volume).toBe(5);
    expect(await studio.all()).toEqual({ states: [remote, { volume: 4 }], deep: { state: remote } });
    const items: unknown[] = [];
    for await (const item of await studio.each()) items.push(item);
    expect([items[0] === remote, items[1]]).toEqual([true, { volume: 4 }]);
    const calls = batch(studio);
    calls.state();
    calls.own({ volume: 3 });
    expect([...(await calls())]).toEqual([remote, false]);
    const own = byReference({ volume: 7 }, { expose: ['volume'] });
    const asked = batch(studio);
    asked.volume(own);
    own.volume = 8;
    expect([await studio.volume(own), ...(await asked())]).toEqual([8, 8]);
    // A list is told apart as well; a copy of what is marked is not.
    const list = byReference([1, 2], { expose: ['at', 'length'] });
    expect(await studio.own({ ...own })).toBe(false);
    const sizes = openProxy<{ size(list: object): Promise<number> }>(
      daemon.register({ size: async (items: unknown[]) => await items.length }),
    );
    list.push(3);
    expect([await sizes.size(list), await sizes.size([...list])]).toEqual([3, 3]);
  });

  test('have their attributes read and set, their calls bounded and their methods named by control, but no connection of their own', async () => {
    class Player {
      songs: string[] = [];
      #volume = 3;
      get volume(): number {
        return this.#volume;
      }
      set volume(value: number) {
        if (!(value >= 0)) throw new RangeError('no volume');
        this.#volume = value;
      }
      get sung(): string[] {
        return this.songs;
      }
      note(song: string): void {
        this.songs.push(song);
      }
      never(): Promise<void> {
        return new Promise(() => {});
      }
    }
    const daemon = await openDaemon();
    const studio = openProxy<{ player(): Promise<Remote<Player>>; again(player: unknown): Promise<Remote<Player>> }>(
      daemon.register({ player: () => byReference(new Player()), again: (player: object) => player }),
    );
    const player = await studio.player();
    expect(() => {
      (player as unknown as { volume: number }).volume = 9;
    }).toThrow(/control\(remote\)\.set\('volume'/);
    const held = control(player);
    expect([held.connected, held.methods]).toEqual([true, null]);
    await held.set('volume', 9);
    expect([await player.volume, await held.get('volume')]).toEqual([9, 9]);
    expect(await failure(held.set('volume', -1))).toMatchObject({ name: 'RangeError' });
    expect(await failure(held.set('songs', []))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect([await held.bind(), held.methods, held.attributes]).toEqual([false, ['note', 'never'], ['volume', 'sung']]);
    held.oneway.add('note');
    expect(await player.note('one')).toBeUndefined();
    expect(await failure((player.note as (song: unknown) => Promise<void>)(Symbol('no')))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await player.sung).toEqual(['one']);
    held.timeout = 0.05;
    expect(await failure(player.never())).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect([held.timeout, held.equals(await studio.again(player)), held.equals(await studio.player()), held.equals(5)]).toEqual([
      0.05,
      true,
      false,
      false,
    ]);
    const calls = held.batch();
    calls.note('two');
    await calls();
    expect(await held.async().note('three').wait(20)).toBe(true);
    for (const none of [() => held.uri, () => held.copy(), () => held.maxRetries])
      expect(none).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(await failure(held.reconnect())).toMatchObject({ code: 'ERR_OPTION' });
    held.release();
    expect([held.connected, (await failure(player.volume)).code]).toEqual([false, 'ERR_OBJECT']);
    // A bounded form of a remote object has what the object has.
    expect(() => control(bounded(studio, { timeout: 1 }))).toThrow(/take control\(remote\)/);
  });

  test('are plain objects that a daemon has registered, as long as it has them', async () => {
    const daemon = await openDaemon();
    const state = { volume: 3 };
    const give = openProxy<{ state(): Promise<unknown> }>(daemon.register({ state: () => state }));
    expect(await give.state()).toEqual({ volume: 3 });
    daemon.register(state, 'state', { expose: ['volume'] });
    const given = (await give.state()) as { volume: PromiseLike<number> };
    state.volume = 4;
    expect(await given.volume).toBe(4);
    daemon.unregister(state);
    expect(await give.state()).toEqual({ volume: 4 });
  });
});
