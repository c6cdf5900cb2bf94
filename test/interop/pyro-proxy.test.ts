/** Proxies of ours and objects of a daemon of Pyro4 that knows nothing of us. */
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  asynchronous,
  batch,
  control,
  kwargs,
  NamingError,
  PyroDaemon,
  PythonError,
  release,
  remoteTraceback,
} from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { failure, music, open } from './pyro-parts.ts';
import { checkPyro } from './python.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();
beforeAll(checkPyro);

describe('a proxy of an object of Pyro4', () => {
  test('calls its methods with arguments by place and by name', async () => {
    const [remote] = await music();
    expect(await remote.add(1, 2)).toBe(3);
    expect(await remote.add(1)).toBe(11);
    expect(await remote.add(1, kwargs({ b: 5 }))).toBe(6);
    expect(await remote.add(kwargs({ a: 2, b: 5 }))).toBe(7);
    expect(await remote.named(1, 'two', kwargs({ größe: [3] }))).toEqual([[1, 'two'], { größe: [3] }]);
    expect((await failure(remote.add())).message).toMatch(/missing 1 required positional argument/);
    expect(await failure(remote.named(kwargs({ a: 1 }), 2))).toMatchObject({ code: 'ERR_OPTION' });
  });

  test('reads and sets its attributes, and says without a round trip what is none', async () => {
    const [remote] = await music();
    expect(await remote.volume).toBe(3);
    await control(remote).set('volume', 9);
    expect([await remote.volume, await control(remote).get('volume')]).toEqual([9, 9]);
    expect(control(remote).attributes?.toSorted()).toEqual(['closed', 'volume']);
    expect(control(remote).methods).toContain('fail_own');
    const loose = remote as unknown as { vollume: PromiseLike<unknown>; _log(): Promise<unknown>; volume(): Promise<unknown> };
    const named = await failure(loose.vollume);
    expect(named).toMatchObject({ code: 'ERR_NOT_EXPOSED', message: expect.stringContaining("Did you mean 'volume'?") });
    expect(remoteTraceback(named)).toBeNull();
    expect(await failure(loose._log())).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(await failure(loose.volume())).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect((await failure(control(remote).set('closed', 1))).message).toMatch(/setter|can't set|attribute/);
  });

  test('gives and gets values as Python means them', async () => {
    const [remote] = await music();
    for (const value of [null, true, 0, -1.5, '', 'größer 🙂', [[], {}], { a: { b: [1, 'x'] } }, 2n ** 100n, -(2n ** 64n)])
      expect(await remote.echo(value)).toEqual(value);
    expect(await remote.echo([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0])).toEqual([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
    ]);
    expect(await remote.echo(undefined)).toBe(null);
    expect(await remote.echo({ a: undefined, b: new Map([['k', new Set([1, 2])]]) })).toEqual({ b: { k: [1, 2] } });
    expect(await remote.echo(new Date('2020-01-02T03:04:05.678Z'))).toBe('2020-01-02T03:04:05.678Z');
    expect(await Promise.all([1, 1.5, 2n ** 70n, 'x', [1], { a: 1 }, null].map((value) => remote.kind(value)))).toEqual(
      'int float int str list dict NoneType'.split(' '),
    );
    expect(await remote.length(Uint8Array.of(0, 255, 10))).toEqual([0, 255, 10]);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const bad of [cycle, () => 1, Symbol('x'), new (class Mine {})(), new WeakMap()])
      expect(await failure(remote.echo(bad))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('makes nothing of classes that it does not know, and instances of those that it does', async () => {
    class Point {
      readonly x = 0;
      readonly y = 0;
      get sum(): number {
        return this.x + this.y;
      }
    }
    const [remote] = await music({}, { classes: { 'geometry.Point': Point } });
    expect(await failure(remote.forged())).toMatchObject({
      code: 'ERR_NOT_CLONEABLE',
      message: expect.stringContaining('subprocess.Popen'),
    });
    const point = await remote.point();
    expect(point).toBeInstanceOf(Point);
    expect((point as Point).sum).toBe(3);
    expect(await failure(remote.echo(JSON.parse('{"__proto__":{"polluted":1}}')))).toMatchObject({ code: 'ERR_PROTOCOL' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('throws what the method raised, with the traceback of Python', async () => {
    const [remote] = await music();
    const raised = await failure(remote.fail('wrong'));
    expect(raised).toBeInstanceOf(PythonError);
    expect(raised).toMatchObject({ name: 'ValueError', pythonClass: 'builtins.ValueError', args: ['wrong', 3] });
    expect(remoteTraceback(raised)).toMatch(/^Traceback \(most recent call last\):[\s\S]*in fail\n\s+raise ValueError\(text, 3\)/);
    expect(raised.stack).toMatch(
      /^ValueError: wrong, 3\n \+--- This exception occured remotely \(Pyro\) - Remote traceback:\n \| Traceback/,
    );
    expect(await failure(remote.fail_own())).toMatchObject({
      name: 'MusicError',
      pythonClass: '__main__.MusicError',
      message: 'no such song',
    });
    expect(await failure(remote.fail_key())).toMatchObject({ name: 'KeyError', args: ['absent'] });
    const naming = await failure(remote.fail_naming());
    expect(naming).toBeInstanceOf(NamingError);
    expect(naming).toMatchObject({ code: 'ERR_NAME', message: 'unknown name: x' });
    expect(remoteTraceback(naming)).toContain('fail_naming');
  });

  test('sends a batch as one message', async () => {
    const [remote] = await music();
    const calls = batch(remote);
    expect([...(await calls())]).toEqual([]);
    calls.add(1, 1);
    calls.add(2, kwargs({ b: 2 }));
    expect([...(await calls())]).toEqual([2, 4]);
    calls.note('a');
    calls.fail('stop');
    calls.note('b');
    const results = (await calls()).settled();
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ name: 'ValueError', args: ['stop', 3] });
    expect(remoteTraceback((results[1] as PromiseRejectedResult).reason)).toContain('in fail');
    expect(await remote.log()).toEqual(['a']);
    const loose = calls as unknown as Record<string, (...args: unknown[]) => void>;
    calls.add(1, 1);
    loose.nothing?.();
    calls.fail('on');
    calls.add(3, 3);
    const all = (await calls({ continueOnError: true })).settled();
    expect(all.map((item) => (item.status === 'fulfilled' ? item.value : ((item.reason as { code?: string }).code ?? 'raised')))).toEqual([
      2,
      'ERR_NOT_EXPOSED',
      'raised',
      6,
    ]);
    calls.note('c');
    expect(await calls({ oneway: true })).toBeUndefined();
    expect(await remote.log()).toEqual(['a', 'c']);
    calls.add(5, 5);
    expect([...(await calls({ async: true }).value)]).toEqual([10]);
  });

  test('does not wait for oneway calls, whichever side says that they are', async () => {
    const [remote] = await music();
    await remote.quiet('by Python', true);
    control(remote).oneway.add('note');
    await remote.note('by us', true);
    expect(await remote.log()).toEqual([]);
    await remote.go();
    await until(async () => (await remote.log()).length === 2);
    control(remote).oneway.update(['no_such_method']);
    await (remote as unknown as { no_such_method(): Promise<void> }).no_such_method();
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('gives futures with chains, and any number of calls at once over one connection', async () => {
    const [remote, server] = await music();
    const later = asynchronous(remote).add(1, 2);
    expect(await later.wait(20)).toBe(true);
    expect(await later.then((sum: number, more: number) => sum * more, 5)).toBe(15);
    const numbers = Array.from({ length: 2_000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => remote.add(n, 1)))).toEqual(numbers.map((n) => n + 1));
    const counter = open<{ call(): number }>(server.counter);
    expect(await Promise.all([counter.call(), counter.call(), counter.call()])).toEqual([1, 2, 3]);
    const other = control(counter).copy();
    onTestFinished(() => release(other));
    expect([await other.call(), control(counter).equals(other)]).toEqual([1, true]);
  });

  test('asks for the items of a generator one by one, and closes it when the loop is left', async () => {
    const [remote] = await music();
    const heard: number[] = [];
    for await (const item of await remote.count(3)) heard.push(item);
    expect(heard).toEqual([0, 1, 2]);
    expect(await remote.closed).toBe(1);
    for await (const item of await remote.count(1_000_000)) if (item === 2) break;
    await until(async () => (await remote.closed) === 2);
    const broken = await remote.broken();
    expect(await broken.next()).toEqual({ done: false, value: 1 });
    expect(await failure(broken.next())).toMatchObject({ name: 'ValueError', message: 'in the middle' });
    expect(await broken.next()).toEqual({ done: true, value: undefined });
    const long = await remote.count(10);
    await long.next();
    control(remote).release();
    expect(await long.next()).toEqual({ done: false, value: 1 });
  });

  test('gets objects of Python as proxies, whose connections end with its own', async () => {
    const [remote] = await music();
    const songs = await Promise.all([1, 2].map((index) => remote.song(index)));
    expect(await Promise.all(songs.map((song) => song.title()))).toEqual(['song 1', 'song 2']);
    const first = control(songs[0] as never) as { connected: boolean };
    expect(first.connected).toBe(true);
    control(remote).release();
    expect(first.connected).toBe(false);
    expect(await songs[0]?.title()).toBe('song 1');
    release(songs[0]!);
  });

  test('is called back by Python on an object of a PyroDaemon', async () => {
    const [remote] = await music();
    const failed: unknown[] = [];
    const daemon = await PyroDaemon.new({ host: '127.0.0.1', onCallbackError: (error, method) => failed.push(method, String(error)) });
    onTestFinished(() => daemon.stop());
    const heard: number[] = [];
    const listener = {
      heard: async (text: string, { volume }: { volume: number }) => `${text} at ${volume}, ${await remote.add(20, 22)}`,
      fails: () => {
        throw new RangeError('not that loud');
      },
      quiet: (item: number) => void heard.push(item),
      total: () => heard.length,
    };
    daemon.register(listener, 'listener', { expose: ['heard', 'fails', 'quiet', 'total'], oneway: ['quiet'], callback: ['fails'] });
    // The method of Python waits for ours, which calls Python: over another connection, as Pyro answers one call of a connection at a time.
    const caller = control(remote).copy();
    onTestFinished(() => release(caller));
    expect(await caller.who(listener)).toBe('from Python at 3, 42');
    const [kind, text, trace] = (await remote.who_fails(listener)) as string[];
    expect([kind, text]).toEqual(['builtins.ValueError', 'not that loud']);
    expect(trace).toMatch(/RangeError: not that loud\n[\s\S]*at .*pyro-proxy\.test/);
    expect(failed).toEqual(['fails', 'RangeError: not that loud']);
    await remote.many(listener, 500);
    await until(() => heard.length === 500);
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
  });
});
