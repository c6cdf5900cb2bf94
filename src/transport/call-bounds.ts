/** What bounds a request that waits for its answer: a time and a signal, one way for all who ask over a connection. */
import type { Clock } from '../base/clock.ts';
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

/** Who wants to know of the abort of a signal of the user. However many they are, it has one listener: Node warns, on the user's stderr, of more than ten. */
const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls once, at the abort; at once if that was before. Returns the way to call it off. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => {};
  }
  const known = listening.get(signal);
  const calls = known ?? new Set<() => void>();
  if (known === undefined) {
    listening.set(signal, calls);
    signal.addEventListener('abort', told, { once: true });
  }
  // One that is given twice is called twice.
  const own = (): void => call();
  calls.add(own);
  return () => {
    calls.delete(own);
    if (calls.size > 0 || listening.get(signal) !== calls) return;
    listening.delete(signal);
    signal.removeEventListener('abort', told);
  };
}

function told(this: AbortSignal): void {
  const calls = listening.get(this);
  listening.delete(this);
  for (const call of calls ?? []) call();
}
