import { expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { memoryLink } from '../../src/transport/memory.ts';
import { dialUntil, longestWait, nextAttempt } from '../../src/transport/reconnect.ts';
import { until } from '../support/until.ts';
import { ManualClock } from './manual-clock.ts';
import { clientInfo, serverInfo } from './peers.ts';

const refused = (): Promise<Connection> => Promise.reject(new MillraceError('ERR_CONNECTION_CLOSED', 'nobody listens'));

test('waits double from 50 ms to 5 s, are shortened by chance, and never pass the deadline', () => {
  expect([1, 2, 3, 4, 7, 8, 9, 100].map((failures) => nextAttempt(failures, 1e9, 0))).toEqual([
    50, 100, 200, 400, 3_200, 5_000, 5_000, 5_000,
  ]);
  expect(nextAttempt(8, 1e9, 0.999)).toBeLessThan(2_600);
  expect(nextAttempt(8, 300, 0)).toBe(300);
  expect(nextAttempt(1, 0, 0)).toBeNull();
});

test('who is given up after evictAfter never waits longer than a quarter of it', () => {
  expect([null, 60_000, 10_000, 2_000].map(longestWait)).toEqual([5_000, 5_000, 2_500, 500]);
  expect([1, 4, 5, 100].map((failures) => nextAttempt(failures, 1e9, 0, longestWait(2_000)))).toEqual([50, 400, 500, 500]);
});

test('it dials until it succeeds', async () => {
  const clock = new ManualClock();
  const { left } = memoryLink({ left: clientInfo, right: serverInfo });
  const failures: number[] = [];
  let attempts = 0;
  const dialled = dialUntil(() => (++attempts < 4 ? refused() : Promise.resolve(left)), {
    clock,
    timeout: 60_000,
    onFailure: (_, count) => failures.push(count),
  });
  for (const wait of [50, 100, 200]) {
    await until(() => clock.waiting === 1);
    clock.advance(wait);
  }
  expect(await dialled).toBe(left);
  expect([attempts, failures]).toEqual([4, [1, 2, 3]]);
});

test('after the time-out it ends with ERR_CONNECT_TIMEOUT and the last failure', async () => {
  const clock = new ManualClock();
  const dialled = dialUntil(refused, { clock, timeout: 120 });
  for (const wait of [50, 70]) {
    await until(() => clock.waiting === 1);
    clock.advance(wait);
  }
  await expect(dialled).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT', cause: { code: 'ERR_CONNECTION_CLOSED' } });
});

test('what it was told before the time ran out is kept, though its last attempt only timed out', async () => {
  const clock = new ManualClock();
  const failures = [
    new MillraceError('ERR_CONNECTION_CLOSED', 'nobody listens on port 7'),
    new MillraceError('ERR_CONNECT_TIMEOUT', 'too late'),
  ];
  const dialled = dialUntil(() => Promise.reject(failures.shift()), { clock, timeout: 50 });
  await until(() => clock.waiting === 1);
  clock.advance(50);
  await expect(dialled).rejects.toMatchObject({
    code: 'ERR_CONNECT_TIMEOUT',
    message: expect.stringContaining('nobody listens on port 7'),
    cause: { code: 'ERR_CONNECTION_CLOSED' },
  });
});

test.each(['ERR_AUTH', 'ERR_VERSION', 'ERR_ADDRESS', 'ERR_TLS', 'ERR_PROTOCOL'] as const)('%s ends it at once', async (code) => {
  let attempts = 0;
  const dialled = dialUntil(
    () => {
      attempts++;
      return Promise.reject(new MillraceError(code, 'no'));
    },
    { clock: new ManualClock(), timeout: 60_000 },
  );
  await expect(dialled).rejects.toMatchObject({ code });
  expect(attempts).toBe(1);
});

test('an abort ends the wait at once', async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const dialled = dialUntil(refused, { clock, timeout: 60_000, signal: abort.signal });
  await until(() => clock.waiting === 1);
  abort.abort();
  await expect(dialled).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(clock.waiting).toBe(0);
});
