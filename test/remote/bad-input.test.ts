import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bounded, byReference, control, currentCall, proxy, type Remote, URI } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Calculator, calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

describe('bad input', () => {
  test('has an error of its own, here where it can be known here', async () => {
    const { remote, daemon, uri } = await calculator();
    expect(await failure(openProxy<Calculator>(`mill:nobody@${uri.split('@')[1]}`).add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
    expect(await failure(openProxy<Calculator>(uri, { auth: 'another key of them' }).add(1, 1))).toMatchObject({ code: 'ERR_AUTH' });
    expect(await failure(remote.echo(Symbol('no')))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await failure(remote.echo('x'.repeat(17 * 1024 * 1024)))).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    expect(await remote.add(1, 1)).toBe(2);
    const taken = daemon.register({
      handle: () => new WeakSet(),
      size: (n: number) => 'x'.repeat(n),
      text: () => Promise.reject('only text'),
    });
    const odd = openProxy<{ handle(): object; size(n: number): string; text(): Promise<never> }>(taken);
    expect(await failure(odd.handle())).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await failure(odd.size(17 * 1024 * 1024))).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    expect(await failure(odd.text())).toBe('only text');
    expect(await odd.size(3)).toBe('xxx');
    expect(() => daemon.register(new Calculator(), 'calculator')).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
    expect(() => daemon.register(new Calculator(), 'a b')).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
    expect(() => daemon.uriFor('nobody')).toThrow(expect.objectContaining({ code: 'ERR_OBJECT' }));
    expect(() => daemon.register(new Calculator(), 'y', { expsoe: [] } as object)).toThrow(/Did you mean 'expose'/);
    expect(() => proxy(uri, { timeot: 1 } as object)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    daemon.unregister('calculator');
    expect(await failure(remote.add(1, 1))).toMatchObject({ code: 'ERR_OBJECT' });
    expect(() => control({} as Remote<Calculator>)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => currentCall()).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
    expect(() => byReference(5 as unknown as object)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });

  test('is refused where it is given, also where only its kind is wrong', async () => {
    const { remote, daemon, uri } = await calculator();
    const wrong = (give: () => unknown, code = 'ERR_OPTION'): void => expect(give, String(give)).toThrow(expect.objectContaining({ code }));
    wrong(() => proxy(uri, { signal: 5 as unknown as AbortSignal }));
    wrong(() => bounded(remote, { signal: {} as AbortSignal }));
    wrong(() => proxy(uri, { classes: { Point: 5 } as never }));
    wrong(() => proxy(uri, { classes: { Point: () => 1 } as never }));
    wrong(() => proxy(uri, { onCallbackError: 5 as never }));
    wrong(() => daemon.register({ a: () => 1 }, 'a', { expose: 'a' as never }));
    wrong(() => daemon.register({ a: () => 1 }, 'a', { oneway: [5] as never }));
    wrong(() => daemon.register({ a: () => 1 }, 'a', { owner: {} as never }));
    wrong(() => daemon.register((() => 1) as never, 'a'), 'ERR_OBJECT');
    wrong(() => control(remote).oneway.add(5 as never));
    wrong(() => control(remote).oneway.update('play'));
    expect([...control(remote).oneway]).toEqual([]);
    expect(await failure(openDaemon({ classes: { Point: null } as never }))).toMatchObject({ code: 'ERR_OPTION' });
    expect(await failure(openDaemon({ onCallbackError: 'log' as never }))).toMatchObject({ code: 'ERR_OPTION' });
    for (const tries of [0, -1, Number.NaN, 1.5])
      expect(await failure(control(remote).reconnect(tries)), String(tries)).toMatchObject({ code: 'ERR_OPTION' });
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('of a dead or half-closed host fails the call, not the process', async () => {
    const gone = await openDaemon();
    const uri = gone.register(new Calculator(), 'c');
    await gone.stop();
    expect(await failure(openProxy<Calculator>(uri).add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(() => gone.register(new Calculator())).toThrow(expect.objectContaining({ code: 'ERR_ENDED' }));
    const half = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end(),
    ).listen(0, '127.0.0.1');
    await once(half, 'listening');
    onTestFinished(() => void half.close());
    const { port } = half.address() as { port: number };
    expect(await failure(openProxy<Calculator>(`mill:c@127.0.0.1:${port}`).add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  test('from a stranger costs the stranger the connection and nobody else anything', async () => {
    const { remote, daemon } = await calculator();
    const { port } = daemon.address as { port: number };
    const stranger = connectSocket(port, '127.0.0.1', () => stranger.write('GET / HTTP/1.1\r\n\r\n')).on('error', () => {});
    await once(stranger, 'close');
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('in a URI is refused with what is wrong', () => {
    for (const bad of [
      '',
      'mill:',
      'mill:x',
      'mill:x@host',
      'mill:x@host:0',
      'mill:x@[[::1]]:1',
      'mill:a b@host:1',
      'mil:x@host:1',
      'PYRO:x',
      'PYRO:x@host',
      'PYRO:x@[[::1]]:4444',
      'PYROLOC:x@host:1',
      'PYROMETA:,',
      'millmeta:a,,b',
      'mill:x@./u:',
    ])
      expect(() => new URI(bad), bad).toThrow(expect.objectContaining({ code: 'ERR_URI' }));
    expect(() => new URI(5 as unknown as string)).toThrow(expect.objectContaining({ code: 'ERR_URI' }));
    expect(() => new URI('millnam:x')).toThrow(/Did you mean 'millname'/);
    for (const good of ['mill:x@host:1', 'mill:x@[::1]:80', 'mill:x@./u:/tmp/a.sock', 'millname:music@ns:9090', 'millmeta:a,b@ns:1'])
      expect(new URI(good).toString()).toBe(good);
    expect(new URI('MILLNAME:music').toString()).toBe('millname:music@localhost:50001');
    expect(new URI('millname:music@ns').port).toBe(50_001);
    for (const good of ['PYRO:x@host:1', 'PYRO:x@[::1]:80', 'PYRO:x@./u:some where/a.sock', 'PYRONAME:music@ns:1', 'PYROMETA:a,b@ns:1'])
      expect(new URI(good).toString()).toBe(good);
    expect(new URI('pyroname:music').toString()).toBe('PYRONAME:music@localhost:9090');
    expect([new URI('PYRONAME:music@ns').port, new URI('PYROMETA:a,b').tags]).toEqual([9_090, ['a', 'b']]);
    const meta = new URI('millmeta:b,a');
    expect([meta.tags, meta.host, meta.equals(new URI(meta)), JSON.stringify(meta)]).toEqual([
      ['b', 'a'],
      'localhost',
      true,
      '"millmeta:b,a@localhost:50001"',
    ]);
  });
});
