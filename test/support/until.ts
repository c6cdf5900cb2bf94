/**
 * Waiting for real parts without sleeping: poll a condition every few milliseconds and fail with the last value seen.
 *
 * A test that waits by this is as fast as the part it waits for, and says what it saw when that part never came.
 */
import { inspect } from 'node:util';

/** A machine that does many other things is slow; who waits in vain has failed anyway. */
const limit = 20_000;
const step = 5;

/** Resolves with the first truthy value of `condition`; rejects after `timeout` ms (default 20 s) with the last value or error. */
export async function until<T>(condition: () => T | Promise<T>, what = 'the condition', timeout: number = limit): Promise<T> {
  const end = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (thrown) {
      last = thrown;
    }
    if (performance.now() >= end) throw new Error(`${what} did not come true within ${timeout} ms; last seen: ${inspect(last)}`);
    await new Promise((resolve) => setTimeout(resolve, step));
  }
}
