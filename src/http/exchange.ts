/**
 * The boundary to undici: one request goes out over kept connections, one answer comes in whole, and whatever fails on the way is an `HTTPError`.
 * Nothing is followed, repeated or decompressed here.
 */
import { Buffer } from 'node:buffer';
import { buildConnector, type Dispatcher, errors, Pool } from 'undici';
import { systemClock } from '../base/clock.ts';
import { type ErrorCode, MillraceError, reasonOf } from '../base/errors.ts';
import type { HttpClientConfig } from '../config/http-options.ts';
import { checkFingerprint, dialTls } from '../transport/certificate.ts';
import { defaultKeyFolder } from '../transport/key-folder.ts';
import { publicLookup, refusedLiteral } from '../transport/public-address.ts';
import { dialError } from '../transport/socket-errors.ts';
import { HTTPError } from './http-error.ts';
import type { Origin } from './origin.ts';
import type { PreparedRequest, Request } from './request.ts';
import { decodeBody, decodeText, Response, type ResponseHeaders } from './response.ts';

/** Longest time for a connection to stand, within the time of its request. */
const connectTimeout = 10_000;

export class Exchange {
  readonly #origin: Origin;
  readonly #bodyLimit: number;
  readonly #connections: Pool;

  /** `connections`: at most so many; null: as many as there are requests at a time. @throws ERR_TLS when a certificate or key cannot be used */
  constructor(origin: Origin, { tls, bodyLimit, privateAddresses }: HttpClientConfig, connections: number | null) {
    this.#origin = origin;
    this.#bodyLimit = bodyLimit;
    this.#connections = new Pool(origin.url, {
      connect: connector(origin, tls ?? {}, privateAddresses),
      // A connection is free one round of the event loop after its answer: without a limit the next request may open another one.
      connections,
      pipelining: 1,
      // The request has a time of its own, for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** The answer, whatever its status. @throws HTTPError when there is none that can be used */
  async send({ request, headers, body }: PreparedRequest, signal: AbortSignal): Promise<Response> {
    let answer: Dispatcher.ResponseData;
    let bytes: Buffer;
    try {
      const { method, path } = request;
      answer = await this.#connections.request({ method: method as Dispatcher.HttpMethod, path, headers, body, signal });
      bytes = await this.#read(request, answer);
    } catch (thrown) {
      throw thrown instanceof HTTPError ? thrown : this.#failure(request, signal.aborted ? signal.reason : thrown);
    }
    return toResponse(request, answer, bytes);
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

  #failure(request: Request, thrown: unknown): HTTPError {
    const { code, text } = this.#explain(thrown);
    return new HTTPError({ request, code, reason: `${request}: ${text}`, cause: thrown });
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

  /** Waits for what is under way; its connections end. */
  async close(): Promise<void> {
    if (!this.#connections.closed) await this.#connections.close();
  }
}

function toResponse(request: Request, { statusCode, statusText, headers }: Dispatcher.ResponseData, bytes: Buffer): Response {
  const plain = plainHeaders(headers);
  const answer = (body: unknown): Response => new Response(request, statusCode, statusText, plain, body);
  const raw = answer(bytes);
  const encoding = raw.header('content-encoding') ?? 'identity';
  if (bytes.length > 0 && encoding.toLowerCase() !== 'identity')
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
  const plain: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) plain[name.toLowerCase()] = value;
  return plain;
}

/** `anywhere`: not to public addresses alone. */
function connector(origin: Origin, tls: NonNullable<HttpClientConfig['tls']>, anywhere: boolean): buildConnector.connector {
  const guard = anywhere ? {} : { lookup: publicLookup };
  const connect = origin.secure ? secureConnector(origin, tls, guard) : buildConnector({ ...guard, timeout: connectTimeout });
  const refusal = anywhere ? null : refusedLiteral(origin.hostname);
  // An address that is written as one is not looked up.
  return refusal === null ? connect : (_target, callback) => callback(refusal, null);
}

/** TLS as everywhere in this library: 1.2 at least, the system's roots and this machine's own certificate, or `ca`, or exactly one pinned certificate. */
function secureConnector(
  origin: Origin,
  tls: NonNullable<HttpClientConfig['tls']>,
  guard: { readonly lookup?: typeof publicLookup },
): buildConnector.connector {
  // No session is kept: each connection shows its certificate.
  const { port: _port, ...trust } = dialTls(tls, origin.hostname, defaultKeyFolder(), systemClock);
  const connect = buildConnector({ ...trust, ...guard, timeout: connectTimeout, maxCachedSessions: 0 });
  const check = checkFingerprint(tls);
  return (target, callback) =>
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      const wrong = check(socket);
      if (wrong === null) return callback(null, socket);
      socket.destroy();
      return callback(wrong, null);
    });
}
