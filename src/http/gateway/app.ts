/**
 * From a request to its answer: whether it is one, who asks, which operation or route it is for, and how what goes wrong is told. The table of paths is Hono's;
 * answers are written to Node's response itself, since streams of tasks and results need its back-pressure.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { isTraced } from '../../base/traced.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import { errorAnswer } from '../error-body.ts';
import type { Access, Admitted } from './access.ts';
import { readBody, streamBody } from './body.ts';
import { checkRequest, queryOf } from './guard.ts';
import type { RequestListener } from './listener.ts';
import { type Operation, type Reply, readParameters } from './operation.ts';
import { HandlerFailure, Refusal, statusOf } from './problem.ts';
import type { Route } from './route.ts';

export interface AppParts {
  readonly config: HttpServerConfig;
  readonly access: Access;
  readonly operations: readonly Operation[];
  readonly routes: readonly Route[];
  /** What a browser gets at `/`. */
  readonly page: Operation;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the metrics; `route` as in the table. */
  answered(method: string, route: string, status: number, seconds: number): void;
}

type Env = { Bindings: HttpBindings };
/** What answers a request that found its place. */
type Handle = (context: Context<Env>, admitted: Admitted, left: () => AbortSignal) => Promise<Reply | null>;

const nobody: Admitted = { login: null, digest: null };
/** The status, in the metrics, of a request whose sender left before it was answered. */
const unanswered = 499;
const verbs = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function gatewayListener(parts: AppParts): RequestListener {
  const { config, access, operations, routes, page, clock } = parts;
  const app = new Hono<Env>({ strict: true });

  const on = (method: string, path: string, open: boolean, handle: Handle): void => {
    app.on(method, path, async (context) => {
      const { incoming, outgoing } = context.env;
      const began = clock.now();
      outgoing.once('close', () =>
        parts.answered(method, path, outgoing.headersSent ? outgoing.statusCode : unanswered, (clock.now() - began) / 1_000),
      );
      const serve = async (): Promise<void> => {
        if (open) access.checkSite(incoming);
        const admitted = open ? nobody : await access.admit(incoming);
        const reply = await handle(context, admitted, () => leftSignal(outgoing));
        if (reply !== null) answer(clock, incoming, outgoing, reply);
      };
      try {
        await (isTraced() ? inSpan(method, path, context.env, serve) : serve());
      } catch (thrown) {
        if (thrown instanceof HandlerFailure) fail(parts, incoming, outgoing, thrown.thrown, 500);
        else fail(parts, incoming, outgoing, thrown, statusOf(thrown));
      }
      return RESPONSE_ALREADY_SENT;
    });
  };
  const operate =
    (operation: Operation): Handle =>
    async (context, { digest }, left) => {
      const { incoming, outgoing } = context.env;
      const parameters = readParameters(operation, context.req.param(), queryOf(incoming.url ?? ''));
      const rules = { limit: config.bodyLimit, digest, clock };
      // A signed body that nobody reads is checked all the same.
      if (operation.body === undefined && digest !== null) await readBody(incoming, rules);
      // A stream may last for ever: whoever wants its head alone gets that.
      if (incoming.method === 'HEAD' && operation.endless === true)
        return { status: operation.answer.status, type: operation.answer.type, body: null };
      return operation.run({
        incoming,
        outgoing,
        parameters,
        signal: left,
        body: () => readBody(incoming, rules),
        stream: () => streamBody(incoming, rules),
      });
    };
  const route =
    (one: Route): Handle =>
    async (context, admitted, left) =>
      (await import('./route-call.ts')).callRoute(one, context.env.incoming, context.req.param() as Record<string, string>, admitted, {
        config,
        clock,
        signal: left(),
      });

  for (const operation of operations)
    on(operation.method.toUpperCase(), operation.path.replaceAll(/\{(\w+)\}/g, ':$1'), operation.open === true, operate(operation));
  const home = routes.find(({ method, path }) => method === 'GET' && path === '/');
  const atHome = home === undefined ? listRoutes(routes) : route(home);
  // A browser gets the page; it holds no data, so anybody may have it.
  on('GET', '/', true, async (context, _admitted, left) => {
    const { incoming } = context.env;
    if (/\btext\/html\b/.test(incoming.headers.accept ?? '')) return operate(page)(context, nobody, left);
    return atHome(context, await access.admit(incoming), left);
  });
  for (const one of routes) if (one !== home) on(one.method, one.path, false, route(one));

  app.notFound(async (context) => {
    const { incoming, outgoing } = context.env;
    const allowed = verbs.filter((verb) => app.router.match(verb, context.req.path)[0].length > 0);
    try {
      await access.admit(incoming);
      if (allowed.includes('GET')) allowed.push('HEAD');
      if (allowed.length > 0) throw new Refusal(405, `${incoming.method} is not for this path`, { allow: allowed.join(', ') });
      throw new Refusal(404, 'there is nothing at this path: see /openapi.json');
    } catch (thrown) {
      fail(parts, incoming, outgoing, thrown, statusOf(thrown));
    }
    return RESPONSE_ALREADY_SENT;
  });

  // What is thrown is told above. What fails even so is told as well, and not to the console.
  app.onError((thrown, { env: { incoming, outgoing } }) => {
    answer(clock, incoming, outgoing, {
      status: 500,
      type: 'application/json',
      body: errorAnswer(thrown, { method: incoming.method ?? '', path: incoming.url ?? '' }).body,
    });
    return RESPONSE_ALREADY_SENT;
  });

  // The globals of this thread stay Node's own.
  const listener = getRequestListener((request, env) => app.fetch(request, env as HttpBindings), { overrideGlobalObjects: false });
  return (incoming, outgoing) => {
    outgoing.on('error', () => {});
    const refusal = checkRequest(incoming);
    if (refusal === null) void listener(incoming, outgoing);
    else fail(parts, incoming, outgoing, refusal, refusal.status);
  };
}

