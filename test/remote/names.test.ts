import { describe, expect, onTestFinished, test } from 'vitest';
import { control, type Daemon, locateNS, type NameServer, serveNames } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { auth, Calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

async function nameServer(): Promise<{ names: NameServer; place: string; daemon: Daemon }> {
  const daemon = await serveNames({ address: { host: '127.0.0.1', port: 0 }, auth });
  onTestFinished(() => daemon.stop());
  const { host, port } = daemon.address as { host: string; port: number };
  const names = await locateNS(host, port, { auth });
  onTestFinished(() => names.release());
  return { names, place: `${host}:${port}`, daemon };
}

describe('a name server', () => {
  test('keeps names and finds them; a proxy by name goes to where the object is now', async () => {
    const { names, place } = await nameServer();
    const [first, second] = [await openDaemon(), await openDaemon()];
    await names.register('music', first.register(new Calculator()));
    expect((await names.lookup('music')).toString()).toBe(first.uriFor((await names.lookup('music')).object));
    const remote = openProxy<Calculator>(`millname:music@${place}`);
    expect(await remote.add(1, 2)).toBe(3);
    await first.stop();
    await names.register('music', second.register(new Calculator()));
    await control(remote).reconnect(20);
    expect([await remote.add(2, 2), second.sessions]).toEqual([4, 1]);
  });

  test('finds objects by their tags', async () => {
    const { names, place } = await nameServer();
    const daemon = await openDaemon();
    await names.register('a', daemon.register(new Calculator(), 'a'), { metadata: ['math', 'fast'] });
    await names.register('b', daemon.register({ add: () => -1 }, 'b'), { metadata: ['math'] });
    expect(await openProxy<Calculator>(`millmeta:math,fast@${place}`).add(1, 1)).toBe(2);
    expect(await failure(openProxy<Calculator>(`millmeta:math,slow@${place}`).add(1, 1))).toMatchObject({ code: 'ERR_NAME' });
    expect([...(await names.list({ metadataAll: ['math', 'fast'] })).keys()]).toEqual(['a']);
    expect([...(await names.list({ metadataAny: ['fast', 'math'] })).keys()]).toEqual(['a', 'b']);
    await names.setMetadata('b', ['fast']);
    expect(await names.metadata('b')).toEqual(['fast']);
  });

  test('lists by prefix and pattern, keeps tags of a name that moves, and refuses what is taken when asked to', async () => {
    const { names } = await nameServer();
    for (const name of ['x.one', 'x.two', 'y.one']) await names.register(name, `mill:${name}@host:1`, { metadata: ['t'] });
    expect([...(await names.list({ prefix: 'x.' }))]).toEqual([
      ['x.one', 'mill:x.one@host:1'],
      ['x.two', 'mill:x.two@host:1'],
    ]);
    expect([...(await names.list({ regex: /one$/ })).keys()]).toEqual(['x.one', 'y.one']);
    expect(await failure(names.list({ prefix: 'x', regex: /x/ }))).toMatchObject({ code: 'ERR_OPTION' });
    await names.register('x.one', 'mill:x@host:2');
    expect([String(await names.lookup('x.one')), await names.metadata('x.one')]).toEqual(['mill:x@host:2', ['t']]);
    expect(await failure(names.register('x.one', 'mill:x@host:3', { safe: true }))).toMatchObject({ code: 'ERR_NAME' });
    expect([await names.remove('x.one'), await names.remove('x.one')]).toEqual([true, false]);
  });

  test('says what is wrong with a filter', async () => {
    const { names } = await nameServer();
    expect(await failure(names.list({ regex: '(a+)+$' as unknown as RegExp }))).toMatchObject({ code: 'ERR_OPTION' });
    for (const filter of [{ prefix: 5 }, { metadataAll: 'loud' }, { metadataAny: [5] }])
      expect(await failure(names.list(filter as object)), JSON.stringify(filter)).toMatchObject({ code: 'ERR_NAME' });
    expect(await names.list({ metadataAny: [] })).toEqual(new Map());
  });

  test('says what is wrong with a name, and is refused to who has another key', async () => {
    const { names, place } = await nameServer();
    await names.register('music', 'mill:m@host:1');
    expect(await failure(names.lookup('musik'))).toMatchObject({
      code: 'ERR_NAME',
      message: expect.stringContaining("Did you mean 'music'?"),
    });
    expect(await failure(openProxy<Calculator>(`millname:nobody@${place}`).add(1, 1))).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(names.register('a b', 'mill:m@host:1'))).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(names.register('a', 'nonsense'))).toMatchObject({ code: 'ERR_URI' });
    expect(await failure(names.register('a', 'mill:m@host:1', { metadata: ['a,b'] }))).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(names.setMetadata('nobody', []))).toMatchObject({ code: 'ERR_NAME' });
    expect(await failure(locateNS(place as `${string}:${number}`, undefined, { auth: 'another key of them' }))).toMatchObject({
      code: 'ERR_AUTH',
    });
    expect(await failure(locateNS(['127.0.0.1', 1], undefined, { auth }))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(await failure(names.list({ prefx: 'x' } as object))).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
  });
});
