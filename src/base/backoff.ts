/** How long to wait before a retry or a reconnection: pure, chance is a parameter. */
export interface BackoffTimes {
  /** ms before the first retry. */
  readonly delay: number;
  /** Each further wait is this many times longer. */
  readonly factor: number;
  /** Longest wait in ms. */
  readonly max: number;
  /** Each wait is shortened by up to this share of it, 0 to 1: shortened only, so that `max` keeps its spread. */
  readonly jitter: number;
}

/**
 * Whole ms to wait before the nth retry.
 *
 * @param retry 1 for the first retry.
 * @param random 0 ≤ x < 1.
 */
export function backoffDelay(retry: number, times: BackoffTimes, random: number): number {
  // A factor above 1 overflows to Infinity after enough retries, and 0 × Infinity is no number: no delay stays none.
  const wait = times.delay === 0 ? 0 : Math.min(times.max, times.delay * times.factor ** Math.max(0, retry - 1));
  return Math.round(wait * (1 - times.jitter * random));
}
