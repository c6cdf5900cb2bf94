/** Calls that wait for a connection, in their order; time-out and signal of each count from the call on, not from the connection. */
import { systemClock } from '../base/clock.ts';
import { onAbort } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { CallBounds } from './caller.ts';

type Perform<Session> = (session: Session, bounds: CallBounds) => Promise<unknown>;

interface Held<Session> {
  go(session: Session): void;
  fail(error: unknown): void;
}

export class HeldCalls<Session> {
  readonly #held: Set<Held<Session>> = new Set();

  add(perform: Perform<Session>, { timeout, signal }: CallBounds, uri: string): Promise<unknown> {
    const since = systemClock.now();
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        over();
        reject(error);
      };
      const late = (): void => fail(new MillraceError('ERR_TIMEOUT', `no connection to ${uri} within ${timeout} ms`));
      const held: Held<Session> = {
        go: (session) => {
          over();
          const left = timeout === null ? null : Math.max(1, timeout - (systemClock.now() - since));
          perform(session, { timeout: left, signal }).then(resolve, reject);
        },
        fail,
      };
      let stopTimer: (() => void) | null = null;
      let unhear: (() => void) | null = null;
      const over = (): void => {
        this.#held.delete(held);
        stopTimer?.();
        unhear?.();
      };
      this.#held.add(held);
      if (timeout !== null) stopTimer = systemClock.after(timeout, late);
      if (signal === null) return;
      unhear = onAbort(signal, () =>
        fail(new MillraceError('ERR_ABORTED', 'the call was aborted before there was a connection', { cause: signal.reason })),
      );
    });
  }

  go(session: Session): void {
    for (const held of this.#held) held.go(session);
  }

  fail(error: unknown): void {
    for (const held of this.#held) held.fail(error);
  }
}

/** A oneway call that nobody awaits may fail unheard: it does not end the process as other promises would. */
export function unheard<T>(sent: Promise<T>): Promise<T> {
  sent.catch(() => {});
  return sent;
}
