/** Peers of Pyro's wire that break its rules, on either side. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { encodeFrame, type Frame, FrameReader, flags, kinds } from '../../../src/remote/pyro/core/frame.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { failure } from '../parts.ts';
import { call, greeted, hello, open, type Raw, raw, to } from './parts.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

describe('a peer that breaks the rules of the wire', () => {
  test('loses its connection, and harms nobody', async () => {
    const { uri, port, daemon } = await open();
    const remote = to(uri);
    await remote.add(1, 1);
    const bad: ((peer: Raw) => void)[] = [
      ({ socket }) => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      ({ send }) => send(kinds.invoke, call('add', '[1,2]')),
      ({ send }) => send(kinds.ping, 'ping'),
      ({ send }) => send(kinds.connect, 'x'.repeat(70_000)),
      ({ send }) => send(kinds.connect, '{"handshake":'),
      ({ send }) => send(kinds.connect, 'null'),
      ({ send }) => send(kinds.connect, '{"handshake":"hello","object":"nothing"}', flags.metadata),
      (peer) => greeted(peer).send(kinds.connect, hello),
      (peer) => greeted(peer).send(kinds.result, '1'),
      (peer) => greeted(peer).send(kinds.invoke, '[]'),
      (peer) => greeted(peer).send(kinds.invoke, 'nonsense'),
      (peer) => greeted(peer).send(kinds.invoke, '['.repeat(1_000_000)),
      (peer) => greeted(peer).send(kinds.invoke, call('add'), flags.compressed),
    ];
    for (const [place, act] of bad.entries()) {
      const peer = await raw(port);
      act(peer);
      await until(peer.ended, `the end of number ${place}`);
    }
    await until(() => daemon.sessions === 1);
    expect(await remote.add(1, 1)).toBe(2);
  });

  test('gets an error for what is only wrong in a call', async () => {
    const { port } = await open();
    const { send, frames } = await raw(port);
    send(kinds.connect, hello, flags.metadata);
    const texts = [
      call('__getattr__'),
      call('__setattr__', '["ended"]'),
      call('constructor'),
      call('add', '[]', 'nothing'),
      call('get_next_stream_item', '["x"]', 'Pyro.Daemon'),
      call('get_metadata', '["x"]', 'Pyro.Daemon'),
      call('echo', '[{"__class__":"os.system","args":["id"]}]'),
      call('echo', '[{"__class__":"Pyro4.core.Proxy","state":["mill:a@b:1",[],[],[],0,null]}]').replace('mill:a', 'PYRO:a b'),
    ];
    for (const [place, text] of texts.entries()) send(kinds.invoke, text, 0, place + 1);
    send(kinds.invoke, call('<batch>', '[["add",[1,1],null],["add"],["add",[2,2],{}]]'), flags.batch, 50);
    send(kinds.invoke, call('close_stream', '["x"]', 'Pyro.Daemon'), 0, 51);
    send(kinds.ping, 'ping', 0, 52);
    await until(() => frames.length === texts.length + 4);
    expect(frames.slice(1, -3).map((frame) => frame.flags & flags.exception)).toEqual(texts.map(() => flags.exception));
    expect(frames.slice(-3).map(({ sequence, data }) => [sequence, data.toString().slice(0, 30)])).toEqual([
      [50, '[2,{"__class__":"Pyro4.futures'],
      [51, 'null'],
      [52, 'pong'],
    ]);
  });

  test('is waited for no longer than a greeting takes, and one too many is cut off', async () => {
    const { port, daemon } = await open({ connections: 2 });
    const idle = await raw(port);
    const second = await raw(port);
    const third = await raw(port);
    await until(third.ended);
    expect([idle.ended(), second.ended(), daemon.sessions]).toEqual([false, false, 2]);
    await until(() => idle.ended() && second.ended());
    expect(daemon.sessions).toBe(0);
  });

  test('that asks without reading is not read on', async () => {
    const { port, thing } = await open();
    const { socket, send } = await raw(port);
    send(kinds.connect, hello);
    socket.pause();
    let asked = 0;
    thing.text = (size) => {
      asked += 1;
      return 'x'.repeat(size);
    };
    for (let i = 0; i < 2_000; i += 1) send(kinds.invoke, call('text', '[1000000]'), 0, i);
    await until(() => asked > 1);
    const other = to(`PYRO:thing@127.0.0.1:${port}`);
    for (let i = 0; i < 20; i += 1) await other.add(1, 1);
    expect(asked).toBeLessThan(100);
  });

  test('by mutated frames ends at most its own connection', async () => {
    const { uri, port, daemon } = await open();
    const remote = to(uri);
    await remote.add(1, 1);
    const parts = [
      encodeFrame({ kind: kinds.connect, flags: flags.metadata, sequence: 0, text: hello }, null, 1e6),
      encodeFrame({ kind: kinds.invoke, flags: 0, sequence: 1, text: call('add', '[1,2]') }, null, 1e6),
      encodeFrame({ kind: kinds.invoke, flags: flags.batch, sequence: 2, text: call('<batch>', '[["add",[1,2],{}]]') }, null, 1e6),
      encodeFrame({ kind: kinds.invoke, flags: 0, sequence: 3, text: call('items'), annotations: { CORR: Buffer.alloc(16) } }, null, 1e6),
    ];
    const whole = Buffer.concat(parts);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    for (const changes of fc.sample(fc.array(change, { minLength: 1, maxLength: 4 }), { numRuns: 150, seed: 5 })) {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      const { socket } = await raw(port);
      socket.end(bytes);
      socket.resume();
      await once(socket, 'close');
    }
    await until(() => daemon.sessions === 1);
    expect(await remote.add(20, 22)).toBe(42);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('a daemon that breaks the rules of the wire', () => {
  /** Answers each greeting, then whatever comes by `answer`. */
  async function wrong(
    answer: (frame: Frame, socket: Socket) => Buffer | null,
    meta = '{"handshake":"hello","meta":{"methods":["add","text"],"attrs":[],"oneway":[]}}',
  ): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      const reader = new FrameReader(null, 1e8);
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        reader.push(bytes);
        for (let frame = reader.next(); frame !== null; frame = reader.next()) {
          const greeted = encodeFrame({ kind: kinds.connected, flags: flags.metadata, sequence: 0, text: meta }, null, 1e6);
          const bytesBack = frame.kind === kinds.connect ? greeted : answer(frame, socket);
          if (bytesBack !== null) socket.write(bytesBack);
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `PYRO:thing@127.0.0.1:${(server.address() as { port: number }).port}`;
  }
  const answering = (frame: Partial<Parameters<typeof encodeFrame>[0]>) => (request: Frame) =>
    encodeFrame({ kind: kinds.result, flags: 0, sequence: request.sequence, text: '1', ...frame }, null, 1e8);

  test('costs the call that it answers, or the connection', async () => {
    const cases: [(frame: Frame, socket: Socket) => Buffer | null, string][] = [
      [answering({ sequence: 999 }), 'ERR_PROTOCOL'],
      [answering({ kind: kinds.invoke }), 'ERR_PROTOCOL'],
      [answering({ text: 'nonsense' }), 'ERR_PROTOCOL'],
      [answering({ flags: flags.compressed }), 'ERR_PROTOCOL'],
      [answering({ flags: flags.stream | flags.exception }), 'ERR_NOT_CLONEABLE'],
      [answering({ text: '{"__class__":"os.system"}' }), 'ERR_NOT_CLONEABLE'],
      [answering({ text: '{"__class__":"Pyro4.errors.NoSuchError"}', flags: flags.exception }), 'PythonError'],
      [() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'ERR_PROTOCOL'],
      [
        (_, socket) => {
          socket.destroy();
          return null;
        },
        'ERR_CONNECTION_CLOSED',
      ],
      [
        (_, socket) => {
          socket.end(Buffer.from('PYRO'));
          return null;
        },
        'ERR_CONNECTION_CLOSED',
      ],
    ];
    for (const [answer, code] of cases) {
      const error = await failure(to(await wrong(answer)).add(1, 2));
      expect(error.code ?? error.constructor.name).toBe(code);
    }
    const large = await wrong(answering({ text: `"${'x'.repeat(2_000_000)}"` }));
    expect(await failure(to(large, { pyro: { maxMessageSize: '1MB' } }).text(1))).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
  });

  test('fails whoever it greets with what is no greeting', async () => {
    for (const text of ['nonsense', '1', '{"meta":{"methods":[1],"attrs":[],"oneway":[]}}', '{"__class__":"os.system"}']) {
      const uri = await wrong(answering({}), text);
      expect((await failure(to(uri).add(1, 2))).code).toMatch(/^ERR_(PROTOCOL|NOT_CLONEABLE)$/);
    }
  });

  test('is called once more for each retry that was asked for', async () => {
    let calls = 0;
    const uri = await wrong((frame, socket) => {
      calls += 1;
      if (calls === 3) return answering({ text: '42' })(frame);
      socket.destroy();
      return null;
    });
    expect(await failure(to(uri, { maxRetries: 1 }).add(1, 1))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(calls).toBe(2);
    expect(await to(uri, { maxRetries: 1 }).add(1, 1)).toBe(42);
  });
});
