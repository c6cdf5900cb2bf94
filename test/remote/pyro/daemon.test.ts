/** A `PyroDaemon` and proxies of its objects in one process. */
import { describe, expect, test, vi } from 'vitest';
import { batch, control, kwargs, locateNS, PyroDaemon, proxy } from '../../../src/remote/index.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { failure } from '../parts.ts';
import { open, Thing, to } from './parts.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

describe('a PyroDaemon', () => {
  test('answers calls, attributes, batches and errors of Pyro to a proxy of ours', async () => {
    const { uri, daemon, thing } = await open();
    const remote = to(uri);
    expect(await remote.add(1, 2)).toBe(3);
    expect(await remote.echo({ a: [2n ** 70n, Number.NaN] })).toEqual({ a: [2n ** 70n, Number.NaN] });
    expect(await (remote.named as unknown as (named: unknown) => Promise<unknown>)(kwargs({ a: 1 }))).toEqual({ a: 1 });
    expect(await remote.ended).toBe(0);
    expect(await failure(remote.value)).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    const raised = await failure(remote.fail());
    expect(raised).toMatchObject({ name: 'MusicError', pythonClass: 'music.MusicError', args: ['no', 'song'], attributes: { track: 3 } });
    const calls = batch(remote);
    calls.add(1, 1);
    calls.fail();
    calls.add(2, 2);
    expect((await calls({ continueOnError: true })).settled().map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([daemon.sessions, daemon.uriFor(thing)]).toEqual([1, uri]);
    expect(() => daemon.register(thing)).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
    expect(() => daemon.register(new Thing(), 'Pyro.Daemon')).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
    daemon.unregister('thing');
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
    await daemon.stop();
    expect(() => daemon.register(thing)).toThrow(expect.objectContaining({ code: 'ERR_ENDED' }));
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  test('tells a method when its caller is gone, and ends its streams', async () => {
    const { uri, thing } = await open({ streamLinger: 0 });
    const remote = to(uri);
    const items = (await remote.items()) as unknown as AsyncIterable<number>;
    for await (const item of items) if (item === 3) break;
    await until(() => thing.ended === 1);
    const left = ((await remote.items()) as unknown as AsyncIterable<number>)[Symbol.asyncIterator]();
    expect(await left.next()).toEqual({ done: false, value: 0 });
    const waiting = failure(remote.forever());
    await until(() => thing.signals.length === 1);
    control(remote).release();
    expect(await waiting).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await until(() => thing.signals[0]?.aborted === true && thing.ended === 2);
  });

  test('refuses options that it has not, or that cannot be', async () => {
    const refused = async (options: object): Promise<string | undefined> => (await failure(PyroDaemon.new(options))).code;
    expect(await refused({ prot: 1 })).toBe('ERR_UNKNOWN_OPTION');
    expect(await refused({ path: '/tmp/x', port: 1 })).toBe('ERR_OPTION');
    expect(await refused({ port: 70_000 })).toBe('ERR_ADDRESS');
    expect(await refused({ host: '0.0.0.0' })).toBe('ERR_AUTH_REQUIRED');
    expect(await refused({ auth: 'short' })).toBe('ERR_AUTH_WEAK');
    expect(await refused({ connections: -1 })).toBe('ERR_OPTION');
    expect(await refused({ port: (await open()).port })).toBe('ERR_ADDRESS_IN_USE');
    expect(() => proxy('PYRO:a@b:1', { pyro: { handshak: 1 } as object })).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => proxy('mill:a@b:1', { pyro: {} })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });

  test('is no name server, and says so', async () => {
    const { port } = await open();
    expect(await failure(locateNS(`PYRO:Pyro.NameServer@127.0.0.1:${port}`, undefined, { timeout: 20 }))).toMatchObject({
      code: 'ERR_OBJECT',
    });
    expect(await failure(to(`PYRONAME:music@127.0.0.1:${port}`).add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
  });
});
