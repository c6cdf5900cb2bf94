import { describe, expect, it } from 'vitest';
import { backoffDelay } from '../../src/base/backoff.ts';

const times = { delay: 100, factor: 2, max: 1_000, jitter: 0 };

describe('back-off', () => {
  it('grows by its factor up to its longest wait', () => {
    expect([1, 2, 3, 4, 5, 6].map((retry) => backoffDelay(retry, times, 0.9))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('stays at the longest wait after more retries than a number can count', () => {
    expect(backoffDelay(5_000, times, 0)).toBe(1_000);
    expect(backoffDelay(5_000, { ...times, delay: 0 }, 0)).toBe(0);
  });

  it('is shortened by chance up to the share that jitter says, at the longest wait too', () => {
    expect(backoffDelay(1, { ...times, jitter: 0.5 }, 0)).toBe(100);
    expect(backoffDelay(1, { ...times, jitter: 0.5 }, 0.999)).toBe(50);
    expect(backoffDelay(9, { ...times, jitter: 1 }, 0.25)).toBe(750);
  });
});
