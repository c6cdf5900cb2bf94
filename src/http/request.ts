/** One request as it will stand on the wire: method, path and body are checked and encoded here, before anything is sent. */
import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { HttpRequestConfig } from '../config/http-options.ts';
import { BodyStream } from './body-stream.ts';
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
  readonly body: Uint8Array | BodyStream | null;
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

type Encoded = [body: Uint8Array | BodyStream | null, type: string | null];

function encodeBody(body: unknown, type: string | undefined): Encoded {
  if (body === undefined) return [null, null];
  const bytes = bytesOf(body);
  if (bytes !== null) return [bytes, type ?? 'application/octet-stream'];
  if (typeof body === 'string' && type !== undefined && !isJson(type)) return [Buffer.from(body), type];
  if (typeof body === 'object' && body !== null) {
    if (body instanceof URLSearchParams) return [Buffer.from(body.toString()), type ?? 'application/x-www-form-urlencoded;charset=UTF-8'];
    if (body instanceof FormData || body instanceof Blob) return encodeForm(body, type);
    if (Symbol.asyncIterator in body) return [new BodyStream(body as AsyncIterable<unknown>), type ?? 'application/octet-stream'];
  }
  return [Buffer.from(jsonOf(body)), type ?? 'application/json'];
}

function bytesOf(body: unknown): Uint8Array | null {
  if (body instanceof Uint8Array) return body;
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return body instanceof ArrayBuffer ? new Uint8Array(body) : null;
}

/** A form or a file as the web's own encoding has it; the boundary of a form stands in its type. */
function encodeForm(body: FormData | Blob, type: string | undefined): Encoded {
  const { headers, body: stream } = new globalThis.Response(body);
  const own = headers.get('content-type') ?? 'application/octet-stream';
  return [
    stream === null ? new Uint8Array(0) : new BodyStream(stream as AsyncIterable<unknown>),
    body instanceof Blob ? (type ?? own) : own,
  ];
}

/** What JSON would take for an empty object is refused: nobody means that. */
function jsonOf(body: unknown): string {
  const empty =
    typeof body === 'object' &&
    body !== null &&
    !('toJSON' in body) &&
    ('then' in body || body instanceof Error || body instanceof RegExp || (Symbol.iterator in body && !Array.isArray(body)));
  let text: string | undefined;
  let cause: unknown;
  try {
    text = empty ? undefined : JSON.stringify(body);
  } catch (thrown) {
    cause = thrown;
  }
  if (text !== undefined) return text;
  throw new MillraceError(
    'ERR_OPTION',
    `body must be what JSON can say, bytes, a stream, a form or URLSearchParams${cause === undefined ? '' : `: ${reasonOf(cause)}`}`,
    { cause },
  );
}

/** Whether a content type is JSON: `application/json`, `application/problem+json`… */
export function isJson(type: string): boolean {
  return /^\s*(?:application|text)\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type);
}
