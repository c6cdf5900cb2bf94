/** One call of a handler of the user: what it is given, how long it may take, and what its answer becomes. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { MillraceError, reasonOf } from '../../base/errors.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import { Deadline } from '../deadline.ts';
import { decodeBody } from '../response.ts';
import type { Admitted } from './access.ts';
import { readBody, utf8Of } from './body.ts';
import { queryOf } from './guard.ts';
import { json, type Reply } from './operation.ts';
import { HandlerFailure, Refusal } from './problem.ts';
import type { Route, RouteRequest } from './route.ts';
import { OwnClients } from './routes.ts';

export interface RouteCallParts {
  readonly config: HttpServerConfig;
  readonly clock: Clock;
  /** Aborted when whoever asked has gone. */
  readonly signal: AbortSignal;
}

/** What the client and the connection say themselves. */
const reserved: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'content-type',
  'keep-alive',
  'upgrade',
  'trailer',
]);

/** Throws what the handler throws; a `Refusal` for a body that cannot be read, and 504 when its time is up. */
export async function callRoute(
  { method, path, handler }: Route,
  incoming: IncomingMessage,
  params: Readonly<Record<string, string>>,
  { login, digest }: Admitted,
  { config, clock, signal }: RouteCallParts,
): Promise<Reply> {
  const body = bodyOf(incoming, await readBody(incoming, { limit: config.bodyLimit, digest, clock }));
  const deadline = new Deadline(clock, config.timeout, [signal], `the handler of ${method} ${path}`);
  const clients = new OwnClients(config, deadline.signal);
  const url = incoming.url ?? '';
  let status: number | null = null;
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  const request: RouteRequest = {
    method: incoming.method ?? method,
    path: url,
    params,
    query: queryOf(url),
    headers: incoming.headers,
    body,
    login,
    signal: deadline.signal,
    status(code) {
      if (!Number.isInteger(code) || code < 200 || code > 599)
        throw new MillraceError('ERR_OPTION', `a status is a whole number from 200 to 599; it is ${String(code)}`);
      status = code;
    },
    header(name, value) {
      if (typeof value !== 'string' || !/^[\w-]+$/.test(name) || reserved.has(name.toLowerCase()) || !/^[\t\x20-\x7e]*$/.test(value))
        throw new MillraceError('ERR_OPTION', `a handler cannot set the field ${JSON.stringify(name).slice(0, 100)}`);
      if (name.toLowerCase() === 'set-cookie') cookies.push(value);
      else headers[name.toLowerCase()] = value;
    },
    client: (host, authenticator, options) => clients.client(host, authenticator, options),
    pool: (authenticator, options) => clients.pool(authenticator, options),
  };
  try {
    const value = await deadline.race((async () => handler(request))());
    const all = cookies.length === 0 ? headers : { ...headers, 'set-cookie': cookies };
    if (value === undefined) return { status: status ?? 204, type: 'application/json', body: '', headers: all };
    const reply = json(value, status ?? 200);
    if (reply.body === undefined) throw new MillraceError('ERR_OPTION', `a handler returns what JSON can say, not a ${typeof value}`);
    return { ...reply, headers: all };
  } catch (thrown) {
    if (thrown === deadline.signal.reason && thrown instanceof MillraceError && thrown.code === 'ERR_TIMEOUT')
      throw new Refusal(504, thrown.message);
    throw new HandlerFailure(thrown);
  } finally {
    clients.close();
    deadline.end();
  }
}

function bodyOf(incoming: IncomingMessage, bytes: Buffer): unknown {
  if (bytes.length === 0) return null;
  const type = (incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json')) {
    const text = utf8Of(bytes);
    try {
      return JSON.parse(text);
    } catch (thrown) {
      throw new Refusal(400, `the body is no JSON: ${reasonOf(thrown)}`);
    }
  }
  return type.startsWith('text/') ? decodeBody(bytes, incoming.headers['content-type'] ?? null) : new Uint8Array(bytes);
}
