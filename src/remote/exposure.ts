/**
 * What of an object others may call, decided once when it is registered. Nothing private (`_x`), nothing of `Object`, never `constructor`, `then` or
 * `__proto__`; only what is listed, or the methods and accessors of the object's own class when nothing is.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';

export interface ExposeOptions {
  /** Methods, accessors and fields that may be used. Default: all public methods and accessors of its class, no fields. */
  readonly expose?: readonly string[];
  /** Methods of which no answer is sent. */
  readonly oneway?: readonly string[];
  /** Methods that may be called again when the connection was lost under them (`maxRetries`). */
  readonly idempotent?: readonly string[];
}

export interface Exposure {
  readonly methods: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  readonly oneway: ReadonlySet<string>;
  readonly idempotent: ReadonlySet<string>;
}

const never: ReadonlySet<string> = new Set(['constructor', 'then', '__proto__', 'prototype']);

/** Whether a name can be exposed at all. */
function isPublic(name: string): boolean {
  return name !== '' && !name.startsWith('_') && !name.startsWith('#') && !never.has(name) && !(name in Object.prototype);
}

/** `shape`: the object, or the prototype of its class. @throws ERR_NOT_EXPOSED for a listed name that cannot be exposed */
export function exposureOf(shape: object, options: ExposeOptions = {}): Exposure {
  const found = new Map<string, 'method' | 'attribute'>();
  for (let level: object | null = shape; level !== null && level !== Object.prototype; level = Object.getPrototypeOf(level))
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (!isPublic(name) || found.has(name)) continue;
      if (typeof descriptor.value === 'function') found.set(name, 'method');
      else if (descriptor.get !== undefined || descriptor.set !== undefined) found.set(name, 'attribute');
    }
  const listed = options.expose ?? [...found.keys()];
  for (const name of listed) {
    if (!isPublic(name)) throw new MillraceError('ERR_NOT_EXPOSED', `'${name}' is private or of every object: it cannot be exposed`);
    if (!found.has(name)) found.set(name, 'attribute');
  }
  const methods = new Set(listed.filter((name) => found.get(name) === 'method'));
  const chosen = (names: readonly string[], option: string): Set<string> => {
    for (const name of names)
      if (!methods.has(name))
        throw new MillraceError('ERR_NOT_EXPOSED', `${option} names '${name}', which is no exposed method.${didYouMean(name, methods)}`);
    return new Set(names);
  };
  return {
    methods,
    attributes: new Set(listed.filter((name) => found.get(name) === 'attribute')),
    oneway: chosen(options.oneway ?? [], 'oneway'),
    idempotent: chosen(options.idempotent ?? [], 'idempotent'),
  };
}

/** What the message of a refused name says. */
export function notExposed(name: unknown, kind: 'method' | 'attribute', { methods, attributes }: Exposure): MillraceError {
  const text = String(name).slice(0, 200);
  if (kind === 'attribute' && methods.has(text))
    return new MillraceError('ERR_NOT_EXPOSED', `'${text}' is a method of the remote object: call it`);
  if (kind === 'method' && attributes.has(text))
    return new MillraceError(
      'ERR_NOT_EXPOSED',
      `'${text}' is an attribute of the remote object: await it, or set it by control(proxy).set`,
    );
  return new MillraceError(
    'ERR_NOT_EXPOSED',
    `the remote object has no exposed ${kind} '${text}'.${didYouMean(text, kind === 'method' ? methods : attributes)}`,
  );
}
