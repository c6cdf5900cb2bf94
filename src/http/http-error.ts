/** A request to another server that did not succeed: what was asked, and what came instead of an answer that can be used. */
import { type ErrorCode, MillraceError, reasonOf } from '../base/errors.ts';
import type { Request } from './request.ts';
import type { Response } from './response.ts';

/** What of a text is kept in an error. */
const longestText = 10_000;

export interface HTTPErrorParts {
  readonly request: Request;
  /** The answer, when there was one. */
  readonly response?: Response;
  /** What went wrong, when it was not the status. */
  readonly reason?: string;
  /** Default `ERR_HTTP`. */
  readonly code?: ErrorCode;
  readonly cause?: unknown;
}

/**
 * Thrown by `request()` for a status of 400 or more (`code` is ERR_HTTP), and when there is no answer that can be used: ERR_CONNECTION_CLOSED,
 * ERR_CONNECT_TIMEOUT, ERR_TIMEOUT, ERR_ABORTED, ERR_TLS, ERR_ADDRESS, ERR_PROTOCOL. Its text is `"404 NOT FOUND" what the server said`. (Source: Napix, `HTTPError`.)
 */
export class HTTPError extends MillraceError {
  /** 0: no answer came. */
  readonly status: number;
  readonly request: Request;
  /** The answer; null when none came, or not whole. */
  readonly response: Response | null;
  /** `GET server.napix.nx/captains` */
  readonly remoteCall: string;
  /** The body of the answer when it is an object or list of JSON, which may itself hold `remote_call` and `remote_error`; else the text of this error. */
  readonly remoteError: unknown;

  constructor(parts: HTTPErrorParts) {
    const { request, response } = parts;
    const said = parts.reason ?? (response === undefined ? 'no answer' : textOf(response.body));
    const text = response === undefined ? said : `"${`${response.status} ${response.reason}`.trim().toUpperCase()}" ${said}`.trimEnd();
    const cause = parts.cause === undefined ? {} : { cause: parts.cause };
    super(parts.code ?? 'ERR_HTTP', text, {
      ...cause,
      details: { status: response?.status ?? 0, method: request.method, host: request.host, path: request.path },
    });
    this.name = 'HTTPError';
    this.status = response?.status ?? 0;
    this.request = request;
    this.response = response ?? null;
    this.remoteCall = request.toString();
    this.remoteError = parts.reason === undefined && isStructure(response?.body) ? response?.body : text;
  }

  override toString(): string {
    return this.message;
  }
}

function isStructure(body: unknown): boolean {
  return typeof body === 'object' && body !== null && !ArrayBuffer.isView(body);
}

function textOf(body: unknown): string {
  if (body === null || body === undefined) return '';
  if (typeof body === 'string') return body.slice(0, longestText);
  if (ArrayBuffer.isView(body)) return `${body.byteLength} bytes`;
  if (typeof body !== 'object') return String(body);
  for (const name of ['error_text', 'message', 'error', 'detail']) {
    const value = Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
    if (typeof value === 'string') return value.slice(0, longestText);
  }
  try {
    return JSON.stringify(body, unlessStack).slice(0, longestText);
  } catch (thrown) {
    return `an answer that cannot be shown: ${reasonOf(thrown)}`;
  }
}

/** A copy of what JSON said, without the stacks in it; they are for whoever asked, not for whoever asks him. */
export function withoutStacks(body: object): unknown {
  return JSON.parse(JSON.stringify(body, unlessStack)) as unknown;
}

function unlessStack(name: string, value: unknown): unknown {
  return name === 'traceback' || name === 'stack' || name === 'stacktrace' ? undefined : value;
}
