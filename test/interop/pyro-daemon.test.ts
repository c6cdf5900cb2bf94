/** Python's Pyro4 and a `PyroDaemon` of ours. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { control, locateNS, PyroDaemon, proxy, release } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { askListener, Counter, called, type Music, open } from './pyro-music.ts';
import { checkPyro, pyroClient, pyroServer } from './python.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();
beforeAll(checkPyro);

describe('a client of Pyro4', () => {
  test('calls methods of ours, with arguments by name as an object', async () => {
    const { python } = await called();
    expect(await python.run('result = [proxy.add(1, 2), proxy.add(1, b=5), proxy.later(5, "late")]')).toEqual([3, 6, 'late']);
    expect(await python.run('result = [proxy.kind(x) for x in (None, 1, 2**80, "x", [1], (1,), {"a": 1}, True)]')).toEqual(
      'null number bigint string array array object boolean'.split(' '),
    );
    const values = '[None, True, 1, -1.5, 2**100, "größer 🙂", [[], {}], {"a": {"b": [1]}}]';
    expect(await python.run(`result = proxy.echo(${values}) == ${values}`)).toBe(true);
    expect(await python.run('result = repr(proxy.echo([float("nan"), float("inf"), -0.0]))')).toBe('[nan, inf, -0.0]');
    expect(await python.run('import datetime, uuid\nresult = proxy.echo([{1}, datetime.date(2020, 1, 2), {3: 4}])')).toEqual([
      [1],
      '2020-01-02',
      { '3': 4 },
    ]);
  });

  test('reads and sets attributes, and sees what there is', async () => {
    const { python, music } = await called();
    expect(await python.run('a = proxy.volume\nproxy.volume = 9\nresult = [a, proxy.volume]')).toEqual([3, 9]);
    expect(music.volume).toBe(9);
    expect(await python.failure('proxy.volume = 12')).toMatchObject({ class: 'builtins.ValueError', text: 'it goes to eleven' });
    const listed = (await python.run('proxy._pyroBind()\nresult = sorted(proxy._pyroMethods | proxy._pyroAttrs)')) as string[];
    expect(listed).toEqual('add ask broken count echo fail kind later note notes own unsayable volume'.split(' '));
    expect(
      await python.run('proxy._pyroBind()\nresult = [sorted(proxy._pyroOneway), hasattr(proxy, "echo"), hasattr(proxy, "log")]'),
    ).toEqual([['note'], true, false]);
  });

  test('reaches nothing that is not exposed, whatever it asks for', async () => {
    const { python } = await called();
    for (const name of [
      '_hidden',
      'log',
      'constructor',
      '__proto__',
      'then',
      'toString',
      'hasOwnProperty',
      'add.call',
      '',
      'counter.which',
    ])
      for (const code of [
        `proxy._pyroInvoke(${JSON.stringify(name)}, [], {})`,
        `proxy._pyroInvoke("__getattr__", [${JSON.stringify(name)}], {})`,
      ])
        expect(await python.failure(code), code).toMatchObject({ class: 'builtins.AttributeError' });
    expect(await python.failure('proxy._pyroInvoke("__setattr__", ["add", 1], {})')).toMatchObject({ class: 'builtins.AttributeError' });
    expect(await python.failure('proxy._pyroInvoke("__setattr__", ["__proto__", {"x": 1}], {})')).toMatchObject({
      class: 'builtins.AttributeError',
    });
    expect(await python.failure('Pyro4.Proxy(uri.replace("music", "absent")).add(1)')).toMatchObject({
      class: 'Pyro4.errors.CommunicationError',
      text: expect.stringContaining('unknown object'),
    });
    expect(await python.failure('proxy._pyroBind()\nproxy._pyroInvoke("add", [1, 2], {}, objectId="absent")')).toMatchObject({
      class: 'Pyro4.errors.DaemonError',
    });
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test('gets errors as exceptions of its own classes, with the stack of ours', async () => {
    const { python } = await called();
    const range = await python.failure('proxy.fail("range")');
    expect(range).toMatchObject({ class: 'builtins.ValueError', text: 'a range' });
    expect(range.trace).toMatch(/Remote traceback:[\s\S]*RangeError: a range\n[\s\S]* at Music\.fail .*pyro-music/);
    expect(await python.failure('proxy.fail("type")')).toMatchObject({ class: 'builtins.TypeError', text: 'a type' });
    expect(await python.failure('proxy.fail("key")')).toMatchObject({ class: 'builtins.KeyError', text: "'absent'" });
    expect(await python.failure('proxy.fail("plain")')).toMatchObject({ class: 'builtins.Exception', text: 'a plain' });
    expect(await python.failure('proxy.fail("coded")')).toMatchObject({ class: 'builtins.Exception', text: 'a coded' });
    expect(await python.failure('proxy.unsayable()')).toMatchObject({
      class: 'Pyro4.errors.SerializeError',
      text: expect.stringContaining("the result of 'unsayable'.deep[0]"),
    });
    expect(await python.run('result = proxy.add(1, 1)')).toBe(2);
  });

  test('sends batches and oneway calls', async () => {
    const { python, music } = await called();
    const code = `
batch = Pyro4.batch(proxy)
batch.add(1, 1)
batch.later(5, "x")
batch.fail("range")
batch.note("never")
result = []
try:
    for item in batch():
        result.append(item)
except ValueError as x:
    result.append(str(x))
`;
    expect(await python.run(code)).toEqual([2, 'x', 'a range']);
    expect(music.log).toEqual([]);
    expect(await python.run('result = [proxy.note(i) for i in range(300)][-1]')).toBeNull();
    await until(() => music.log.length === 300);
    expect(music.log).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(await python.run('b = Pyro4.batch(proxy)\nb.note("a")\nb.note("b")\nresult = [b(oneway=True), proxy.notes()[-2:]]')).toEqual([
      null,
      ['a', 'b'],
    ]);
  });

  test('reads streams, and ends them', async () => {
    const { python, music } = await called();
    expect(await python.run('result = list(proxy.count(4))')).toEqual([0, 1, 2, 3]);
    expect(music.closed).toBe(1);
    expect(await python.run('s = proxy.count(1000000)\nresult = [next(s), next(s)]\ns.close()')).toEqual([0, 1]);
    await until(() => music.closed === 2);
    expect(
      await python.run('s = proxy.broken()\nresult = [next(s)]\ntry:\n  next(s)\nexcept ValueError as x:\n  result.append(str(x))'),
    ).toEqual([1, 'in the middle']);
    expect(await python.run('s = proxy.count(5)\nnext(s)\nproxy._pyroRelease()\nproxy._pyroBind()\nresult = next(s)')).toBe(1);
  });

  test('loses a stream that it does not come back to', async () => {
    const { python, music } = await called({ streamLinger: 0.05 });
    await python.run('s = proxy.count(5)\nresult = next(s)\nkept = s.streamId');
    await until(() => music.closed === 1);
    expect(
      await python.failure('proxy._pyroBind()\nproxy._pyroInvoke("get_next_stream_item", ["gone"], {}, objectId="Pyro.Daemon")'),
    ).toMatchObject({
      class: 'Pyro4.errors.PyroError',
      text: 'item stream terminated',
    });
  });

  test('meets one instance of a class for each connection, for all, or for each call', async () => {
    const { daemon } = await open();
    const uris = (['session', 'single', 'percall'] as const).map((instances) =>
      daemon.register(class extends Counter {}, instances, { instances }),
    );
    const seen = async (uri: string | undefined): Promise<boolean[]> => {
      const twice = 'with Pyro4.Proxy(uri) as p:\n  a += [p.which(), p.which()]\n';
      const [a, b, c, d] = (await pyroClient(uri!).run(`a = []\n${twice}${twice}result = a`)) as number[];
      return [a === b, c === d, a === c];
    };
    expect(await Promise.all(uris.map(seen))).toEqual([
      [true, true, false],
      [true, true, true],
      [false, false, false],
    ]);
  });

  test('gets registered objects as proxies, and gives us its own', async () => {
    const { python, daemon, music } = await called();
    daemon.register(music.counter, 'counter');
    expect(await python.run('counter = proxy.own()\nresult = [type(counter).__name__, counter.which()]')).toEqual([
      'Proxy',
      music.counter.number,
    ]);
    expect(await python.run(askListener('daemon = Pyro4.Daemon()'))).toBe('from Node, heard KeyError');
    daemon.unregister(music.counter);
    expect(await python.failure('proxy.own()')).toMatchObject({ class: 'Pyro4.errors.SerializeError' });
  });

  test('asks the daemon for itself', async () => {
    const { python } = await called();
    const code =
      'd = Pyro4.Proxy(uri.replace("music", "Pyro.Daemon"))\nresult = [d.ping(), sorted(d.registered()), d.info().split()[0], sorted(d.get_metadata("music", as_lists=True))]';
    expect(await python.run(code)).toEqual([null, ['Pyro.Daemon', 'music'], 'Pyro.Daemon', ['attrs', 'methods', 'oneway']]);
    expect(await python.run('proxy._pyroBind()\nPyro4.message.Message.ping(proxy._pyroConnection)\nresult = proxy.add(1, 1)')).toBe(2);
  });

  test('needs the key where there is one', async () => {
    const { python, daemon } = await called({ auth: 'a secret of both' });
    expect(await python.run('result = proxy.add(1, 1)')).toBe(2);
    const other = pyroClient(daemon.uriFor('music'), { key: 'another secret' });
    expect((await other.failure('proxy.add(1, 1)')).text).toContain('message hmac mismatch');
    expect((await pyroClient(daemon.uriFor('music')).failure('proxy.add(1, 1)')).text).toContain('hmac key config not symmetric');
    expect(await python.run('result = proxy.add(1, 1)')).toBe(2);
    await expect(PyroDaemon.new({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ERR_AUTH_REQUIRED' });
    await expect(PyroDaemon.new({ host: '0.0.0.0', auth: 'short' })).rejects.toMatchObject({ code: 'ERR_AUTH_WEAK' });
  });

  test('is told what to set when it speaks another serializer than JSON', async () => {
    const { daemon } = await open();
    expect(await pyroClient(daemon.uriFor('music'), { serializer: 'serpent' }).failure('proxy.add(1, 1)')).toMatchObject({
      class: 'Pyro4.errors.CommunicationError',
      text: expect.stringContaining('set Pyro4.config.SERIALIZER = "json"'),
    });
  });

  test('is greeted as the daemon wants it', async () => {
    const { python } = await called({
      handshake: (said) => {
        if (said !== 'sesame') throw new Error('say it');
        return { welcome: said };
      },
    });
    expect(await python.failure('proxy.add(1, 1)')).toMatchObject({ text: expect.stringContaining('rejected: say it') });
    expect(await python.run('proxy._pyroHandshake = "sesame"\nresult = proxy.add(1, 1)')).toBe(2);
  });

  test('finds objects of ours in its own name server', async () => {
    const { daemon } = await open();
    const server = await pyroServer({ names: true });
    await using names = await locateNS(server.names);
    await names.register('node.music', daemon.uriFor('music'), { metadata: ['node'] });
    const python = pyroClient(daemon.uriFor('music'), { names: server.names });
    const place = 'names.split("@")[1]';
    expect(await python.run(`result = Pyro4.Proxy("PYRONAME:node.music@" + ${place}).add(20, 22)`)).toBe(42);
    expect(await python.run(`result = Pyro4.Proxy("PYROMETA:node@" + ${place}).add(20, 22)`)).toBe(42);
  });

  test('comes with many connections at once, over TCP or a unix socket, and all have gone after stop()', async () => {
    const { daemon, python } = await called();
    const code = `
results = []
def work(n):
    with Pyro4.Proxy(uri) as p:
        for i in range(20):
            results.append(p.add(n, i) == n + i)
threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
[t.start() for t in threads]
[t.join() for t in threads]
result = [len(results), all(results)]
`;
    expect(await python.run(code)).toEqual([800, true]);
    await until(() => daemon.sessions === 0);
    const socket = await open({ path: `${temporaryFolder()}/p`, host: undefined as never });
    expect(await pyroClient(socket.uri).run('result = proxy.add(1, 1)')).toBe(2);
    const { port } = daemon.address as { port: number };
    await daemon.stop();
    const refused = connect(port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

test('a proxy of ours and a PyroDaemon of ours speak Pyro with each other', async () => {
  const { uri, music } = await open({ auth: 'a secret of both' });
  const remote = proxy<Music>(uri, { auth: 'a secret of both', timeout: 20 });
  onTestFinished(() => release(remote));
  expect(await remote.add(1, 2)).toBe(3);
  await control(remote).set('volume', 5);
  expect(music.volume).toBe(5);
  const items: number[] = [];
  for await (const item of (await remote.count(3)) as unknown as AsyncIterable<number>) items.push(item);
  expect(items).toEqual([0, 1, 2]);
  await expect(remote.fail('range')).rejects.toMatchObject({ name: 'ValueError', message: 'a range' });
});
