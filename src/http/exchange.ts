/**
 * The boundary to undici: one request goes out over kept connections, one answer comes in whole, and whatever fails on the way is an `HTTPError`.
 * Nothing is followed, repeated or decompressed here.
 */
import { Buffer } from 'node:buffer';
import { type Dispatcher, errors, Pool } from 'undici';
import { type ErrorCode, MillraceError, reasonOf } from '../base/errors.ts';
import type { HttpClientConfig } from '../config/http-options.ts';
import { dialError } from '../transport/socket-errors.ts';
import { BodyStream } from './body-stream.ts';
import type { Deadline } from './deadline.ts';
import { Dialer } from './dialer.ts';
import { HTTPError } from './http-error.ts';
import type { Origin } from './origin.ts';
import type { PreparedRequest, Request } from './request.ts';
import { decodeBody, decodeText, Response, type ResponseHeaders } from './response.ts';

export class Exchange {
  readonly #origin: Origin;
  readonly #bodyLimit: number;
  readonly #dialer: Dialer;
  readonly #connections: Pool;

  /** `connections`: at most so many; null: as many as there are requests at a time. @throws ERR_TLS when a certificate or key cannot be used */
  constructor(origin: Origin, { tls, bodyLimit, privateAddresses }: HttpClientConfig, connections: number | null) {
    this.#origin = origin;
    this.#bodyLimit = bodyLimit;
    this.#dialer = new Dialer(origin, tls ?? {}, privateAddresses);
    this.#connections = new Pool(origin.url, {
      connect: this.#dialer.connect,
      // A connection is free one round of the event loop after its answer: without a limit the next request may open another one.
      connections,
      pipelining: 1,
      // The request has a time of its own, for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** The answer, whatever its status. @throws HTTPError when there is none that can be used */
  async send(prepared: PreparedRequest, deadline: Deadline): Promise<Response> {
    const { request, body } = prepared;
    try {
      // While a connection is being made undici does not heed an abort: the time of a request would be that of its connection.
      return await deadline.race(this.#answer(prepared, deadline.signal));
    } catch (thrown) {
      if (deadline.signal.aborted) throw this.#failure(request, deadline.signal.reason, '');
      if (body instanceof BodyStream && body.failure !== null)
        throw new HTTPError({
          request,
          reason: `${request}: its body failed: ${reasonOf(body.failure.thrown)}`,
          cause: body.failure.thrown,
        });
      throw thrown instanceof HTTPError ? thrown : this.#failure(request, thrown, `${request}: `);
    }
  }

  async #answer({ request, headers, body }: PreparedRequest, signal: AbortSignal): Promise<Response> {
    const { path } = request;
    const method = request.method as Dispatcher.HttpMethod;
    // undici takes any asynchronous iterable; its types know only Node's own.
    const sent = body instanceof BodyStream ? (body.chunks() as unknown as Dispatcher.DispatchOptions['body']) : body;
    const answer = await this.#connections.request({ method, path, headers, body: sent ?? null, signal });
    return toResponse(request, answer, answer.statusCode === 304 ? await nothing(answer) : await this.#read(request, answer));
  }

  async #read(request: Request, { body, statusCode, statusText, headers }: Dispatcher.ResponseData): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    // Leaving the loop closes the connection, so no more of it is read.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > this.#bodyLimit)
        throw new HTTPError({
          request,
          response: new Response(request, statusCode, statusText, plainHeaders(headers), null),
          reason: `the answer is longer than bodyLimit, ${this.#bodyLimit} bytes`,
        });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  /** `before`: what stands before the words; the reason of an abort names the request itself. */
  #failure(request: Request, thrown: unknown, before: string): HTTPError {
    const { code, text } = this.#explain(thrown);
    return new HTTPError({ request, code, reason: `${before}${text}`, cause: thrown });
  }

  #explain(thrown: unknown): { code: ErrorCode; text: string } {
    if (thrown instanceof MillraceError) return { code: thrown.code, text: thrown.message };
    const code = String((thrown as { code?: unknown } | null)?.code ?? '');
    const { host } = this.#origin;
    if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code: 'ERR_CONNECT_TIMEOUT', text: `${host} does not answer: check the address` };
    if (/^UND_ERR_(?:CLOSED|DESTROYED)$/.test(code)) return { code: 'ERR_ENDED', text: 'the client was closed' };
    // The parser's errors have their code in their text only.
    if (
      thrown instanceof errors.HTTPParserError ||
      /^UND_ERR_(?:HEADERS_OVERFLOW|RES_CONTENT_LENGTH_MISMATCH|INFO|NOT_SUPPORTED)/.test(code)
    )
      return { code: 'ERR_PROTOCOL', text: `what ${host} answers is no HTTP: ${reasonOf(thrown)}` };
    if (/^(?:UND_ERR_|ECONNRESET$|EPIPE$)/.test(code) || code === '')
      return { code: 'ERR_CONNECTION_CLOSED', text: `${host} closed the connection before its answer was whole: ${reasonOf(thrown)}` };
    const error = dialError(thrown, host);
    return { code: error.code, text: error.message };
  }

  /** Ends its connections, also those that are being made. */
  async close(): Promise<void> {
    this.#dialer.end();
    if (!this.#connections.destroyed) await this.#connections.destroy();
  }
}

/** "Not Modified" has no body; where it tells the length of the one that it stands for, undici misses that. */
async function nothing({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  await body.dump().catch(() => {});
  return Buffer.alloc(0);
}

function toResponse(request: Request, { statusCode, statusText, headers }: Dispatcher.ResponseData, bytes: Buffer): Response {
  const plain = plainHeaders(headers);
  const answer = (body: unknown): Response => new Response(request, statusCode, statusText, plain, body);
  const raw = answer(bytes);
  const encoding = raw.header('content-encoding') ?? '';
  if (bytes.length > 0 && !/^(?:identity)?$/i.test(encoding.trim()))
    throw new HTTPError({ request, response: raw, reason: `the answer is encoded as ${encoding.slice(0, 100)}, which was not asked for` });
  try {
    return answer(decodeBody(bytes, raw.header('content-type')));
  } catch (cause) {
    // The status of an error says more than that its body is malformed.
    if (statusCode >= 400) return answer(decodeText(bytes));
    throw new HTTPError({ request, response: raw, reason: `the answer says that it is JSON and is none: ${reasonOf(cause)}`, cause });
  }
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): ResponseHeaders {
  // `fromEntries` sets: a field may be called `__proto__`.
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), value]])));
}
