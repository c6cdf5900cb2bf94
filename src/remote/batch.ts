/**
 * Many calls of one remote object as one message. Calls only queue; calling the batch itself sends them, and they run in their order, one after the
 * other, until one fails or, with `continueOnError`, to the end.
 */
import { MillraceError } from '../base/errors.ts';
import { type BatchReply, type BatchSending, type Caller, callerOf } from './caller.ts';
import { FutureResult } from './future.ts';
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

/** The methods of a remote object, which queue, and the call that sends them. */
export type Batch<R> = {
  readonly [K in keyof R]: R[K] extends (...args: infer A) => unknown ? (...args: A) => void : never;
} & {
  (options: BatchOptions & { readonly oneway: true }): Promise<undefined>;
  (options: BatchOptions & { readonly async: true }): FutureResult<BatchResults>;
  (options?: BatchOptions): Promise<BatchResults>;
};

/** Calls that wait to be sent together. */
class Queue {
  readonly #caller: Caller;
  readonly #places: Map<string, number> = new Map();
  #picks: number[] = [];
  #lists: unknown[][] = [];

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  add(name: string, args: unknown[]): void {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(name, place);
    }
    this.#picks.push(place);
    this.#lists.push(args);
  }

  /** The queue is empty afterwards, unless nothing could be sent. */
  async send(options: BatchSending): Promise<BatchReply> {
    const [names, picks, lists] = [[...this.#places.keys()], this.#picks, this.#lists];
    if (lists.length === 0) return { results: [], errors: new Map() };
    this.#picks = [];
    this.#lists = [];
    this.#places.clear();
    return this.#caller.batch(names, picks, lists, options);
  }
}

/** @throws ERR_BATCH for what is no remote object */
export function batch<R extends object>(remote: R): Batch<R> {
  const caller = callerOf(remote);
  if (caller === undefined) throw new MillraceError('ERR_BATCH', 'batch() takes a remote object');
  const queue = new Queue(caller);
  const members = new Map<string, (...args: unknown[]) => void>();
  const run = (options?: BatchOptions): unknown => {
    const {
      oneway = false,
      async: later = false,
      continueOnError = false,
    } = checkOptions(options, ['oneway', 'async', 'continueOnError'], 'a batch');
    if (oneway && later)
      throw new MillraceError('ERR_BATCH', 'a oneway batch has no result that could come later: give `oneway` or `async`, not both');
    const reply = queue.send({ oneway, continueOnError });
    if (oneway) return reply.then(() => undefined);
    const results = reply.then((answer) => new BatchResults(answer));
    return later ? new FutureResult(results) : results;
  };
  return new Proxy(run, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
      let member = members.get(name);
      if (member === undefined) {
        member = (...args) => queue.add(name, args);
        members.set(name, member);
      }
      return member;
    },
  }) as unknown as Batch<R>;
}
