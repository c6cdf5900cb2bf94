/**
 * What a method knows of the call that it answers: readable from its first line to its first `await`. A variable instead of an asynchronous
 * context, which would slow every promise of the process down.
 */
import { MillraceError } from '../base/errors.ts';

/** The call that a method answers. */
export interface CurrentCall {
  /** Fires when the caller gave up (time-out, abort) or is gone. */
  readonly signal: AbortSignal;
  /** The connection of the caller: the same for all of its calls. */
  readonly session: string;
  /** Calls back when that connection has ended; at once when it has already. Returns the way to call it off. */
  onEnd(freed: () => void): () => void;
}

let current: CurrentCall | null = null;

/** Runs `body` as (the beginning of) this call. */
export function within<T>(call: CurrentCall, body: () => T): T {
  const before = current;
  current = call;
  try {
    return body();
  } finally {
    current = before;
  }
}

/** The call that the method answers; take it before the first `await`. @throws ERR_STATE outside of one */
export function currentCall(): CurrentCall {
  if (current !== null) return current;
  throw new MillraceError('ERR_STATE', 'currentCall() is read in a remote method, before its first await');
}
