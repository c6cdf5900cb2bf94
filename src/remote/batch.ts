/**
 * Many calls of one remote object as one message. Calls only queue; calling the batch itself sends them, and they run in their order, one after the
 * other, until one fails or, with `continueOnError`, to the end.
 */
import { MillraceError } from '../base/errors.ts';
import { Place, resultPlace } from './batch-places.ts';
import { Queue } from './batch-queue.ts';
import { type BatchReply, callerOf } from './caller.ts';
import { FutureResult } from './future.ts';
import { unheard } from './held-calls.ts';
import { checkOptions } from './options.ts';

export interface BatchOptions {
  /** Nothing comes back; resolves when it is sent. */
  readonly oneway?: boolean;
  /** A `FutureResult` at once. */
  readonly async?: boolean;
  /** A failed call does not stop those after it. */
  readonly continueOnError?: boolean;
}

/** Results in the order of the calls. An iterator throws at a failed call; the next step goes on behind it. */
export class BatchResults implements Iterable<unknown> {
  readonly #results: readonly unknown[];
  readonly #errors: ReadonlyMap<number, unknown>;

  constructor({ results, errors }: BatchReply) {
    this.#results = results;
    this.#errors = errors;
  }

  /** Calls that were made: fewer than queued when one of them failed. */
  get length(): number {
    return this.#results.length;
  }

  [Symbol.iterator](): Iterator<unknown> {
    let at = 0;
    return {
      next: (): IteratorResult<unknown> => {
        const place = at++;
        if (this.#errors.has(place)) throw this.#errors.get(place);
        return place < this.#results.length ? { done: false, value: this.#results[place] } : { done: true, value: undefined };
      },
    };
  }

  /** Every call that was made, with its value or its error. */
  settled(): PromiseSettledResult<unknown>[] {
    return this.#results.map((value, place) =>
      this.#errors.has(place) ? { status: 'rejected', reason: this.#errors.get(place) } : { status: 'fulfilled', value },
    );
  }
}

/** The result of a call that is only queued: its methods queue calls on it, and it may be an argument of calls after it. It has no value: results come with the batch. */
export type Later<T> = T extends object
  ? {
      readonly [K in keyof T as K extends 'then' | symbol ? never : K]: T[K] extends (...args: infer A) => infer V
        ? (...args: A) => Later<Awaited<V>>
        : never;
    }
  : object;

/** The methods of a remote object, which queue, and the call that sends them. */
export type Batch<R> = {
  readonly [K in keyof R]: R[K] extends (...args: infer A) => infer V ? (...args: A) => Later<Awaited<V>> : never;
} & {
  (options: BatchOptions & { readonly oneway: true }): Promise<undefined>;
  (options: BatchOptions & { readonly async: true }): FutureResult<BatchResults>;
  (options?: BatchOptions): Promise<BatchResults>;
};

/** @throws ERR_BATCH for what is no remote object */
export function batch<R extends object>(remote: R): Batch<R> {
  const caller = callerOf(remote);
  if (caller === undefined) throw new MillraceError('ERR_BATCH', 'batch() takes a remote object');
  const queue = new Queue(caller);
  const members = new Map<string, (...args: unknown[]) => object>();
  const further = (on: Place, name: string, args: unknown[]): object => {
    if (on.batch !== queue.batch)
      throw new MillraceError('ERR_BATCH', `'${name}' comes too late: the batch of the call on whose result it is made was sent`);
    return add(name, args, on.index);
  };
  const add = (name: string, args: unknown[], on?: number): object => {
    const { batch: own } = queue;
    return resultPlace(new Place(own, queue.add(name, args, on), further));
  };
  const run = (options?: BatchOptions): unknown => {
    const {
      oneway = false,
      async: later = false,
      continueOnError = false,
    } = checkOptions(options, ['oneway', 'async', 'continueOnError'], 'a batch');
    if (oneway && later)
      throw new MillraceError('ERR_BATCH', 'a oneway batch has no result that could come later: give `oneway` or `async`, not both');
    const reply = queue.send({ oneway, continueOnError });
    if (oneway) return unheard(reply.then(() => undefined));
    const results = reply.then((answer) => new BatchResults(answer));
    return later ? new FutureResult(results) : results;
  };
  return new Proxy(run, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
      let member = members.get(name);
      if (member === undefined) {
        member = (...args) => add(name, args);
        members.set(name, member);
      }
      return member;
    },
  }) as unknown as Batch<R>;
}
