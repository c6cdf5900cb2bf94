/** The answer of another server, its body decoded by what its content type says. */
import type { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import type { Request } from './request.ts';
import { isJson } from './request.ts';

export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>;

/** `Body`: what the server is known to answer; nothing checks that it does. */
export class Response<Body = unknown> {
  static {
    Object.defineProperty(Response.prototype, inspect.custom, {
      value(this: Response): string {
        return `${this}`;
      },
    });
  }

  readonly status: number;
  /** The words after the status; '' when the server says none. */
  readonly reason: string;
  /** By lower-case name; what came more than once is a list. */
  readonly headers: ResponseHeaders;
  /** The value of JSON, a text for `text/…`, else a Buffer; null when there is none. */
  readonly body: Body;
  readonly request: Request;

  constructor(request: Request, status: number, reason: string, headers: ResponseHeaders, body: Body) {
    this.request = request;
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.body = body;
  }

  /** A header field as one text, null when it is not there. */
  header(name: string): string | null {
    const value = Object.hasOwn(this.headers, name.toLowerCase()) ? this.headers[name.toLowerCase()] : undefined;
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ');
  }

  /** `<Response 200 OK>` */
  toString(): string {
    return `<Response ${`${this.status} ${this.reason}`.trim()}>`;
  }
}

/** @throws SyntaxError or TypeError when the bytes are not what the type says */
export function decodeBody(bytes: Buffer, type: string | null): unknown {
  if (bytes.length === 0) return null;
  if (type !== null && isJson(type)) return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  if (type === null || !/^\s*text\//i.test(type)) return bytes;
  return decodeText(bytes, /;\s*charset\s*=\s*"?([\w:.-]+)/i.exec(type)?.[1]);
}

/** A charset that nobody knows is read as UTF-8. */
export function decodeText(bytes: Uint8Array, charset = 'utf-8'): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