/** What is done for a request belongs to the trace that it came with, and requests of its handler to other servers too. */
async function inSpan(method: string, route: string, { incoming, outgoing }: HttpBindings, serve: () => Promise<void>): Promise<void> {
  const { withSpan } = await import('../../base/tracing.ts');
  const attributes = { 'http.request.method': method, 'http.route': route };
  // A request that is refused is no failure of this server.
  const refused = await withSpan(`${method} ${route}`, { kind: 'server', attributes, parent: incoming.headers }, async (span) => {
    try {
      await serve();
      span?.set({ 'http.response.status_code': outgoing.statusCode });
      return null;
    } catch (thrown) {
      const status = thrown instanceof HandlerFailure ? 500 : statusOf(thrown);
      span?.set({ 'http.response.status_code': status });
      if (status >= 500) throw thrown;
      return { thrown };
    }
  });
  if (refused !== null) throw refused.thrown;
}

/** Aborted when whoever asked has gone. Made for those who want it: an abort costs 40 µs, a tenth of a query. */
function leftSignal(outgoing: ServerResponse): AbortSignal {
  const left = new AbortController();
  if (outgoing.closed) left.abort();
  else outgoing.once('close', () => left.abort());
  return left.signal;
}

/** What there is, to whoever asks for no page. (Source: Napix.) */
function listRoutes(routes: readonly Route[]): Handle {
  const paths = [...new Set(routes.map(({ path }) => path))];
  return async () => ({ status: 200, type: 'application/json', body: JSON.stringify(paths) });
}

/** How long a sender has to read the answer to a body that is not wanted: a connection that is closed over unread bytes takes the answer with it (ms). */
const parting = 1_000;

function answer(clock: Clock, incoming: IncomingMessage, outgoing: ServerResponse, { status, type, body, headers = {} }: Reply): void {
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy();
    return;
  }
  // What of the body was not read must not be taken for the next request.
  const unread = !incoming.complete;
  const bare = status === 204 || status === 304 || body === null;
  outgoing.writeHead(status, {
    ...(status === 204 || status === 304 || body === '' ? {} : { 'content-type': type }),
    ...(bare ? {} : { 'content-length': Buffer.byteLength(body) }),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(unread ? { connection: 'close' } : {}),
    ...headers,
  });
  if (!unread) {
    outgoing.end(bare ? undefined : body);
    return;
  }
  if (!bare) outgoing.write(body);
  const part = (): void => {
    cancel();
    outgoing.end();
  };
  const cancel = clock.after(parting, part);
  incoming.once('end', part).once('close', part).on('error', part).resume();
}

function fail(
  { config, clock, logger }: AppParts,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  thrown: unknown,
  status: number,
): void {
  const { method = '', url = '' } = incoming;
  if (status === 500) logger.warn({ err: thrown, method, path: url.split('?')[0] }, 'a request over HTTP failed');
  const { headers, body } = errorAnswer(thrown, { method, path: url }, { showStack: config.showStack });
  const { 'content-type': type = 'application/json', ...others } = headers;
  answer(clock, incoming, outgoing, { status, type, body, headers: { ...others, ...(thrown instanceof Refusal ? thrown.headers : {}) } });
}
