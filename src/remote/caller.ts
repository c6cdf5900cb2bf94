/**
 * The one object that stands for a remote one. Whatever is read from it is a method that can be called, or an attribute that can be awaited; what the language
 * and its tools read on their own (`then`, `toJSON`, symbols, inspection) never goes over the network.
 */
import { inspect } from 'node:util';
import { MillraceError } from '../base/errors.ts';

/** What one call may be bounded by. */
export interface CallBounds {
  /** ms; null: none. */
  readonly timeout: number | null;
  readonly signal: AbortSignal | null;
}

/** What carries the calls of a remote object. */
export interface Caller {
  call(method: string, args: unknown[], bounds?: CallBounds): Promise<unknown>;
  get(name: string, bounds?: CallBounds): Promise<unknown>;
  set(name: string, value: unknown, bounds?: CallBounds): Promise<void>;
  batch(
    names: readonly string[],
    picks: readonly number[],
    lists: readonly unknown[][],
    options: BatchSending,
    bounds?: CallBounds,
  ): Promise<BatchReply>;
  /** What the name is, where that is known already. */
  kindOf(name: string): 'method' | 'attribute' | null;
  /** For people. */
  describe(): string;
  /** Where another thread or machine finds the object; absent: only over this connection. */
  readonly uri?: string;
}

export interface BatchSending {
  readonly oneway: boolean;
  readonly continueOnError: boolean;
  /** What stands for these calls in results that are not there yet, and on which result each is made (-1: on the object); null: none is. */
  readonly depends?: { readonly batch: object; readonly on: readonly number[] | null };
}

export interface BatchReply {
  readonly results: readonly unknown[];
  readonly errors: ReadonlyMap<number, unknown>;
}

type AnyFunction = (...args: never[]) => unknown;

/** What arrives of a result: a stream of items as an `AsyncIterable`, all else as it is. */
type Arriving<R> = R extends AsyncIterable<infer I> | Iterator<infer I> ? AsyncIterableIterator<I, undefined> & AsyncDisposable : R;

/** A method as it is called from afar. Overloads and generics stay where it is asynchronous already. */
type RemoteMethod<F extends AnyFunction> =
  ReturnType<F> extends Promise<infer V>
    ? [V] extends [never]
      ? F
      : V extends AsyncIterable<unknown> | Iterator<unknown>
        ? (...args: Parameters<F>) => Promise<Arriving<V>>
        : F
    : F extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2; (...args: infer A3): infer R3 }
      ? ((...args: A1) => Promise<Arriving<Awaited<R1>>>) &
          ((...args: A2) => Promise<Arriving<Awaited<R2>>>) &
          ((...args: A3) => Promise<Arriving<Awaited<R3>>>)
      : never;

/** An object of type T as seen from another thread or machine: every method asynchronous, every exposed attribute awaited. */
export type Remote<T> = {
  readonly [K in keyof T as K extends 'then' | symbol ? never : K]: T[K] extends AnyFunction ? RemoteMethod<T[K]> : PromiseLike<T[K]>;
};

const callers: WeakMap<object, Caller> = new WeakMap();

/** The caller behind a remote object; undefined: it is none. */
export function callerOf(value: unknown): Caller | undefined {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? callers.get(value) : undefined;
}

/** Names that the language and its tools read on their own. */
const local: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'constructor',
  'prototype',
  '__proto__',
  '$$typeof',
  'asymmetricMatch',
  'nodeType',
]);

function member(caller: Caller, name: string): unknown {
  const method = (...args: unknown[]): Promise<unknown> => caller.call(name, args);
  Object.defineProperty(method, 'name', { value: name });
  Object.defineProperty(method, 'then', {
    // A known method is no promise; what may be an attribute is asked for when it is awaited.
    get: () =>
      caller.kindOf(name) === 'method'
        ? undefined
        : (resolve: (value: unknown) => void, reject: (error: unknown) => void) => caller.get(name).then(resolve, reject),
  });
  return method;
}

/** `callable`: it stands for a function. */
export function remoteOver(caller: Caller, callable = false): object {
  const members = new Map<string, unknown>();
  const shown = (): string => `[Remote ${caller.describe()}]`;
  const target: object = callable ? (...args: unknown[]): Promise<unknown> => caller.call('', args) : Object.create(null);
  // Inspection looks at the target, past the traps.
  Object.defineProperty(target, inspect.custom, { value: shown, configurable: true });
  const remote = new Proxy(target, {
    get(_, name) {
      if (name === Symbol.toStringTag) return 'Remote';
      if (name === inspect.custom || name === Symbol.toPrimitive || name === 'toJSON') return shown;
      if (typeof name !== 'string' || local.has(name)) return undefined;
      let found = members.get(name);
      if (found === undefined) {
        found = member(caller, name);
        members.set(name, found);
      }
      return found;
    },
    set(_, name) {
      throw new MillraceError(
        'ERR_NOT_EXPOSED',
        `an assignment cannot be awaited: set it by control(remote).set('${String(name)}', value)`,
      );
    },
    has: (_, name) => typeof name === 'string' && caller.kindOf(name) !== null,
    deleteProperty: () => false,
    defineProperty: () => false,
    setPrototypeOf: () => false,
  });
  callers.set(remote, caller);
  return remote;
}
