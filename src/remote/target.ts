/**
 * An object as calls from outside meet it: a function, an object with its exposure, or what a daemon finds for one session. Also the mark that makes an
 * object cross by reference.
 */
import { MillraceError } from '../base/errors.ts';
import { isMarked } from './decorators.ts';
import { type ExposeOptions, type Exposure, exposureOf, notExposed, nothing } from './exposure.ts';

type Members = Record<string, unknown>;

/** What can be called over a connection. */
export interface Target {
  /** Calls a method; '' calls a function itself. */
  call(method: string, args: unknown[]): unknown;
  get(name: string): unknown;
  /** A promise where it has to be waited for. */
  set(name: string, value: unknown): unknown;
  readonly exposure: Exposure;
}

const callbackFunction: Exposure = { ...nothing, callback: new Set(['']) };

/** A function that was passed as an argument or result. */
export function functionTarget(fn: (...args: unknown[]) => unknown): Target {
  const refuse = (name: string, kind: 'method' | 'attribute'): never => {
    throw notExposed(name, kind, nothing);
  };
  return {
    call: (method, args) => (method === '' ? fn(...args) : refuse(method, 'method')),
    get: (name) => refuse(name, 'attribute'),
    set: (name) => refuse(name, 'attribute'),
    exposure: isMarked('callback', fn) ? callbackFunction : nothing,
  };
}

/** `instance` gives the object that answers this one call: the same, or a new one. */
export function objectTarget(instance: () => object, exposure: Exposure): Target {
  return {
    call(method, args) {
      if (!exposure.methods.has(method)) throw notExposed(method, 'method', exposure);
      const object = instance() as Members;
      return (object[method] as (...args: unknown[]) => unknown).apply(object, args);
    },
    get(name) {
      if (!exposure.attributes.has(name)) throw notExposed(name, 'attribute', exposure);
      return (instance() as Members)[name];
    },
    set(name, value) {
      if (!exposure.attributes.has(name)) throw notExposed(name, 'attribute', exposure);
      (instance() as Members)[name] = value;
      return undefined;
    },
    exposure,
  };
}

/** Objects that cross by reference, with what of them may be used. */
const marked: WeakMap<object, Target> = new WeakMap();
const isMarkedObject = (object: object): boolean => marked.has(object);
/** Whether anything was marked that would be copied without its mark: only then each part of each value is asked for one. */
let plainMarked = false;

/**
 * From now on this object is not copied when it is an argument or a result: the other side gets a proxy to it, over the same connection.
 * It is free when nobody there uses it any more, at the latest when the connection ends.
 */
export function byReference<T extends object>(object: T, options: ExposeOptions = {}): T {
  if (typeof object !== 'object' || object === null)
    throw new MillraceError('ERR_OPTION', 'byReference takes an object; a function crosses by reference anyway');
  mark(
    object,
    objectTarget(() => object, exposureOf(object, options)),
  );
  return object;
}

/** How an object crosses by reference; undefined: it does not. */
export function markedTarget(object: object): Target | undefined {
  return marked.get(object);
}

/** An object that a daemon has registered crosses by reference too; null: no longer. */
export function mark(object: object, target: Target | null): void {
  if (target === null) {
    marked.delete(object);
    return;
  }
  marked.set(object, target);
  const prototype: unknown = Object.getPrototypeOf(object);
  plainMarked ||= prototype === Object.prototype || prototype === Array.prototype;
}

/** What tells marked objects apart from plain data; null: no plain object has ever been marked. */
export function plainMarks(): ((object: object) => boolean) | null {
  return plainMarked ? isMarkedObject : null;
}
