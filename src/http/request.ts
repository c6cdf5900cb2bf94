/** One request as it will stand on the wire: method, path and body are checked and encoded here, before anything is sent. */
import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { HttpRequestConfig } from '../config/http-options.ts';
import type { Origin } from './origin.ts';

/** A request as answers and errors name it. It holds no header fields, so none of its secrets. */
export class Request {
  static {
    Object.defineProperty(Request.prototype, inspect.custom, {
      value(this: Request): string {
        return `<Request ${this}>`;
      },
    });
  }

  readonly method: string;
  /** The server's name, with its port where that is not the scheme's own. */
  readonly host: string;
  /** With its query. */
  readonly path: string;

  constructor(method: string, host: string, path: string) {
    this.method = method;
    this.host = host;
    this.path = path;
  }

  /** `GET server.napix.nx/captains`: what stands in `remote_call`. */
  toString(): string {
    return `${this.method} ${this.host}${this.path}`;
  }
}

/** A request with what is sent of it beside the authenticator's word. */
export interface PreparedRequest {
  readonly request: Request;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: there is none. */
  readonly body: Uint8Array | null;
}

/** @throws ERR_OPTION for what cannot be sent */
export function prepare(
  origin: Origin,
  method: string,
  path: string,
  body: unknown,
  config: HttpRequestConfig,
  common: Readonly<Record<string, string>>,
): PreparedRequest {
  const given = { ...common, ...config.headers };
  const [bytes, type] = encodeBody(body, given['content-type']);
  const headers: Record<string, string> = { accept: 'application/json', ...given, 'accept-encoding': 'identity' };
  if (type !== null) headers['content-type'] = type;
  const request = new Request(checkedMethod(method), origin.host, encodePath(path, config.query));
  if (bytes !== null && (request.method === 'GET' || request.method === 'HEAD'))
    throw new MillraceError('ERR_OPTION', `a ${request.method} has no body: give it as query, or take another method`);
  return { request, headers, body: bytes };
}

function checkedMethod(method: unknown): string {
  // CONNECT and TRACE are for proxies.
  if (typeof method !== 'string' || !/^[A-Za-z][A-Za-z-]{0,31}$/.test(method) || /^(?:connect|trace)$/i.test(method))
    throw new MillraceError('ERR_OPTION', `method must be one such as 'GET' or 'POST'; it is ${inspect(method).slice(0, 100)}`);
  return method.toUpperCase();
}

/** The path as it is sent: what is no character of a URL is percent-encoded, nothing else is changed, so what is signed is what arrives. */
function encodePath(path: unknown, query: HttpRequestConfig['query'] = []): string {
  if (typeof path !== 'string' || !path.startsWith('/') || /[\p{Cc}\p{Surrogate}#]/u.test(path))
    throw new MillraceError(
      'ERR_OPTION',
      `path must begin with '/' and hold no '#' and no control characters, such as '/tasks?state=ready'; it is ${inspect(path).slice(0, 200)}`,
    );
  const encoded = path.replace(/[^\x21-\x7e]|["<>\\^`{|}]/gu, encodeURIComponent);
  if (query.length === 0) return encoded;
  return `${encoded}${encoded.includes('?') ? '&' : '?'}${new URLSearchParams(query.map(([name, value]): [string, string] => [name, value]))}`;
}

function encodeBody(body: unknown, type: string | undefined): [bytes: Uint8Array | null, type: string | null] {
  if (body === undefined) return [null, null];
  if (body instanceof Uint8Array) return [body, type ?? 'application/octet-stream'];
  if (typeof body === 'string' && type !== undefined && !isJson(type)) return [Buffer.from(body), type];
  let text: string | undefined;
  let cause: unknown;
  try {
    text = typeof body === 'object' && body !== null && Symbol.asyncIterator in body ? undefined : JSON.stringify(body);
  } catch (thrown) {
    cause = thrown;
  }
  if (text === undefined)
    throw new MillraceError('ERR_OPTION', `body must be bytes or what JSON can say${cause === undefined ? '' : `: ${reasonOf(cause)}`}`, {
      cause,
    });
  return [Buffer.from(text), type ?? 'application/json'];
}

/** Whether a content type is JSON: `application/json`, `application/problem+json`… */
export function isJson(type: string): boolean {
  return /^\s*(?:application|text)\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type);
}
