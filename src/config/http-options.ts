/** What requests to other servers can be told, as people write it and as it is used (ms, bytes; null = not set). */
import type { Duration, Size } from '../task/task.ts';
import type { TlsConfig, TlsOptions } from './shared-options.ts';

/** Options of a `Client` and of the ones of a `ClientPool`. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_DURATION, ERR_SIZE). */
export interface HttpClientOptions {
  /** Longest time of a request from its first byte to the last of its answer, retries included; then ERR_TIMEOUT. Default 30 s. */
  timeout?: Duration;
  /**
   * How often a request of an idempotent method (GET, HEAD, OPTIONS, PUT, DELETE) is made again when its connection fails or the answer is 502, 503 or
   * 504: after 0.1 s, each time twice as long, at most 5 s, or as `Retry-After` says up to that. Each try is signed anew. Default 0.
   */
  retries?: number;
  /** How many redirects a GET or HEAD follows, on the same origin only. Default 5. */
  redirects?: number;
  /** The longest body of an answer that is read; a longer one ends the request with ERR_HTTP. Default 16 MiB. */
  bodyLimit?: Size;
  /** What to trust and to show over HTTPS. Default: the system's roots and this machine's own certificate. Errors: ERR_TLS. */
  tls?: TlsOptions;
  /** Header fields of every request. */
  headers?: Readonly<Record<string, string | number>>;
  /** Whether hosts of private networks and of this machine may be asked. With false such a request ends with ERR_ADDRESS, whatever its name was said to stand for before. Default true. */
  privateAddresses?: boolean;
}

export interface HttpClientConfig {
  readonly timeout: number;
  readonly retries: number;
  readonly redirects: number;
  readonly bodyLimit: number;
  readonly tls: TlsConfig | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly privateAddresses: boolean;
}

/** Options of a `ClientPool`. */
export interface HttpPoolOptions extends HttpClientOptions {
  /** How many requests run at a time on one host. Default 2. (Source: Napix.) */
  simultaneous?: number;
  /** Ends every request of the pool: ERR_ABORTED. */
  signal?: AbortSignal;
}

export interface HttpPoolConfig {
  readonly simultaneous: number;
}

/** A value of a query; what is null or undefined is left out, a list repeats its name. */
export type QueryValue = string | number | boolean | null | undefined | readonly (string | number | boolean)[];

/** Options of one request. */
export interface HttpRequestOptions {
  /**
   * Bytes go as they are (application/octet-stream), so do a text with a `content-type` that is not JSON, URLSearchParams, a FormData and a Blob; a stream or another
   * asynchronous iterable of bytes and texts goes in pieces, as it comes, once, and unsigned. Anything else goes as JSON.
   */
  body?: unknown;
  /** Header fields. Those of the connection and of the message's length are the client's own. */
  headers?: Readonly<Record<string, string | number>>;
  /** Appended to the path. */
  query?: Readonly<Record<string, QueryValue>> | URLSearchParams;
  /** In place of the client's. */
  timeout?: Duration;
  /** In place of the client's. */
  retries?: number;
  /** Ends the request: ERR_ABORTED. */
  signal?: AbortSignal;
}

export interface HttpRequestConfig {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly timeout: number | null;
  readonly retries: number | null;
  readonly signal: AbortSignal | null;
}

/** How results of a pool are waited for. */
export interface WaitUnorderedOptions {
  /** At most so many. Default: all. */
  count?: number;
  /** Longest time for all of them; then the iteration throws ERR_TIMEOUT. Default: none. */
  timeout?: Duration;
  /** Ends the waiting, not the requests: the iteration throws ERR_ABORTED. */
  signal?: AbortSignal;
}

export interface WaitUnorderedConfig {
  readonly count: number;
  readonly timeout: number | null;
  readonly signal: AbortSignal | null;
}

/** Options of a `SignatureVerifier`. */
export interface SignatureVerifierOptions {
  /** How far the time of a request may be from this server's, either way. Default 60 s. */
  window?: Duration;
  /** Accept signatures that leave out the body and have short nonces, as Napix's own client makes them. Default: false. */
  plain?: boolean;
  /** The hosts that this server answers to, as they stand in `Host`: a request that was signed for another server cannot be handed on to this one. Default: whatever the request says. */
  hosts?: readonly string[];
  /** How many requests of a login within the window are remembered; more of it are refused with 503. Default 100,000. */
  remembered?: number;
}

export interface SignatureVerifierConfig {
  readonly window: number;
  readonly plain: boolean;
  readonly hosts: readonly string[] | null;
  readonly remembered: number;
}
