/**
 * Errors in a table of values: name, message, cause, own fields (`code`, `details`…) and the stack of where they were thrown. What arrives is an instance of
 * the same class where this side knows it, and `remoteTraceback` tells the stack of the other side apart from that of the call.
 */
import { MillraceError } from '../base/errors.ts';
import {
  CommunicationError,
  ConnectionClosedError,
  DaemonError,
  MessageTooLargeError,
  NamingError,
  ProtocolError,
  PyroError,
  SecurityError,
  SerializeError,
  TimeoutError,
} from './errors.ts';

const builtIn: readonly { readonly prototype: Error; readonly name: string }[] = [
  Error,
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];

const ours: readonly { readonly prototype: Error; readonly name: string }[] = [
  MillraceError,
  PyroError,
  CommunicationError,
  ConnectionClosedError,
  TimeoutError,
  ProtocolError,
  MessageTooLargeError,
  SerializeError,
  NamingError,
  DaemonError,
  SecurityError,
];

/** Where an error came from, when it came over a connection. */
const remoteStacks: WeakMap<object, string> = new WeakMap();

/** The stack of an error on the side where it was thrown, as text; null: it was not thrown by a remote object. */
export function remoteTraceback(error: unknown): string | null {
  return typeof error === 'object' && error !== null ? (remoteStacks.get(error) ?? null) : null;
}

/** An error that came in another way than by a table of values: its stack there, and what its stack here is to say. */
export function markRemoteTraceback(error: Error, traceback: string, stack: string): void {
  remoteStacks.set(error, traceback);
  define(error, 'stack', stack);
}

/** The stack says that it is of the other side, and of which call. */
export function markRemote(error: unknown, name: string): void {
  if (!(error instanceof Error)) return;
  define(error, 'stack', `${error.stack ?? String(error)}\n    --- thrown on the other side of a connection, by '${name}' ---`);
}

/** `[E, class, name, message, stack, cause or -1, …keys, …items]`; all but the class are indexes. */
export class ErrorNodes {
  readonly #names: ReadonlyMap<object, string>;
  readonly #classes: ReadonlyMap<string, object>;

  constructor(names: ReadonlyMap<object, string>, classes: ReadonlyMap<string, object>) {
    this.#names = new Map([...[...builtIn, ...ours].map((type) => [type.prototype, type.name] as const), ...names]);
    this.#classes = new Map([...this.#names].map(([prototype, name]) => [name, prototype]));
    for (const [name, prototype] of classes) if (prototype instanceof Error) (this.#classes as Map<string, object>).set(name, prototype);
  }

  write(error: Error, path: string, add: (item: unknown, path: string) => number): unknown[] {
    let prototype: object | null = Object.getPrototypeOf(error);
    while (prototype !== null && !this.#names.has(prototype)) prototype = Object.getPrototypeOf(prototype);
    const text = (value: unknown): number => add(String(value), path);
    const keys = Object.keys(error).filter((key) => key !== 'name' && key !== 'message' && key !== 'stack' && key !== 'cause');
    if (error instanceof AggregateError) keys.push('errors');
    const fields = error as unknown as Record<string, unknown>;
    return [
      'E',
      this.#names.get(prototype ?? Error.prototype) ?? 'Error',
      text(error.name),
      text(error.message),
      text(remoteStacks.get(error) ?? error.stack ?? ''),
      Object.hasOwn(error, 'cause') ? add(error.cause, `${path}.cause`) : -1,
      ...keys.map(text),
      ...keys.map((key) => add(fields[key], `${path}.${key}`)),
    ];
  }

  shell(node: readonly unknown[]): Error {
    const prototype = this.#classes.get(String(node[1]));
    const error = new Error();
    if (prototype !== undefined && prototype !== Error.prototype) Object.setPrototypeOf(error, prototype);
    return error;
  }

  fill(error: Error, node: readonly unknown[], at: (index: unknown) => unknown): void {
    const [, , name, message, stack, cause, ...fields] = node;
    const remote = String(at(stack));
    remoteStacks.set(error, remote);
    define(error, 'stack', remote);
    define(error, 'message', String(at(message)));
    if (error.name !== at(name)) define(error, 'name', String(at(name)));
    if (cause !== -1) define(error, 'cause', at(cause));
    fillFields(error, fields, at);
  }
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, configurable: true, enumerable: false, writable: true });
}

/** Fields are defined, not assigned: a setter of the class does not run. */
export function fillFields(value: object, indexes: readonly unknown[], at: (index: unknown) => unknown): void {
  const half = indexes.length / 2;
  for (let i = 0; i < half; i += 1) {
    const key = at(indexes[i]);
    if (typeof key !== 'string' || key === '__proto__') throw new TypeError('a bad key');
    Object.defineProperty(value, key, { value: at(indexes[half + i]), configurable: true, enumerable: true, writable: true });
  }
}
