/** Answers that are nothing but bytes, over real sockets and over a carrier that copies. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { deferred } from '../../src/base/deferred.ts';
import { memoryLink } from '../../src/transport/memory.ts';
import { Peer, RawBytes } from '../../src/transport/peer.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { openConnection, openListener } from './endpoints.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

const MiB = 1024 * 1024;
/** What is asked for is so large, in bytes of this kind. */
const letter = 97;

interface World {
  readonly asker: Peer;
  readonly answerer: Peer;
  /** How often the memory of an answer came back. */
  sent(): number;
  /** Answers of requests 'held' leave. */
  release(): void;
}

type Open = (tls: boolean) => Promise<World>;

async function world(pair: () => Promise<[asker: Peer['connection'], answerer: Promise<Peer['connection']>]>): Promise<World> {
  let sent = 0;
  const gate = deferred<void>();
  const [left, right] = await pair();
  const asker = new Peer(left, { clock: systemClock });
  const answerer = new Peer(await right, {
    clock: systemClock,
    requests: async (method, size) => {
      if (method === 'held') await gate.promise;
      if (method === 'text') return 'no bytes';
      return new RawBytes(Buffer.alloc(size as number, letter), () => sent++);
    },
  });
  return { asker, answerer, sent: () => sent, release: () => gate.resolve() };
}

const overSockets: Open = (tls) =>
  world(async () => {
    const accepted = deferred<Peer['connection']>();
    const listener = await openListener({ tls: tls ? true : null, onConnection: (connection) => accepted.resolve(connection) });
    const { address, fingerprint } = listener;
    return [await openConnection(address, tls ? { tls: { fingerprint: fingerprint! } } : {}), accepted.promise];
  });

const inMemory: Open = () =>
  world(async () => {
    const link = memoryLink({ left: clientInfo, right: serverInfo });
    onTestFinished(() => link.left.destroy());
    return [link.left, Promise.resolve(link.right)];
  });

describe.each([
  ['TCP', false, overSockets],
  ['TLS', true, overSockets],
  ['a carrier that copies', false, inMemory],
] as const)('over %s', (_, tls, open) => {
  test('they arrive as they are, and in the place that was named for them', async () => {
    const { asker, sent } = await open(tls);
    const sizes = [0, 1, 1_000, 100_000, MiB, 5 * MiB];
    await Promise.all(
      sizes.map(async (size) => {
        const place = Buffer.alloc(size + 3);
        const [loose, placed] = await Promise.all([asker.request('bytes', size), asker.request('bytes', size, { into: place })]);
        for (const bytes of [loose, placed] as Uint8Array[]) expect(Buffer.from(bytes).equals(Buffer.alloc(size, letter))).toBe(true);
        expect(place.subarray(0, size).equals(Buffer.alloc(size, letter))).toBe(true);
        expect([...place.subarray(size)]).toEqual([0, 0, 0]);
      }),
    );
    await until(() => sent() === 2 * sizes.length, 'the memory of every answer to come back once');
  });

  test('other messages keep their order around them', async () => {
    const { asker } = await open(tls);
    const order: number[] = [];
    const asked = Array.from({ length: 20 }, (_, i) => asker.request('bytes', i % 2 === 0 ? 50_000 : 10).then(() => order.push(i)));
    await Promise.all(asked);
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('an answer that is too long for its place, or is no bytes, fails its request only', async () => {
    const { asker } = await open(tls);
    const place = Buffer.alloc(99_999);
    await expect(asker.request('bytes', 100_000, { into: place })).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
    await expect(asker.request('text', null, { into: place })).rejects.toMatchObject({ code: 'ERR_PROTOCOL' });
    expect(place.equals(Buffer.alloc(99_999))).toBe(true);
    expect(await asker.request('bytes', 3)).toHaveLength(3);
  });

  test('an answer above the limit of a frame is refused, and its memory comes back', async () => {
    const { asker, sent } = await open(tls);
    await expect(asker.request('bytes', 17 * MiB)).rejects.toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    await until(() => sent() === 1);
    expect(await asker.request('bytes', 3)).toHaveLength(3);
  });

  test('who has given a request up keeps its place to himself', async () => {
    const { asker, release, sent } = await open(tls);
    const place = Buffer.alloc(MiB);
    const controller = new AbortController();
    const asked = asker.request('held', MiB, { into: place, signal: controller.signal });
    controller.abort();
    await expect(asked).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    release();
    await until(() => sent() === 1);
    // Behind the late answer on the same way.
    await asker.request('bytes', 3);
    expect(place.equals(Buffer.alloc(MiB))).toBe(true);
  });

  test('the memory of what never leaves comes back too', async () => {
    const { asker, answerer, release, sent } = await open(tls);
    asker.connection.pause();
    const asked = Promise.allSettled(Array.from({ length: 8 }, () => asker.request('held', 4 * MiB)));
    // The requests are there before their asker is gone.
    asker.connection.resume();
    await asker.request('bytes', 3);
    asker.connection.pause();
    release();
    await until(() => answerer.connection.backlog > 0 || sent() === 9, 'answers to be under way');
    asker.destroy();
    await asked;
    await until(() => sent() === 9);
  });
});
