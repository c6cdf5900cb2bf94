/**
 * Exceptions of Python and errors of ours, one made of the other. Nothing is evaluated and no class is looked up by name: an exception becomes an error
 * that says its class, an error becomes an exception of a class that every Python has.
 */
import { inspect } from 'node:util';
import { type ErrorCode, MillraceError } from '../../base/errors.ts';
import { markRemoteTraceback } from '../error-nodes.ts';
import {
  CommunicationError,
  ConnectionClosedError,
  DaemonError,
  MessageTooLargeError,
  NamingError,
  ProtocolError,
  PyroError,
  type RemoteErrorOptions,
  SecurityError,
  SerializeError,
  TimeoutError,
} from '../errors.ts';
import { textOf } from './core/text.ts';

/** An exception of Python that is none of Pyro's own: its class, its arguments, and the attributes that it had. */
export class PythonError extends Error {
  /** For instance `builtins.ValueError`. */
  readonly pythonClass: string;
  readonly args: readonly unknown[];
  readonly attributes: Readonly<Record<string, unknown>>;

  /** Thrown by a method of a `PyroDaemon` it is this exception at the Python that called. */
  constructor(pythonClass: string, args: readonly unknown[] = [], attributes: Readonly<Record<string, unknown>> = {}) {
    super(messageOf(args));
    this.name = pythonClass.slice(pythonClass.lastIndexOf('.') + 1);
    this.pythonClass = pythonClass;
    this.args = args;
    this.attributes = attributes;
  }
}

/** As `str()` has it of most exceptions. */
function messageOf(args: readonly unknown[]): string {
  const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value, bigints) ?? textOf(value)));
  return args.length === 1 ? text(args[0]) : args.map(text).join(', ');
}

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

type Kind = new (message: string, options?: RemoteErrorOptions) => PyroError;

/** Pyro's own, the narrower before the wider. */
const own: readonly (readonly [name: string, kind: Kind & { readonly codes: readonly ErrorCode[] }])[] = [
  ['MessageTooLargeError', MessageTooLargeError],
  ['SerializeError', SerializeError],
  ['ConnectionClosedError', ConnectionClosedError],
  ['TimeoutError', TimeoutError],
  ['ProtocolError', ProtocolError],
  ['CommunicationError', CommunicationError],
  ['NamingError', NamingError],
  ['DaemonError', DaemonError],
  ['SecurityError', SecurityError],
  ['PyroError', PyroError],
];

/** What crosses of an exception. */
export interface ExceptionParts {
  readonly pythonClass: string;
  readonly args: readonly unknown[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

const tracebackName = '_pyroTraceback';

/** The error of an exception that came in. */
export function errorOf({ pythonClass, args, attributes }: ExceptionParts): Error {
  const { [tracebackName]: traceback, ...others } = attributes;
  const kind = /^Pyro[45]\.errors\./.test(pythonClass) ? own.find(([name]) => name === pythonClass.slice(13))?.[1] : undefined;
  const error =
    kind === undefined
      ? new PythonError(pythonClass, args, others)
      : new kind(messageOf(args), { details: { pythonClass, args, attributes: others } });
  const lines = Array.isArray(traceback) ? traceback.filter((line) => typeof line === 'string') : [];
  if (lines.length > 0) {
    const text = lines.join('');
    const boxed = text.trimEnd().replaceAll(/^/gm, ' | ');
    markRemoteTraceback(
      error,
      text,
      `${error.name}: ${error.message}\n +--- This exception occured remotely (Pyro) - Remote traceback:\n${boxed}\n +--- End of remote traceback`,
    );
  }
  return error;
}

const builtIn: readonly (readonly [kind: new (message?: string) => Error, pythonClass: string])[] = [
  [TypeError, 'builtins.TypeError'],
  [RangeError, 'builtins.ValueError'],
  [ReferenceError, 'builtins.NameError'],
  [SyntaxError, 'builtins.ValueError'],
  [URIError, 'builtins.ValueError'],
];

function classOf(error: Error): string {
  if (error instanceof PythonError) return error.pythonClass;
  if (error instanceof MillraceError) {
    if (error.code === 'ERR_NOT_EXPOSED') return 'builtins.AttributeError';
    return `Pyro4.errors.${own.find(([, kind]) => kind.codes.includes(error.code))?.[0] ?? 'PyroError'}`;
  }
  return builtIn.find(([kind]) => error instanceof kind)?.[1] ?? 'builtins.Exception';
}

/** Names that an exception of Python has for itself. */
const taken: ReadonlySet<string> = new Set(['args', 'add_note', 'with_traceback', 'name', 'message', 'stack', 'cause']);

/** The exception of what was thrown here. `stack`: whether it says where. */
export function exceptionOf(thrown: unknown): ExceptionParts {
  const error = thrown instanceof Error ? thrown : new Error(typeof thrown === 'object' ? inspect(thrown) : String(thrown));
  const attributes: Record<string, unknown> = { ...(error instanceof PythonError ? error.attributes : {}) };
  if (!(error instanceof PythonError))
    for (const [name, value] of Object.entries(error)) if (/^[a-z]\w*$/i.test(name) && !taken.has(name)) attributes[name] = value;
  attributes[tracebackName] = textOf(error.stack ?? error.message)
    .split('\n')
    .map((line) => `${line}\n`);
  return { pythonClass: classOf(error), args: error instanceof PythonError ? error.args : [error.message], attributes };
}

/** The end of a stream, as Python says it. */
export function isEndOfStream(error: unknown): boolean {
  return error instanceof PythonError && (error.pythonClass === 'builtins.StopIteration' || error.pythonClass === 'builtins.GeneratorExit');
}
