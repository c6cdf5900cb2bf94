import { expect, it } from 'vitest';
import { rankOf } from '../../src/task/rank.ts';
import { retryDelay } from '../../src/task/retry.ts';

it('waits grow by their factor up to the longest, and without a back-off there is none', () => {
  const backoff = { delay: 100, factor: 2, max: 500, jitter: 0 };
  expect([1, 2, 3, 4].map((failures) => retryDelay(backoff, failures, 1))).toEqual([100, 200, 400, 500]);
  expect(retryDelay(null, 1, 1)).toBe(0);
});

it('jitter spreads neighbours, repeatably, and never lengthens a wait', () => {
  const backoff = { delay: 1_000, factor: 1, max: 1_000, jitter: 1 };
  const waits = Array.from({ length: 100 }, (_, n) => retryDelay(backoff, 1, n));
  expect(waits).toEqual(Array.from({ length: 100 }, (_, n) => retryDelay(backoff, 1, n)));
  expect(new Set(waits).size).toBeGreaterThan(80);
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
});

it('priority ranks before retries; retried tasks come after new ones, when eager before them', () => {
  expect(rankOf(1, true, false)).toBeLessThan(rankOf(0, false, false));
  expect(rankOf(0, false, false)).toBeLessThan(rankOf(0, true, false));
  expect(rankOf(0, true, true)).toBeLessThan(rankOf(0, false, false));
});
