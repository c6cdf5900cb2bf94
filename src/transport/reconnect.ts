/**
 * Dialling until it succeeds: when the next attempt is due (pure), and the thin loop around `dial`.
 *
 * Waits grow from 50 ms to 5 s and are shortened by chance, so that a thousand clients of a server that comes back do not all
 * come in the same millisecond. What waiting cannot mend (a wrong key, another version, a bad address) ends it at once.
 */
import { type BackoffTimes, backoffDelay } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { onAbort } from '../base/deferred.ts';
import { type ErrorCode, MillraceError } from '../base/errors.ts';
import type { Connection } from './connection.ts';

/** ms. */
const reconnectTimes: BackoffTimes = { delay: 50, factor: 2, max: 5_000, jitter: 0.5 };

const worthAnotherTry: ReadonlySet<ErrorCode> = new Set(['ERR_CONNECTION_CLOSED', 'ERR_CONNECT_TIMEOUT']);

/** Whether the same attempt may succeed later. */
function isWorthAnotherTry(error: MillraceError): boolean {
  return worthAnotherTry.has(error.code);
}

/** ms until the attempt after `failures` failed ones, never past the deadline; null: the deadline has passed. */
export function nextAttempt(failures: number, left: number, random: number, longest: number = reconnectTimes.max): number | null {
  return left <= 0 ? null : Math.min(left, backoffDelay(failures, { ...reconnectTimes, max: longest }, random));
}

/**
 * The longest wait (ms) of a role that a server gives up after `evictAfter`; null: not known yet. A server that was away keeps its leases for so long
 * from its return on: who waits longer finds them ended.
 */
export function longestWait(evictAfter: number | null): number {
  return Math.min(reconnectTimes.max, (evictAfter ?? Number.POSITIVE_INFINITY) / 4);
}

export interface ReconnectOptions {
  readonly clock: Clock;
  /** ms from now until it is given up. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Between two attempts, ms. Default 5 s. */
  readonly longestWait?: number;
  /** After each attempt that failed and is tried again. */
  onFailure?(error: MillraceError, failures: number): void;
}

/**
 * Rejects with what cannot be mended by waiting, with `ERR_ABORTED`, or after `timeout` with `ERR_CONNECT_TIMEOUT`, whose cause is the last
 * failure that was not itself a time-out: the very last attempt often has no time left to learn anything.
 *
 * @param attempt One attempt; it gets the ms that are left, and must not take longer.
 */
export async function dialUntil(attempt: (left: number) => Promise<Connection>, options: ReconnectOptions): Promise<Connection> {
  const { clock, timeout, signal, onFailure } = options;
  const end = clock.now() + timeout;
  let told: MillraceError | null = null;
  for (let failures = 0; ; ) {
    let failure: MillraceError;
    try {
      return await attempt(Math.max(1, end - clock.now()));
    } catch (thrown) {
      failure = MillraceError.from(thrown);
      if (!isWorthAnotherTry(failure)) throw failure;
      if (failure.code !== 'ERR_CONNECT_TIMEOUT') told = failure;
    }
    const wait = nextAttempt(++failures, end - clock.now(), clock.random(), options.longestWait);
    if (wait === null) {
      const cause = told ?? failure;
      throw new MillraceError('ERR_CONNECT_TIMEOUT', `no server answered within ${timeout} ms: ${cause.message}`, { cause });
    }
    onFailure?.(failure, failures);
    await pause(wait, clock, signal);
  }
}

function pause(ms: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let unhear: (() => void) | null = null;
    const stop = clock.after(ms, () => {
      unhear?.();
      resolve();
    });
    if (signal === undefined) return;
    unhear = onAbort(signal, () => {
      stop();
      reject(new MillraceError('ERR_ABORTED', 'connecting was aborted', { cause: signal.reason }));
    });
  });
}
