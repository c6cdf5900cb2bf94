/**
 * An error that a handler did not catch, as its caller gets it: JSON that names the request, the error, and, when it came from another server,
 * what was asked there and what that answered. Since that answer may be of the same kind, errors nest through any number of servers.
 */
import { MillraceError, reasonOf } from '../base/errors.ts';
import { HTTPError, withoutStacks } from './http-error.ts';
import { type Frame, framesOf } from './stack-frames.ts';

/** (Source: Napix, `ExceptionsCatcher`.) */
export interface ErrorBody {
  readonly request: { readonly method: string; readonly path: string };
  readonly error_text: string;
  readonly error_class: string;
  /** Of the errors of this library. */
  readonly error_code?: string;
  /** The user's frames, outermost first; with `filename` and `line` of the innermost. Only with `showStack`. */
  readonly traceback?: readonly Frame[];
  readonly filename?: string;
  readonly line?: number;
  /** `GET server.napix.nx/captains` */
  readonly remote_call?: string;
  readonly remote_error?: unknown;
}

export interface ErrorBodyOptions {
  /** Tell where in the code it happened, here and on the servers behind. Default false. */
  readonly showStack?: boolean;
}

/** What tells places in the code, in an error of this kind. */
const places: ReadonlySet<string> = new Set(['filename', 'line']);
/** Causes that are looked through for one from another server. */
const deepest = 10;

/** @param thrown whatever a handler threw */
export function errorBody(
  thrown: unknown,
  request: { readonly method: string; readonly path: string },
  options: ErrorBodyOptions = {},
): ErrorBody {
  const showStack = options.showStack === true;
  const frames = showStack ? framesOf(thrown) : [];
  const innermost = frames.at(-1);
  const remote = remoteOf(thrown);
  return {
    request: { method: request.method, path: request.path },
    // A message may have been overwritten by anything.
    error_text: String(reasonOf(thrown)),
    error_class: thrown instanceof Error ? String(thrown.name) : typeof thrown,
    ...(thrown instanceof MillraceError ? { error_code: thrown.code } : {}),
    ...(showStack ? { traceback: frames } : {}),
    ...(innermost === undefined ? {} : { filename: innermost.filename, line: innermost.line }),
    ...(remote === null
      ? {}
      : { remote_call: remote.remoteCall, remote_error: showStack ? remote.remoteError : withoutPlaces(remote.remoteError) }),
  };
}

/** The error of another server that is this one, or the reason of it. */
function remoteOf(thrown: unknown): HTTPError | null {
  let error = thrown;
  for (let depth = 0; depth < deepest && error instanceof Error; depth += 1) {
    if (error instanceof HTTPError) return error;
    // None of several servers had it: the first tells why.
    const first = error instanceof AggregateError ? error.errors.find((one) => one instanceof HTTPError) : undefined;
    if (first instanceof HTTPError) return first;
    error = error.cause;
  }
  return null;
}

/**
 * The errors of the servers behind, one inside the other, without places in their code: this server does not show them either. Stacks are taken out
 * wherever they stand, since other servers have errors of other shapes.
 */
function withoutPlaces(remote: unknown): unknown {
  if (typeof remote !== 'object' || remote === null) return remote;
  const plain = withoutStacks(remote);
  for (let error = plain; isRecord(error); error = error.remote_error) for (const name of places) delete error[name];
  return plain;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface ErrorAnswer {
  readonly status: 500;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The whole answer: a 500 with JSON, or with a text where JSON cannot say it. */
export function errorAnswer(
  thrown: unknown,
  request: { readonly method: string; readonly path: string },
  options: ErrorBodyOptions = {},
): ErrorAnswer {
  const answer = (type: string, body: string): ErrorAnswer => ({
    status: 500,
    headers: { 'content-type': type, 'x-content-type-options': 'nosniff' },
    body,
  });
  try {
    return answer('application/json', JSON.stringify(errorBody(thrown, request, options)));
  } catch (failure) {
    return answer('text/plain; charset=utf-8', `Cannot encode the error: ${described(failure)}`);
  }
}

function described(failure: unknown): string {
  try {
    return reasonOf(failure);
  } catch {
    return 'it cannot be told';
  }
}
