import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MillraceError } from '../../src/base/errors.ts';
import { bounded, configureRemote, control, currentCall, proxy, type Remote, remoteTraceback } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { auth, Calculator, calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

describe('calls', () => {
  test('give results and errors of the remote object, each to its own caller, any number at once', async () => {
    const { remote } = await calculator();
    expect(await remote.add(20, 22)).toBe(42);
    expect(await remote.later('x')).toBe('x');
    const sums = await Promise.all(Array.from({ length: 500 }, (_, i) => (i % 5 === 0 ? failure(remote.divide(i, 0)) : remote.add(i, 1))));
    expect(sums.filter((sum) => sum instanceof RangeError)).toHaveLength(100);
    expect(sums[7]).toBe(8);
  });

  test('throw what the method threw: its class, cause and the stack of the other side', async () => {
    const { remote } = await calculator();
    const error = await failure(remote.divide(7, 0));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: 'division by zero', cause: expect.objectContaining({ message: 'of 7' }) });
    expect(remoteTraceback(error)).toContain('Calculator.divide');
    expect(error.stack).toContain("thrown on the other side of a connection, by 'divide'");
    expect(remoteTraceback(new Error('of here'))).toBeNull();
  });

  test('come to an object in another thread over one connection of its proxy', async () => {
    const worker = new Worker(new URL('./fixtures/daemon-thread.mjs', import.meta.url), { workerData: { auth } });
    onTestFinished(async () => void (await worker.terminate()));
    const [uri] = (await once(worker, 'message')) as [string];
    const remote = openProxy<{ threadId(): number; double(list: number[]): number[] }>(uri);
    expect(await remote.threadId()).toBe(worker.threadId);
    expect(await remote.double([1, 2, 3])).toEqual([2, 4, 6]);
  });

  test('go over a unix socket and over TLS', async () => {
    const path = `${temporaryFolder()}/d.sock`;
    const local = await openDaemon({ address: { path } });
    const uri = local.register(new Calculator(), 'c');
    expect(uri).toBe(`mill:c@./u:${path}`);
    expect(await openProxy<Calculator>(uri).add(1, 1)).toBe(2);
    const secured = await openDaemon({ address: { host: 'localhost', port: 0 }, tls: true });
    expect(await openProxy<Calculator>(secured.register(new Calculator()), { tls: true }).add(2, 2)).toBe(4);
  });

  test('reach only what is exposed: nothing private, nothing of every object, nothing unlisted', async () => {
    const daemon = await openDaemon();
    const whole = openProxy<Record<string, (...args: unknown[]) => unknown>>(daemon.register(new Calculator()));
    for (const name of ['_private', 'hasOwnProperty', 'toString', '__defineGetter__', 'adds', 'memory'])
      expect(await failure(whole[name]!() as Promise<unknown>), name).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect((await failure(whole.adds!() as Promise<unknown>)).message).toContain("Did you mean 'add'?");
    const listed = daemon.register(new Calculator(), 'listed', { expose: ['add', 'memory'] });
    const part = openProxy<Calculator>(listed);
    expect([await part.add(1, 2), await part.memory]).toEqual([3, 0]);
    expect(await failure(part.store(1))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    for (const name of ['constructor', 'then', '__proto__', '_private', 'valueOf'])
      expect(() => daemon.register(new Calculator(), `x${name}`, { expose: [name] })).toThrow(
        expect.objectContaining({ code: 'ERR_NOT_EXPOSED' }),
      );
  });

  test('reach no functions that are fields of an instance, unless they are listed; those of a plain object are its methods', async () => {
    class Base {
      inherited(): string {
        return 'inherited';
      }
    }
    class Clock extends Base {
      onTick = (): string => 'a listener of its own';
      tick(): string {
        return 'tick';
      }
    }
    const daemon = await openDaemon();
    const names = async (object: object, expose?: string[]): Promise<unknown> => {
      const remote = openProxy<object>(daemon.register(object, undefined, expose === undefined ? {} : { expose }));
      await control(remote).bind();
      return control(remote).methods;
    };
    expect(await names(new Clock())).toEqual(['tick', 'inherited']);
    expect(await names(Clock)).toEqual(['tick', 'inherited']);
    expect(await names(new Clock(), ['onTick'])).toEqual(['onTick']);
    expect(await names({ play: () => 1, stop() {} })).toEqual(['play', 'stop']);
  });

  test('read attributes by await and write them by control, when they are exposed', async () => {
    const { remote } = await calculator();
    await control(remote).set('stored', 5);
    expect([await remote.stored, await control(remote).get('stored')]).toEqual([5, 5]);
    expect(await failure(control(remote).set('memory', 1))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(() => Object.assign(remote, { stored: 6 })).toThrow(expect.objectContaining({ code: 'ERR_NOT_EXPOSED' }));
    expect((await failure(control(remote).get('add'))).message).toContain('call it');
    expect([control(remote).attributes, control(remote).methods?.includes('add')]).toEqual([['stored'], true]);
  });
});

describe('a proxy', () => {
  test('is never called by await, printing, JSON, inspection, spreading or comparison', async () => {
    const { remote, daemon } = await calculator();
    const fresh = openProxy<Calculator>(daemon.uriFor('calculator'));
    expect(await Promise.resolve(fresh)).toBe(fresh);
    expect(`${fresh} ${inspect(fresh)} ${JSON.stringify({ fresh })}`).toContain('[Remote mill:calculator@');
    expect({ ...fresh }).toEqual({});
    expect(fresh === remote).toBe(false);
    expect(Object.prototype.toString.call(fresh)).toBe('[object Remote]');
    expect(control(fresh).connected).toBe(false);
    expect(daemon.sessions).toBe(0);
  });

  test('connects when it is first called, once for all who call at that moment, and again after release', async () => {
    const { remote, daemon } = await calculator();
    expect(await Promise.all([remote.add(1, 1), remote.add(2, 2), remote.later(3)])).toEqual([2, 4, 3]);
    expect(daemon.sessions).toBe(1);
    expect(await control(remote).bind()).toBe(false);
    control(remote).release();
    await until(() => daemon.sessions === 0);
    expect(await remote.add(3, 3)).toBe(6);
    control(remote).release();
    expect(await control(remote).bind()).toBe(true);
  });

  test('has a copy with its settings and a connection of its own, which equals it', async () => {
    const { remote, daemon } = await calculator();
    control(remote).timeout = 1.5;
    control(remote).oneway.add('store');
    const copy = control(remote).copy();
    onTestFinished(() => control(copy).release());
    expect(control(copy).timeout).toBe(1.5);
    expect(control(copy).oneway.has('store')).toBe(true);
    expect(control(copy).equals(remote)).toBe(true);
    expect(control(copy).equals(openProxy(daemon.register(new Calculator())))).toBe(false);
    await Promise.all([remote.add(1, 1), copy.add(1, 1)]);
    expect(daemon.sessions).toBe(2);
  });

  test('calls a method again only when it is idempotent, as often as maxRetries says', async () => {
    const daemon = await openDaemon();
    const relay = await TcpProxy.open((daemon.address as { port: number }).port);
    onTestFinished(() => relay.close());
    let calls = 0;
    const cutting = {
      safe(): number {
        calls += 1;
        if (calls < 3) relay.cut();
        return calls;
      },
      unsafe(): void {
        calls += 1;
        relay.cut();
      },
    };
    daemon.register(cutting, 'cutting', { idempotent: ['safe'] });
    const remote = openProxy<typeof cutting>(`mill:cutting@${relay.address.join(':')}`, { maxRetries: 2 });
    expect(await remote.safe()).toBe(3);
    calls = 0;
    expect(await failure(remote.unsafe())).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(calls).toBe(1);
  });

  test('does not call again for a connection that the method itself lost to others', async () => {
    const daemon = await openDaemon();
    const [gone, dead] = [await openDaemon(), new Calculator()];
    const elsewhere = openProxy<Calculator>(gone.register(dead, 'dead'));
    await gone.stop();
    let calls = 0;
    const asking = {
      ask(): Promise<number> {
        calls += 1;
        return elsewhere.add(1, 1);
      },
    };
    const remote = openProxy<typeof asking>(daemon.register(asking, 'asking', { idempotent: ['ask'] }), { maxRetries: 5 });
    expect(await failure(remote.ask())).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(calls).toBe(1);
  });

  test('reconnects to a daemon that comes back at the same place', async () => {
    const first = await openDaemon();
    const { port } = first.address as { port: number };
    const remote = openProxy<Calculator>(first.register(new Calculator(), 'c'));
    await remote.add(1, 1);
    await first.stop();
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(await failure(control(remote).reconnect(1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    const back = control(remote).reconnect();
    const second = await openDaemon({ address: { host: '127.0.0.1', port } });
    second.register(new Calculator(), 'c');
    await back;
    expect(await remote.add(2, 2)).toBe(4);
  });

  test('goes as its URI to another side, which calls the object there', async () => {
    const { remote } = await calculator();
    const other = await openDaemon();
    const relay = { use: (there: Remote<Calculator>, n: number) => there.add(n, 1).finally(() => control(there).release()) };
    const user = openProxy<{ use(there: unknown, n: number): Promise<number> }>(other.register(relay));
    expect(await user.use(remote, 41)).toBe(42);
  });
});

describe('time-outs and signals', () => {
  const patient = (): { object: { wait(): Promise<string> }; ended: string[] } => {
    const ended: string[] = [];
    const wait = (): Promise<string> => {
      const { signal } = currentCall();
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          ended.push((signal.reason as MillraceError).code);
          resolve('ended');
        }),
      );
    };
    return { object: { wait }, ended };
  };

  test('end a call here, fire the signal of the method there, and leave the connection usable', async () => {
    const daemon = await openDaemon();
    const { object, ended } = patient();
    const remote = openProxy<typeof object>(daemon.register(object, 'p'));
    // Its time may be over before a connection stands; then nobody is called.
    await control(remote).bind();
    expect(await failure(bounded(remote, { timeout: 0.05 }).wait())).toMatchObject({ code: 'ERR_TIMEOUT' });
    await until(() => ended.length === 1);
    const abort = new AbortController();
    const call = failure(bounded(remote, { signal: abort.signal }).wait());
    await control(remote).bind();
    abort.abort(new Error('enough'));
    expect(await call).toMatchObject({ code: 'ERR_ABORTED', cause: expect.objectContaining({ message: 'enough' }) });
    await until(() => ended.length === 2);
    expect(await failure(bounded(remote, { signal: abort.signal }).wait())).toMatchObject({ code: 'ERR_ABORTED' });
    expect(daemon.sessions).toBe(1);
    expect(ended).toEqual(['ERR_ABORTED', 'ERR_ABORTED']);
  });

  test('fire the signal of a running method when its caller is gone', async () => {
    const daemon = await openDaemon();
    const { object, ended } = patient();
    const remote = openProxy<typeof object>(daemon.register(object));
    const call = failure(remote.wait());
    await until(() => control(remote).connected);
    control(remote).release();
    expect(await call).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await until(() => ended.length === 1);
    expect(ended).toEqual(['ERR_CONNECTION_CLOSED']);
  });

  test('cover connecting too, and have a default for all proxies', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    onTestFinished(() => void silent.close());
    configureRemote({ timeout: '60ms' });
    onTestFinished(() => configureRemote({ timeout: null }));
    const remote = proxy<Calculator>(`mill:x@127.0.0.1:${port}`, { auth });
    expect(control(remote).timeout).toBe(0.06);
    const error = await failure(remote.add(1, 1));
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
    control(remote).release();
    const abort = new AbortController();
    const never = failure(bounded(remote, { signal: abort.signal, timeout: null }).add(1, 1));
    abort.abort();
    expect(await never).toMatchObject({ code: 'ERR_ABORTED' });
    control(remote).release();
  });
});

describe('instances of a class', () => {
  class Counter {
    #count = 0;
    next(): number {
      this.#count += 1;
      return this.#count;
    }
  }

  test.each([
    ['session', [1, 2, 1, 2]],
    ['single', [1, 2, 3, 4]],
    ['percall', [1, 1, 1, 1]],
  ] as const)('with the mode %s are as many as it says', async (instances, expected) => {
    const daemon = await openDaemon();
    const uri = daemon.register(Counter, 'counter', { instances });
    const [one, two] = [openProxy<Counter>(uri), openProxy<Counter>(uri)];
    expect([await one.next(), await one.next(), await two.next(), await two.next()]).toEqual(expected);
  });
});
