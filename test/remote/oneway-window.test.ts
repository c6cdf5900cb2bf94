import { describe, expect, onTestFinished, test } from 'vitest';
import type { MillraceError } from '../../src/base/errors.ts';
import { control } from '../../src/remote/index.ts';
import { dial } from '../../src/transport/dial.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { auth, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

/** Its first entry goes on until it is let go. */
class Slow {
  readonly entries: unknown[] = [];
  #open: () => void = () => {};
  async note(entry: number): Promise<void> {
    if (entry === 0)
      await new Promise<void>((resolve) => {
        this.#open = resolve;
      });
    this.entries.push(entry);
  }
  goOn(): void {
    this.#open();
  }
  count(): number {
    return this.entries.length;
  }
  callBack(entry: unknown, ask: () => Promise<number>): Promise<void> {
    return ask().then((n) => void this.entries.push(entry, n));
  }
}

describe('oneway calls to a slow method', () => {
  test('wait with their caller, whose other calls get past; all are done in the end, in their order', async () => {
    const daemon = await openDaemon();
    const slow = new Slow();
    const remote = openProxy<Slow>(daemon.register(slow, 's', { oneway: ['note'] }));
    await control(remote).bind();
    const calls = 40_000;
    let sent = 0;
    for (let i = 0; i < calls; i += 1) {
      void remote.note(i).then(() => {
        sent += 1;
      });
    }
    expect(await remote.count()).toBe(0);
    // 4 MiB at 256 bytes a call.
    expect(sent).toBe(16_384);
    await remote.goOn();
    await until(async () => (await remote.count()) === calls);
    expect(slow.entries).toEqual(Array.from({ length: calls }, (_, i) => i));
    expect(sent).toBe(calls);
  });

  test('hold what is asked after them when nothing slow is in the way, and carry what they were given', async () => {
    const daemon = await openDaemon();
    const sums = {
      total: 0,
      add(row: { n: number }): void {
        sums.total += row.n;
      },
      read: () => sums.total,
    };
    const remote = openProxy<typeof sums>(daemon.register(sums, 's', { oneway: ['add'], expose: ['add', 'read'] }));
    await control(remote).bind();
    const row = { n: 0 };
    for (let i = 1; i <= 50_000; i += 1) {
      row.n = i;
      void remote.add(row);
    }
    expect(await remote.read()).toBe((50_000 * 50_001) / 2);
  });

  test('of a daemon that runs them side by side are bounded too', async () => {
    const daemon = await openDaemon({ onewayThreaded: true });
    const open: (() => void)[] = [];
    const object = { wait: () => new Promise<void>((resolve) => open.push(resolve)), open: () => open.length };
    const remote = openProxy<typeof object>(daemon.register(object, 'o', { oneway: ['wait'], expose: ['wait', 'open'] }));
    await control(remote).bind();
    for (let i = 0; i < 20_000; i += 1) void remote.wait();
    expect(await remote.open()).toBe(16_384);
    for (const resolve of open.splice(0)) resolve();
    await until(async () => (await remote.open()) === 20_000 - 16_384);
    for (const resolve of open.splice(0)) resolve();
  });

  test('cannot deadlock: one that waits for its caller gets its answer', async () => {
    const daemon = await openDaemon();
    const slow = new Slow();
    const remote = openProxy<Slow>(daemon.register(slow, 's', { oneway: ['callBack'] }));
    await control(remote).bind();
    for (let i = 0; i < 20_000; i += 1) void remote.callBack(i, async () => (i === 0 ? await remote.count() : i));
    await until(async () => (await remote.count()) === 40_000);
    expect(slow.entries.slice(0, 4)).toEqual([0, 0, 1, 1]);
  });

  test('that come in spite of the window cost their sender its connection', async () => {
    const daemon = await openDaemon();
    daemon.register(new Slow(), 's', { oneway: ['note'] });
    const connection = await dial(daemon.address as { host: string; port: number }, {
      auth,
      self: { role: 'caller', id: '0190aaaa-0000-7000-8000-000000000009', host: 'there', pid: 9 },
    });
    onTestFinished(() => connection.destroy());
    let end: MillraceError | null | undefined;
    connection.start({
      message: () => {},
      closed: (error) => {
        end = error;
      },
    });
    const bytes = new Uint8Array(2 ** 20);
    for (let i = 0; i < 40 && end === undefined; i += 1) {
      connection.send(['event', 'call', ['s', 'note', [0, bytes], 0]]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => end !== undefined);
    expect(daemon.sessions).toBe(0);
  });
});
