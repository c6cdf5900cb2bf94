/** How long a task waits before its next attempt. Pure: chance is drawn from the task's number, so a simulation repeats. */
import { type BackoffTimes, backoffDelay } from '../base/backoff.ts';

/** ms before the attempt that follows the `failures`-th failure (1-based); 0 without a back-off. */
export function retryDelay(backoff: BackoffTimes | null | undefined, failures: number, n: number): number {
  return backoff ? backoffDelay(failures, backoff, scatter(n, failures)) : 0;
}

/** 0 ≤ x < 1, from two numbers (an integer hash: neighbours must not retry in step). */
function scatter(n: number, failures: number): number {
  let x = (n ^ Math.imul(failures, 0x9e3779b9)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}
