import { describe, expect, onTestFinished, test } from 'vitest';
import { type CurrentCall, control, currentCall, type Daemon, locateNS, serveNames } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { auth, Calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

describe('what a method registers', () => {
  class Shop {
    readonly #daemon: Daemon;
    constructor(daemon: Daemon) {
      this.#daemon = daemon;
    }
    cart(): string {
      return this.#daemon.register(new Calculator(), undefined, { owner: currentCall() });
    }
    async late(): Promise<string> {
      const call: CurrentCall = currentCall();
      await control(openProxy<Shop>(this.#daemon.uriFor(this))).bind();
      return this.#daemon.register(new Calculator(), 'late', { owner: call });
    }
  }

  test('is freed with its caller, however late it was registered, and kept until then', async () => {
    const daemon = await openDaemon();
    const uri = daemon.register(new Shop(daemon), 'shop');
    const [one, two] = [openProxy<Shop>(uri), openProxy<Shop>(uri)];
    const carts = [await one.cart(), await two.cart(), await one.late()];
    for (const cart of carts) expect(await openProxy<Calculator>(cart).add(1, 1)).toBe(2);
    control(one).release();
    await until(async () => (await failure(openProxy<Calculator>(carts[0]!).add(1, 1))).code === 'ERR_OBJECT');
    expect(await failure(openProxy<Calculator>(carts[2]!).add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
    expect(await openProxy<Calculator>(carts[1]!).add(1, 1)).toBe(2);
    expect(await openProxy<Shop>(uri).cart()).toContain('mill:obj_');
  });

  test('is freed at once when its caller has gone meanwhile', async () => {
    const daemon = await openDaemon();
    let call: CurrentCall | null = null;
    const object = {
      go(): void {
        call = currentCall();
      },
    };
    const remote = openProxy<typeof object>(daemon.register(object));
    await remote.go();
    control(remote).release();
    await until(() => daemon.sessions === 0);
    daemon.register(new Calculator(), 'cart', { owner: call! });
    expect(() => daemon.uriFor('cart')).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
  });
});

describe('the names of a daemon', () => {
  async function nameServer(port = 0): Promise<{ daemon: Daemon; place: { host: string; port: number } }> {
    const daemon = await serveNames({ address: { host: '127.0.0.1', port }, auth });
    onTestFinished(() => daemon.stop());
    return { daemon, place: daemon.address as { host: string; port: number } };
  }
  const named = async (place: { host: string; port: number }): Promise<string[]> => {
    const names = await locateNS(place, undefined, { auth });
    try {
      return [...(await names.list()).keys()];
    } finally {
      names.release();
    }
  };

  test('are told to its name server, with tags, and taken back when the object or the daemon ends', async () => {
    const { place } = await nameServer();
    const daemon = await openDaemon({ nameServer: place });
    daemon.register(new Calculator(), 'a', { name: 'calc.a', metadata: ['math'] });
    daemon.register(new Calculator(), 'b', { name: 'calc.b' });
    await daemon.named();
    expect(await openProxy<Calculator>(`millmeta:math@${place.host}:${place.port}`).add(1, 2)).toBe(3);
    expect(await named(place)).toEqual(['calc.a', 'calc.b']);
    daemon.unregister('a');
    await daemon.named();
    expect(await named(place)).toEqual(['calc.b']);
    await daemon.stop();
    expect(await named(place)).toEqual([]);
  });

  test('come back by themselves when the name server was started anew, and go where they were moved to', async () => {
    const first = await nameServer();
    const daemon = await openDaemon({ nameServer: first.place, nameLease: 0.3 });
    daemon.register(new Calculator(), 'a', { name: 'calc' });
    await daemon.named();
    await first.daemon.stop();
    const second = await nameServer(first.place.port);
    await until(async () => (await named(second.place)).length === 1);
    const other = await openDaemon({ nameServer: second.place });
    const uri = other.register(new Calculator(), 'b', { name: 'calc' });
    await other.named();
    const names = await locateNS(second.place, undefined, { auth });
    onTestFinished(() => names.release());
    expect((await names.lookup('calc')).toString()).toBe(uri);
    await daemon.stop();
    expect((await names.lookup('calc')).toString()).toBe(uri);
  });

  test('are dead when nobody renews them', async () => {
    const { place } = await nameServer();
    const names = await locateNS(place, undefined, { auth });
    onTestFinished(() => names.release());
    await names.register('short', 'mill:x@host:1', { lease: '50ms' });
    await names.register('long', 'mill:x@host:1');
    await until(async () => (await names.list()).size === 1);
    expect(await failure(names.lookup('short'))).toMatchObject({ code: 'ERR_NAME' });
    await names.register('short', 'mill:x@host:2', { safe: true });
    expect(String(await names.lookup('short'))).toBe('mill:x@host:2');
  });

  test('need a name server, are no nonsense, and are kept by a daemon that is one itself', async () => {
    const daemon = await openDaemon();
    const refused = (options: object): unknown => {
      try {
        return daemon.register(new Calculator(), 'x', options);
      } catch (error) {
        return error;
      }
    };
    expect(refused({ name: 'calc' })).toMatchObject({ code: 'ERR_OPTION', message: expect.stringContaining('nameServer') });
    expect(refused({ name: 'a b' })).toMatchObject({ code: 'ERR_NAME' });
    expect(refused({ metadata: 'math' })).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(openDaemon({ nameLease: 0.01 }))).toMatchObject({ code: 'ERR_OPTION' });
    const { daemon: own, place } = await nameServer();
    own.register(new Calculator(), 'c', { name: 'calc' });
    await own.named();
    expect(await named(place)).toEqual(['calc']);
  });
});
