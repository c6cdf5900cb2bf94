/**
 * Results that come later, as handles: `value`, `ready`, `wait`, a chain of callables that run when the value is there. Each is a promise too: `await` gives
 * the end of its chain.
 */
import { systemClock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import type { Duration } from '../task/task.ts';
import { callerOf } from './caller.ts';

type Link = (value: unknown, ...args: unknown[]) => unknown;

/** The result of a call that goes on. A chain function that throws makes its error the result. */
export class FutureResult<T = unknown> implements PromiseLike<T> {
  #end: Promise<unknown>;
  #open = 0;

  constructor(result: Promise<T>) {
    this.#end = result;
    this.#watch(result);
  }

  /** The end of the chain. */
  get value(): Promise<T> {
    return this.#end as Promise<T>;
  }

  /** The end of the chain is there: a value or an error. */
  get ready(): boolean {
    return this.#open === 0;
  }

  /** True: it is ready; false: `timeout` (seconds) ran out before. */
  async wait(timeout?: Duration): Promise<boolean> {
    const settled = this.#end.then(
      () => true,
      () => true,
    );
    if (timeout === undefined) return settled;
    let stop: () => void = () => {};
    const late = new Promise<boolean>((resolve) => {
      stop = systemClock.after(parseDuration(timeout, 'timeout'), () => resolve(false));
    });
    try {
      return await Promise.race([settled, late]);
    } finally {
      stop();
    }
  }

  /**
   * With two functions that of a promise (`await` calls it so). With one, and arguments for it: adds `callable(value, ...args)` to the chain and
   * returns this same result.
   */
  then<A = T, B = never>(
    done?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B>;
  then<A extends unknown[], R>(callable: (value: T, ...args: A) => R | PromiseLike<R>, ...args: A): FutureResult<R>;
  then(callable?: unknown, ...args: unknown[]): unknown {
    if (
      typeof callable !== 'function' ||
      (args.length === 1 && (typeof args[0] === 'function' || args[0] === undefined || args[0] === null))
    )
      return (this.#end as Promise<T>).then(callable as null, args[0] as null);
    return this.#chain(this.#end.then((value) => (callable as Link)(value, ...args)));
  }

  /** The handler gets the error of the chain so far, whenever it is added; the error stays the result. */
  iferror(handler: (error: unknown) => unknown): this {
    this.#end.then(undefined, handler).catch(() => {});
    return this;
  }

  #chain(end: Promise<unknown>): this {
    this.#end = end;
    this.#watch(end);
    return this;
  }

  /** An error that nobody reads is silent. */
  #watch(end: Promise<unknown>): void {
    this.#open += 1;
    const over = (): void => {
      this.#open -= 1;
    };
    end.then(over, over);
  }
}

/** A remote object whose calls give handles. */
export type Asynchronous<R> = {
  readonly [K in keyof R]: R[K] extends (...args: infer A) => PromiseLike<infer V> ? (...args: A) => FutureResult<V> : R[K];
};

/** The same remote object, on the same connection; each call gives a `FutureResult` at once. */
export function asynchronous<R extends object>(remote: R): Asynchronous<R> {
  if (callerOf(remote) === undefined) throw new MillraceError('ERR_OPTION', 'asynchronous() takes a remote object');
  return new Proxy(Object.create(null), {
    get(_, name) {
      const member: unknown = (remote as Record<string | symbol, unknown>)[name];
      if (typeof name !== 'string' || typeof member !== 'function' || name === 'toJSON') return member;
      return (...args: unknown[]) => new FutureResult((member as (...args: unknown[]) => Promise<unknown>)(...args));
    },
  }) as Asynchronous<R>;
}

/** An ordinary callable with a chain, a delay and a way to call it off: it runs once. */
export interface Future<A extends unknown[], T> {
  (...args: A): FutureResult<T>;
  /** Adds to the chain, before it was started. */
  then<R>(callable: (value: T, ...args: unknown[]) => R, ...args: unknown[]): this;
  iferror(handler: (error: unknown) => unknown): this;
  /** Waits before it runs; false: it has run already. */
  delay(time: Duration): boolean;
  /** True: it will not run, and its result is ERR_ABORTED; false: it has run already. */
  cancel(): boolean;
}

/** States. *fresh*; *started* (called, perhaps in its delay); *done*; *cancelled*. */
export function future<A extends unknown[], T>(callable: (...args: A) => T | PromiseLike<T>): Future<A, T> {
  let state: 'fresh' | 'started' | 'done' | 'cancelled' = 'fresh';
  let ms = 0;
  let stop: () => void = () => {};
  let callOff: (error: unknown) => void = () => {};
  const chain: ((result: FutureResult<unknown>) => void)[] = [];
  const cancelled = (): MillraceError => new MillraceError('ERR_ABORTED', 'the future has been cancelled');
  const fresh = (): void => {
    if (state === 'fresh') return;
    throw state === 'cancelled' ? cancelled() : new MillraceError('ERR_STATE', 'the future was called already: make a new one');
  };
  const start = (...args: A): FutureResult<T> => {
    fresh();
    state = 'started';
    const result = new FutureResult<T>(
      new Promise<void>((resolve, reject) => {
        callOff = reject;
        stop = systemClock.after(ms, resolve);
      }).then(() => {
        state = 'done';
        return callable(...args);
      }),
    );
    for (const add of chain) add(result);
    return result;
  };
  const self: Future<A, T> = Object.assign(start, {
    iferror(handler: (error: unknown) => unknown): Future<A, T> {
      fresh();
      chain.push((result) => void result.iferror(handler));
      return self;
    },
    delay(time: Duration): boolean {
      if (state !== 'fresh') return false;
      ms = parseDuration(time, 'delay');
      return true;
    },
    cancel(): boolean {
      if (state === 'done') return false;
      state = 'cancelled';
      stop();
      callOff(cancelled());
      return true;
    },
  }) as Future<A, T>;
  Object.defineProperty(self, 'then', {
    value(next: (value: T, ...args: unknown[]) => unknown, ...args: unknown[]): Future<A, T> {
      fresh();
      chain.push(
        (result) =>
          void (result as FutureResult<T>).then(
            next,
            ...(args.length === 1 && typeof args[0] === 'function' ? [args[0], undefined] : args),
          ),
      );
      return self;
    },
  });
  return self;
}
