import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Daemon, RemoteStream } from '../../src/remote/index.ts';
import { dial } from '../../src/transport/dial.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { until } from '../support/until.ts';
import { auth, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

async function collected<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

class Source {
  pulled = 0;
  closed = 0;
  *sync(n: number): Generator<number> {
    yield* this.#counted(n);
  }
  async *later(n: number): AsyncGenerator<number> {
    for (const item of this.#counted(n)) {
      if (item % 100 === 0) await turn();
      yield item;
    }
  }
  async web(n: number): Promise<ReadableStream<number>> {
    const items = this.#counted(n);
    return new ReadableStream({
      pull(controller) {
        const { value, done } = items.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
  }
  node(n: number): Readable {
    return Readable.from(this.#counted(n));
  }
  iterable(): Iterable<string> {
    return {
      *[Symbol.iterator]() {
        yield 'a';
        yield 'b';
      },
    };
  }
  async *failing(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    throw new RangeError('no third', { cause: new Error('deep') });
  }
  *uncrossable(): Generator<unknown> {
    yield 1;
    yield new WeakMap();
  }
  *bytes(n: number, size: number): Generator<Uint8Array> {
    for (const item of this.#counted(n)) yield new Uint8Array(size).fill(item);
  }
  async sum(items: AsyncIterable<number>, most: number): Promise<number> {
    let sum = 0;
    for await (const item of items) {
      sum += item;
      if (item >= most) break;
    }
    return sum;
  }
  async *doubled(items: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const item of items) yield item * 2;
  }
  two(n: number): { a: Generator<number>; b: Generator<number> } {
    return { a: this.sync(n), b: this.sync(n) };
  }
  *#counted(n: number): Generator<number> {
    try {
      for (let i = 0; i < n; i += 1) {
        this.pulled += 1;
        yield i;
      }
    } finally {
      this.closed += 1;
    }
  }
}

async function source(): Promise<{ daemon: Daemon; object: Source; uri: string }> {
  const daemon = await openDaemon();
  const object = new Source();
  return { daemon, object, uri: daemon.register(object, 'source') };
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('a stream', () => {
  test('arrives in order, whatever it is there: a generator, an asynchronous one, a web stream, a stream of Node, an iterable', async () => {
    const { daemon, uri } = await source();
    const remote = openProxy<Source>(uri);
    for (const name of ['sync', 'later', 'web', 'node'] as const) {
      const stream = await remote[name](1_000);
      expect(stream).toBeInstanceOf(RemoteStream);
      expect(await collected(stream as AsyncIterable<number>)).toEqual(numbers(1_000));
    }
    expect(await collected((await remote.iterable()) as unknown as AsyncIterable<string>)).toEqual(['a', 'b']);
    const { a, b } = (await remote.two(300)) as unknown as { a: AsyncIterable<number>; b: AsyncIterable<number> };
    expect(await Promise.all([collected(a), collected(b)])).toEqual([numbers(300), numbers(300)]);
    await until(() => daemon.streams === 0);
  });

  test('may be an argument, and both at once', async () => {
    const { object, uri } = await source();
    const remote = openProxy<Source>(uri);
    expect(await remote.sum(object.later(1_000), 2_000)).toBe(499_500);
    const doubled = await remote.doubled(object.later(500));
    expect(await collected(doubled)).toEqual(numbers(500).map((n) => n * 2));
  });

  test('is closed at its far end when its reader breaks off early, on both sides', async () => {
    const { daemon, object, uri } = await source();
    const remote = openProxy<Source>(uri);
    for await (const item of await remote.later(1e9)) if (item === 250) break;
    await until(() => object.closed === 1);
    expect(await remote.sum(object.later(1e9), 120)).toBe((120 * 121) / 2);
    await until(() => object.closed === 2);
    expect(daemon.streams).toBe(0);
    const unread = await remote.sync(10);
    await unread.return?.();
    await until(() => daemon.streams === 0);
    expect(await collected(unread)).toEqual([]);
  });

  test('is pulled no further than its reader has granted, by size', async () => {
    const { object, uri } = await source();
    const remote = openProxy<Source>(uri);
    const small = await remote.sync(1e9);
    expect(object.pulled).toBe(0);
    expect(await small.next()).toEqual({ done: false, value: 0 });
    await until(() => object.pulled >= 16_000);
    await remote.iterable();
    expect(object.pulled).toBeLessThan(20_000);
    await small.return?.();
    object.pulled = 0;
    const large = await remote.bytes(1_000, 256 * 1024);
    const { value } = await large.next();
    expect(value).toEqual(new Uint8Array(256 * 1024));
    await remote.iterable();
    expect(object.pulled).toBeLessThan(10);
    await large.return?.();
  });

  test('tells an error of its far end in its place, and an item that cannot cross', async () => {
    const { object, uri } = await source();
    const remote = openProxy<Source>(uri);
    const items: number[] = [];
    const failing = await remote.failing();
    const error = await failure(
      (async () => {
        for await (const item of failing) items.push(item);
      })(),
    );
    expect(error).toMatchObject({ name: 'RangeError', message: 'no third', cause: expect.objectContaining({ message: 'deep' }) });
    expect(items).toEqual([1, 2]);
    expect(await failing.next()).toEqual({ done: true, value: undefined });
    expect(await failure(collected(await remote.uncrossable()))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    const own = object.sync(3);
    expect(await remote.sum(own as unknown as AsyncIterable<number>, 9)).toBe(3);
    expect(await failure(remote.sum(own as unknown as AsyncIterable<number>, 9))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  });

  test('ends when its connection is closed in good order, and its far end is closed', async () => {
    const { daemon, object, uri } = await source();
    const remote = openProxy<Source>(uri);
    const stream = await remote.later(1e9);
    await stream.next();
    await daemon.stop();
    expect(await failure(collected(stream))).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await until(() => object.closed === 1);
  });
});

describe('a stream whose connection is lost', () => {
  async function relayed(options: object = {}): Promise<{ daemon: Daemon; object: Source; relay: TcpProxy; uri: string }> {
    const daemon = await openDaemon(options);
    const object = new Source();
    daemon.register(object, 'source');
    const relay = await TcpProxy.open((daemon.address as { port: number }).port);
    onTestFinished(() => relay.close());
    return { daemon, object, relay, uri: `mill:source@${relay.address.join(':')}` };
  }

  test('is read on over the next one: each item once, in order', async () => {
    const { daemon, object, relay, uri } = await relayed();
    const remote = openProxy<Source>(uri);
    const items: number[] = [];
    for await (const item of await remote.later(40_000)) {
      items.push(item);
      if (item % 9_000 === 4_000) relay.cut();
    }
    expect(items).toEqual(numbers(40_000));
    expect(object.pulled).toBe(40_000);
    await until(() => daemon.streams === 0);
    const short = await remote.sync(10);
    expect(await short.next()).toEqual({ done: false, value: 0 });
    relay.cut();
    expect(await collected(short)).toEqual(numbers(10).slice(1));
  });

  test('is closed when nobody reads on for so long, and says so to who comes later', async () => {
    const { daemon, object, relay, uri } = await relayed({ streamLinger: '50ms' });
    const remote = openProxy<Source>(uri);
    const stream = await remote.sync(1e9);
    await stream.next();
    relay.cut();
    await until(() => object.closed === 1);
    expect(daemon.streams).toBe(0);
    expect(await failure(collected(stream))).toMatchObject({ code: 'ERR_OBJECT' });
  });

  test('ends with it where it is an argument', async () => {
    const { relay, uri, object } = await relayed();
    const remote = openProxy<Source>(uri);
    const sum = failure(remote.sum(object.later(1e9), 1e9));
    await until(() => object.pulled > 1_000);
    relay.cut();
    expect(await sum).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await until(() => object.closed === 1);
  });
});

test('who sends more items than were asked for loses the connection', async () => {
  const daemon = await openDaemon();
  let got: AsyncIterator<unknown> | null = null;
  const object = {
    take(stream: AsyncIterable<unknown>): void {
      got = stream[Symbol.asyncIterator]();
      void got.next();
    },
  };
  daemon.register(object, 'o');
  const connection = await dial(daemon.address as { host: string; port: number }, {
    auth,
    self: { role: 'caller', id: '0190aaaa-0000-7000-8000-000000000009', host: 'there', pid: 9 },
  });
  onTestFinished(() => connection.destroy());
  let ended = false;
  connection.start({
    message: () => {},
    closed: () => {
      ended = true;
    },
  });
  connection.send([
    '?',
    1,
    'call',
    [
      'o',
      'take',
      [
        ['a', 1],
        ['S', 7],
      ],
      1,
    ],
  ]);
  await until(() => got !== null);
  const large = new Uint8Array(2 ** 20);
  for (let i = 0; i < 40 && !ended; i += 1) {
    connection.send(['event', 'items', [7, [large], 0]]);
    await turn();
  }
  await until(() => ended);
});
