/** What bounds a request that waits for its answer: a time and a signal, one way for all who ask over a connection. */
import type { Clock } from '../base/clock.ts';
import { onAbort } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';

/** `timeout` in ms; null or absent: none. */
export interface CallBounds {
  readonly timeout?: number | null | undefined;
  readonly signal?: AbortSignal | null | undefined;
}

/** Calls `fail` once when the time is up or the signal fires. Returns the way to take both back; null: there is nothing that bounds. */
export function boundCall(
  clock: Clock,
  name: string,
  { timeout, signal }: CallBounds,
  fail: (error: MillraceError) => void,
): (() => void) | null {
  if ((timeout ?? null) === null && (signal ?? null) === null) return null;
  const late = (): void => fail(new MillraceError('ERR_TIMEOUT', `no answer to '${name}' within ${timeout} ms`));
  const stopTimer = typeof timeout === 'number' ? clock.after(timeout, late) : null;
  const unhear = signal?.aborted === false ? onAbort(signal, () => fail(abortedError(name, signal))) : null;
  return () => {
    stopTimer?.();
    unhear?.();
  };
}

export function abortedError(name: string, signal: AbortSignal | null | undefined): MillraceError {
  return new MillraceError('ERR_ABORTED', `'${name}' was aborted`, { cause: signal?.reason });
}
