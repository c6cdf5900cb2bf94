/**
 * Calls on results that are not there yet: those of one tick travel as one message, so that a call on the result of a call, or with it as an argument, costs no
 * round trip of its own.
 */

import { MillraceError } from '../base/errors.ts';
import { atTickEnd } from '../base/tick.ts';
import { Place, resultPlace } from './batch-places.ts';
import { Queue } from './batch-queue.ts';
import { type BatchReply, callerOf } from './caller.ts';

type AnyFunction = (...args: never[]) => unknown;

/** A result that can be awaited, and whose methods can be called before it is there. */
export type Pipelined<T> = PromiseLike<T> & (T extends object ? Pipeline<T> : unknown);

/** A remote object whose calls give results that can be called on at once. */
export type Pipeline<R> = {
  readonly [K in keyof R as K extends 'then' | symbol ? never : K]: R[K] extends AnyFunction
    ? (...args: Parameters<R[K]>) => Pipelined<Awaited<ReturnType<R[K]>>>
    : never;
};

/**
 * The same remote object, on the same connection: `const album = pipelined(music).album('x'); await album.title()` is one round trip, when `album` is an object
 * that is registered or passed by reference. Calls of one tick are made one after the other. @throws ERR_OPTION for what is no remote object
 */
export function pipelined<R extends object>(remote: R): Pipeline<R> {
  const caller = callerOf(remote);
  if (caller === undefined) throw new MillraceError('ERR_OPTION', 'pipelined() takes a remote object');
  let queue: Queue | null = null;
  let reply: Promise<BatchReply> | null = null;
  const open = (): { queue: Queue; reply: Promise<BatchReply> } => {
    if (queue === null || reply === null) {
      const own = new Queue(caller);
      queue = own;
      reply = new Promise((resolve, reject) => {
        atTickEnd(() => {
          queue = null;
          own.send({ oneway: false, continueOnError: true }).then(resolve, reject);
        });
      });
      reply.catch(() => {});
    }
    return { queue, reply };
  };
  const further = (on: Place, name: string, args: unknown[]): object => {
    if (on.batch !== queue?.batch)
      throw new MillraceError('ERR_BATCH', `'${name}' comes too late: calls on a result are made in the tick of its call; await it first`);
    return call(name, args, on.index);
  };
  const call = (name: string, args: unknown[], on?: number): object => {
    const { queue: own, reply: answer } = open();
    const { batch } = own;
    const index = own.add(name, args, on);
    const result = answer.then(({ results, errors }) => {
      if (errors.has(index)) throw errors.get(index);
      return results[index];
    });
    result.catch(() => {});
    return resultPlace(new Place(batch, index, further, result));
  };
  return new Proxy(Object.create(null), {
    get: (_, name) =>
      typeof name !== 'string' || name === 'then' || name === 'toJSON' ? undefined : (...args: unknown[]) => call(name, args),
  }) as Pipeline<R>;
}
