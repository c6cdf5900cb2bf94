/**
 * What of an object others may call, decided once when it is registered. Nothing private (`_x`), nothing of `Object`, never `constructor`, `then` or
 * `__proto__`; only what is listed, or the methods and accessors of the object's own class when nothing is.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { isMarked } from './decorators.ts';
import { checkNames } from './option-checks.ts';

export interface ExposeOptions {
  /** Methods, accessors and fields that may be used. Default: those marked by `@expose`, else all public methods and accessors of its class, no fields. */
  readonly expose?: readonly string[];
  /** Methods of which no answer is sent. */
  readonly oneway?: readonly string[];
  /** Methods that may be called again when the connection was lost under them (`maxRetries`). */
  readonly idempotent?: readonly string[];
  /** Methods of which an error is told on this side too, as by `@callback`. */
  readonly callback?: readonly string[];
}

export interface Exposure {
  readonly methods: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  readonly oneway: ReadonlySet<string>;
  readonly idempotent: ReadonlySet<string>;
  readonly callback: ReadonlySet<string>;
}

/** Of what has no methods. */
export const nothing: Exposure = {
  methods: new Set(),
  attributes: new Set(),
  oneway: new Set(),
  idempotent: new Set(),
  callback: new Set(),
};

const never: ReadonlySet<string> = new Set(['constructor', 'then', '__proto__', 'prototype']);

/** Whether a name can be exposed at all. */
function isPublic(name: string): boolean {
  return name !== '' && !name.startsWith('_') && !name.startsWith('#') && !never.has(name) && !(name in Object.prototype);
}

/** Whether an object is of a class, so that functions that are its own are fields of it; those of a plain object are its methods. */
function isInstance(shape: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(shape);
  return prototype !== Object.prototype && prototype !== null && !Object.hasOwn(shape, 'constructor');
}

/** `shape`: the object, or the prototype of its class. @throws ERR_NOT_EXPOSED for a listed name that cannot be exposed */
export function exposureOf(shape: object, options: ExposeOptions = {}): Exposure {
  for (const option of ['expose', 'oneway', 'idempotent', 'callback'] as const) checkNames(options[option], option);
  const fields = isInstance(shape) ? new Set(Object.keys(shape)) : nothing.methods;
  const found = new Map<string, 'method' | 'attribute'>();
  const marked: Record<'expose' | 'oneway' | 'callback', string[]> = { expose: [], oneway: [], callback: [] };
  let whole = false;
  for (let level: object | null = shape; level !== null && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    whole ||= isMarked('expose', Object.getOwnPropertyDescriptor(level, 'constructor')?.value);
    for (const [name, { value, get, set }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (!isPublic(name) || found.has(name)) continue;
      if (typeof value === 'function') found.set(name, 'method');
      else if (get !== undefined || set !== undefined) found.set(name, 'attribute');
      for (const mark of ['expose', 'oneway', 'callback'] as const)
        if ([value, get, set].some((member) => isMarked(mark, member))) marked[mark].push(name);
    }
  }
  const listed =
    options.expose ?? (whole || marked.expose.length === 0 ? [...found.keys()].filter((name) => !fields.has(name)) : marked.expose);
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
  const exposed = (names: readonly string[]): readonly string[] => names.filter((name) => methods.has(name));
  return {
    methods,
    attributes: new Set(listed.filter((name) => found.get(name) === 'attribute')),
    oneway: chosen(options.oneway ?? exposed(marked.oneway), 'oneway'),
    idempotent: chosen(options.idempotent ?? [], 'idempotent'),
    callback: chosen(options.callback ?? exposed(marked.callback), 'callback'),
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
      `'${text}' is an attribute of the remote object: await it, or set it by control(remote).set`,
    );
  return new MillraceError(
    'ERR_NOT_EXPOSED',
    `the remote object has no exposed ${kind} '${text}'.${didYouMean(text, kind === 'method' ? methods : attributes)}`,
  );
}
