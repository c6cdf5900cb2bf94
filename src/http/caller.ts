/**
 * One server as requests see it: checked before anything is sent, signed anew for each try, redirected within the origin only, tried again where
 * that is harmless and wanted. `Client` and `ClientPool` are thin faces of it.
 */
import { backoffDelay } from '../base/backoff.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { isTraced } from '../base/traced.ts';
import { parseHttpRequestOptions } from '../config/http.ts';
import type { HttpClientConfig, HttpRequestConfig, HttpRequestOptions } from '../config/http-options.ts';
import type { AuthenticatorFunction } from './authenticators.ts';
import { BodyStream } from './body-stream.ts';
import { Deadline } from './deadline.ts';
import { Exchange } from './exchange.ts';
import { HTTPError } from './http-error.ts';
import type { Origin } from './origin.ts';
import { type PreparedRequest, prepare, Request } from './request.ts';
import type { Response } from './response.ts';
import { UnderWay } from './under-way.ts';

/** A request that was checked. */
export interface Call extends PreparedRequest {
  readonly config: HttpRequestConfig;
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const backoff = { delay: 100, factor: 2, max: 5_000, jitter: 0.2 };

export class Caller {
  readonly origin: Origin;
  readonly #authenticate: AuthenticatorFunction;
  readonly #config: HttpClientConfig;
  readonly #clock: Clock = systemClock;
  readonly #exchange: Exchange;
  readonly #underWay = new UnderWay();
  #closed = false;

  constructor(origin: Origin, authenticate: AuthenticatorFunction, config: HttpClientConfig, connections: number | null = null) {
    if (config.tls !== null && !origin.secure)
      throw new MillraceError('ERR_OPTION', `tls is for https, and ${origin.url} is not: write https:// before the host, or leave tls out`);
    this.origin = origin;
    this.#authenticate = authenticate;
    this.#config = config;
    this.#exchange = new Exchange(origin, config, connections);
  }

  /** @throws ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION, ERR_ENDED */
  check(method: string, path: string, options: HttpRequestOptions = {}): Call {
    if (this.#closed) throw new MillraceError('ERR_ENDED', 'the client is closed: make a new one');
    const config = parseHttpRequestOptions(options);
    return { ...prepare(this.origin, method, path, options.body, config, this.#config.headers), config };
  }

  /** @throws HTTPError */
  send(call: Call, signal: AbortSignal | null = null): Promise<Response> {
    return this.#underWay.run(() => (isTraced() ? this.#traced(call, signal) : this.#send(call, signal)));
  }

  /** The other server is told of the trace, and a request that failed is marked in it. */
  async #traced(call: Call, signal: AbortSignal | null): Promise<Response> {
    const { withSpan } = await import('../base/tracing.ts');
    const { method, path } = call.request;
    const { hostname, port, protocol } = new URL(this.origin.url);
    const attributes = {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      // Without its query, which may hold what is secret.
      'url.full': `${this.origin.url}${path.split('?')[0]}`,
    };
    return withSpan(method, { kind: 'client', attributes }, async (span) => {
      const headers = { ...span?.headers(), ...call.headers };
      const response = await this.#send({ ...call, headers }, signal);
      span?.set({ 'http.response.status_code': response.status });
      return response;
    });
  }

  async #send(call: Call, signal: AbortSignal | null): Promise<Response> {
    const { config, request } = call;
    const deadline = new Deadline(this.#clock, config.timeout ?? this.#config.timeout, [config.signal, signal], request.toString());
    // What came in pieces is gone when it was sent.
    const again = idempotent.has(request.method) && !(call.body instanceof BodyStream);
    const most = again ? (config.retries ?? this.#config.retries) : 0;
    try {
      for (let retry = 1; ; retry += 1) {
        try {
          return await this.#follow(call, deadline);
        } catch (error) {
          if (retry > most || !(error instanceof HTTPError) || !mayPass(error)) throw error;
          await deadline.pause(Math.max(backoffDelay(retry, backoff, this.#clock.random()), retryAfter(error, this.#clock.wall())));
        }
      }
    } catch (thrown) {
      if (thrown instanceof HTTPError || !(thrown instanceof MillraceError)) throw thrown;
      throw new HTTPError({ request, code: thrown.code, reason: thrown.message, cause: thrown });
    } finally {
      deadline.end();
      if (call.body instanceof BodyStream) call.body.close();
    }
  }

  /** One try: the answer that is no redirect. */
  async #follow(call: Call, deadline: Deadline): Promise<Response> {
    let at: PreparedRequest = call;
    for (let left = this.#config.redirects; ; left -= 1) {
      const { request } = at;
      const headers = await this.#authenticated(at, deadline);
      const response = await this.#exchange.send({ ...at, headers }, deadline);
      if (response.status >= 400) throw new HTTPError({ request, response });
      const location = redirects.has(response.status) ? response.header('location') : null;
      const reading = request.method === 'GET' || request.method === 'HEAD';
      // "See Other" after something was done is an answer: it was done.
      if (location === null || (response.status === 303 && !reading)) return response;
      const refused = (why: string): HTTPError =>
        new HTTPError({ request, response, reason: `redirected to ${location.slice(0, 200)}, ${why}` });
      const target = this.#within(location, request.path);
      if (target === null) throw refused('which is not on the same origin and not followed');
      if (!reading) throw refused(`which a ${request.method} does not follow: make the request there`);
      if (left === 0) throw refused(`after ${this.#config.redirects} redirects, which are all that is followed`);
      at = { ...at, request: new Request(request.method, request.host, target) };
    }
  }

  async #authenticated({ request, headers, body }: PreparedRequest, deadline: Deadline): Promise<Record<string, string>> {
    const { method, host, path } = request;
    try {
      const streamed = body instanceof BodyStream;
      const added = await deadline.race(this.#authenticate({ method, host, path, headers, body: streamed ? null : body, streamed }));
      if (added === undefined || added === null) return headers;
      return { ...headers, ...parseHttpRequestOptions({ headers: added }).headers };
    } catch (cause) {
      if (deadline.signal.aborted) throw cause;
      throw new HTTPError({ request, reason: `${request}: its authenticator failed: ${reasonOf(cause)}`, cause });
    }
  }

  /** The path of a redirect; null: it leads elsewhere. */
  #within(location: string, path: string): string | null {
    try {
      // Bytes beyond ASCII came as one character each: they are UTF-8, as browsers take them.
      const written = location.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
      const url = new URL(written, `${this.origin.url}${path}`);
      return url.origin === this.origin.url && url.username === '' ? `${url.pathname}${url.search}` : null;
    } catch {
      return null;
    }
  }

  /** Waits for what is under way; its connections end. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.idle();
    await this.#exchange.close();
  }
}

/** Whether the same request may succeed a moment later. */
function mayPass({ code, status }: HTTPError): boolean {
  if (code === 'ERR_HTTP') return status === 502 || status === 503 || status === 504;
  return code === 'ERR_CONNECTION_CLOSED' || code === 'ERR_CONNECT_TIMEOUT';
}

/** ms that the server asks to wait, in seconds or as a date, at most the longest back-off. */
function retryAfter({ response }: HTTPError, now: number): number {
  const text = response?.header('retry-after') ?? '';
  const asked = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) - now : 0;
  return Math.min(Math.max(asked || 0, 0), backoff.max);
}
