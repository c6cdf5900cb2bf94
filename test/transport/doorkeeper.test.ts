/** Who gets in at a real listener while others fail, stand about or are too many. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limitsWith } from '../../src/protocol/limits.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { Doorkeeper, type Visitor } from '../../src/transport/doorkeeper.ts';
import { dialUntil } from '../../src/transport/reconnect.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { openConnection, openListener } from './endpoints.ts';
import { ManualClock } from './manual-clock.ts';
import { RawPeer } from './raw-peer.ts';

expectNoLeaks();

const code = (name: string) => expect.objectContaining({ code: name });
const port = (address: object): number => ('port' in address ? (address.port as number) : 0);

describe('at the door', () => {
  const limits = limitsWith({ unauthenticated: 10, unauthenticatedPerAddress: 6, connections: 4, connectionsPerAddress: 3 });
  const visitor = (origin: string | null, gone: string[], name = origin ?? 'local'): Visitor => ({
    origin,
    turnAway: () => void gone.push(name),
  });

  test('an address with too many loses its own oldest', () => {
    const keeper = new Doorkeeper(limits, new ManualClock());
    const gone: string[] = [];
    for (let i = 1; i <= 8; i++) keeper.arrive(visitor('a', gone, `a${i}`));
    keeper.arrive(visitor('b', gone));
    expect(gone).toEqual(['a1', 'a2']);
  });

  test('when there are too many in all the address with most of them loses its oldest, not the one that came first', () => {
    const keeper = new Doorkeeper(limits, new ManualClock());
    const gone: string[] = [];
    for (const name of ['b', 'c', 'd', 'e', 'f']) keeper.arrive(visitor(name, gone));
    for (let i = 1; i <= 6; i++) keeper.arrive(visitor('a', gone, `a${i}`));
    expect(gone).toEqual(['a1']);
  });

  test('unix sockets count in all, and by no address', () => {
    const keeper = new Doorkeeper(limits, new ManualClock());
    const gone: string[] = [];
    for (let i = 1; i <= 11; i++) keeper.arrive(visitor(null, gone, `${i}`));
    expect(gone).toEqual(['1']);
  });

  test('there is room again for an address when one of it has left, and in all when anybody has', () => {
    const keeper = new Doorkeeper(limits, new ManualClock());
    const leave = [keeper.enter('a'), keeper.enter('a'), keeper.enter('a')];
    expect(keeper.full('a')).toMatchObject({ message: expect.stringContaining('connectionLimits.perAddress') });
    expect(keeper.full('b')).toBeNull();
    leave[0]!();
    expect(keeper.full('a')).toBeNull();
    keeper.enter('b');
    keeper.enter('c');
    expect(keeper.full('d')).toMatchObject({ message: expect.stringContaining('connectionLimits.total') });
    expect(keeper.full(null)).not.toBeNull();
  });
});

test.each([false, true])(
  'who holds the key gets in from the address of somebody who guesses without end (TLS: %s)',
  async (tls) => {
    const keyFolder = temporaryFolder();
    const slowestPace = 100;
    const listener = await openListener({ tls, keyFolder, limits: { failures: 10, firstPace: 10, slowestPace } });
    let over = false;
    onTestFinished(() => {
      over = true;
    });
    let guesses = 0;
    let answered = 0;
    const guess = async (): Promise<void> => {
      while (!over) {
        guesses++;
        await openConnection(listener.address, { tls, keyFolder, auth: `guess number ${guesses}`, timeout: 400 }).catch((error) => {
          if (error.code === 'ERR_AUTH') answered++;
        });
      }
    };
    const began = performance.now();
    const guessing = Promise.all([1, 2, 3, 4, 5, 6].map(() => guess()));
    await until(() => answered > 10);
    for (let i = 0; i < (tls ? 1 : 3); i++) {
      const connection = await dialUntil((timeout) => openConnection(listener.address, { tls, keyFolder, timeout }), {
        clock: systemClock,
        timeout: 15_000,
      });
      connection.destroy();
    }
    over = true;
    await guessing;
    const seconds = (performance.now() - began) / 1_000;
    // Ten at once, a few while it slows down, then no faster than the slowest pace.
    expect(answered).toBeLessThan(10 + 10 + ((1.1 * 1_000) / slowestPace) * seconds);
  },
  60_000,
);

test('those with the right key are not slowed by one another: 300 come at the same time over TLS', async () => {
  const keyFolder = temporaryFolder();
  const listener = await openListener({ tls: true, keyFolder, limits: { failures: 1 } });
  const connections = await Promise.all(
    Array.from({ length: 300 }, () => openConnection(listener.address, { tls: true, keyFolder, timeout: 30_000 })),
  );
  expect(connections).toHaveLength(300);
  expect(listener.refused).toEqual([]);
}, 60_000);

test('garbage of an address does not keep its others out', async () => {
  const listener = await openListener({ limits: { failures: 3 } });
  for (let i = 0; i < 20; i++) {
    const peer = await RawPeer.connect(port(listener.address), false);
    peer.read().send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    onTestFinished(() => void peer.socket.destroy());
  }
  await until(() => listener.refused.length === 20);
  await openConnection(listener.address, { timeout: 5_000 });
});

test('one connection too many of an address is cut off, is told so by the server, and gets in when another has left', async () => {
  const listener = await openListener({ limits: { connectionsPerAddress: 2 } });
  const open: Connection[] = [await openConnection(listener.address), await openConnection(listener.address)];
  await expect(openConnection(listener.address)).rejects.toEqual(code('ERR_CONNECTION_CLOSED'));
  expect(listener.refused).toEqual([
    expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED', message: expect.stringContaining('connectionLimits.perAddress') }),
  ]);
  open[0]!.destroy();
  await dialUntil((timeout) => openConnection(listener.address, { timeout }), { clock: systemClock, timeout: 5_000 });
});
