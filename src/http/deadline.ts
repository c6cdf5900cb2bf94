/** The time that one request has, and what else may end it: one signal for all that it waits for. */
import type { Clock } from '../base/clock.ts';
import { onAbort } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';

export class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #what: string;
  readonly #ends: (() => void)[] = [];

  /** `ms`: null for no limit. */
  constructor(clock: Clock, ms: number | null, signals: readonly (AbortSignal | null)[], what: string) {
    this.#clock = clock;
    this.#what = what;
    for (const signal of signals) if (signal !== null) this.#ends.push(onAbort(signal, () => this.abort({ cause: signal.reason })));
    if (ms === null || this.#controller.signal.aborted) return;
    const late = (): void => this.#controller.abort(new MillraceError('ERR_TIMEOUT', `${what} has not ended within ${ms / 1_000} s`));
    this.#ends.push(clock.after(ms, late));
  }

  /** Ends it before its time. */
  abort(options?: { readonly cause: unknown }): void {
    this.#controller.abort(new MillraceError('ERR_ABORTED', `${this.#what} was aborted by its signal`, options));
  }

  /** Aborts with a `MillraceError`: ERR_TIMEOUT or ERR_ABORTED. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What a promise gives, or rejects when the time is up; the promise goes on. */
  async race<T>(promise: PromiseLike<T> | T): Promise<T> {
    const { signal } = this.#controller;
    let stop = (): void => {};
    const over = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([promise, over]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Resolves after `ms`; rejects when the time is up before. */
  async pause(ms: number): Promise<void> {
    let cancel = (): void => {};
    const waited = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ms, resolve);
    });
    try {
      await this.race(waited);
    } finally {
      cancel();
    }
  }

  /** Lets go of the timer and of the signals. */
  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
