/** `reconnect` of a proxy, whichever wire it speaks: attempts with growing pauses, as long as their failures may pass. */
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';

/** ms between two attempts. */
const firstPause = 50;
const longestPause = 2_000;

/** @throws ERR_OPTION */
export function checkTries(tries: number): void {
  if (tries === Number.POSITIVE_INFINITY || (Number.isSafeInteger(tries) && tries > 0)) return;
  throw new MillraceError('ERR_OPTION', `reconnect() takes a number of tries of 1 or more; it is ${String(tries)}`, {
    details: { option: 'tries' },
  });
}

/** At most `tries` attempts; rejects with the error of the last, or with one that does not pass. */
export async function bindAgain(bind: () => Promise<unknown>, tries: number, passes: (error: unknown) => boolean): Promise<void> {
  for (let pause = firstPause, left = tries; ; pause = Math.min(longestPause, pause * 2)) {
    try {
      await bind();
      return;
    } catch (error) {
      left -= 1;
      if (left <= 0 || !passes(error)) throw error;
    }
    await new Promise<void>((resolve) => void systemClock.after(pause, resolve));
  }
}
