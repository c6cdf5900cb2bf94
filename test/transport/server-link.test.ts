import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MessagePortConnection } from '../../src/transport/message-port.ts';
import { ServerLink } from '../../src/transport/server-link.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { auth, openListener } from './endpoints.ts';
import { clientInfo, serverInfo } from './peers.ts';

expectNoLeaks();

/** Once it is `hasty`, timers come a thousand times as soon; with a record of how long they were to take (ms). */
class HastyClock implements Clock {
  hasty = false;
  readonly waits: number[] = [];
  readonly wall = systemClock.wall;
  readonly now = systemClock.now;
  random(): number {
    return 0;
  }
  after(ms: number, call: () => void, options?: { unref?: boolean }): () => void {
    if (this.hasty) this.waits.push(ms);
    return systemClock.after(this.hasty ? ms / 1_000 : ms, call, options);
  }
}

test('a server that was away finds its clients back long before evictAfter, however long it was away', async () => {
  const evictAfter = 2_000;
  const clock = new HastyClock();
  const listener = await openListener({
    onConnection: (connection) => {
      connection.start({ message: () => {}, closed: () => {} });
      connection.send(['welcome', { id: serverInfo.id, host: 'here', epoch: 1, salt: '000000000', heartrate: 500_000, evictAfter }]);
    },
  });
  const link = new ServerLink(
    {
      address: listener.address,
      auth,
      tls: null,
      self: clientInfo,
      clock,
      logger: silentLogger,
      heartrate: null,
      reconnectTimeout: 60_000,
      signal: new AbortController().signal,
    },
    { welcomed: () => {}, message: () => {}, disconnected: () => {}, failed: () => {} },
  );
  onTestFinished(() => link.close());
  await link.open(5_000);
  await listener.close();
  clock.hasty = true;
  for (const connection of listener.accepted) connection.destroy();
  // Each attempt has a limit of its own too.
  const waits = () => clock.waits.filter((ms) => [50, 100, 200, 400, 500, 800, 1_600, 3_200].includes(ms));
  await until(() => waits().length >= 12, 'a dozen attempts');
  expect(waits().slice(0, 6)).toEqual([50, 100, 200, 400, 500, 500]);
  expect(Math.max(...waits())).toBe(evictAfter / 4);
});

test('a connection that was given and stays silent is given up when that is asked for', async () => {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port2.close());
  const given = new AbortController();
  const link = new ServerLink(
    {
      address: { path: '/nowhere' },
      auth: null,
      tls: null,
      self: clientInfo,
      clock: systemClock,
      logger: silentLogger,
      heartrate: null,
      reconnectTimeout: 60_000,
      signal: given.signal,
    },
    { welcomed: () => {}, message: () => {}, disconnected: () => {}, failed: () => {} },
  );
  onTestFinished(() => link.close());
  const adopted = link.adopt(new MessagePortConnection({ port: port1, peer: serverInfo, clock: systemClock }));
  given.abort('enough');
  await expect(adopted).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' });
});
