/**
 * The user's own routes: a module that is loaded into the server's thread and says which paths it answers. What a handler returns is the JSON of the answer,
 * what it throws reaches whoever asked as JSON too, with the error of the server behind it.
 */
import { MillraceError, reasonOf } from '../../base/errors.ts';
import type { HttpClientOptions, HttpPoolOptions, HttpRequestOptions } from '../../config/http-options.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import type { Authenticator, LoginKey } from '../authenticators.ts';
import { Client } from '../client.ts';
import type { Host } from '../origin.ts';
import { ClientPool } from '../pool.ts';
import type { Response } from '../response.ts';
import type { Route, RouteHandler } from './route.ts';

/** The gateway's own. `/` is shared: a browser gets the page, whoever does not ask for HTML the route. */
const reserved = /^\/(?:api|assets|metrics|healthz|readyz|openapi\.json)(?:\/|$)/;
const pathPattern = /^(?:\/|(?:\/(?::[a-zA-Z_]\w*|[\w.~!$&'()+,;=@-]+))+)$/;

/** @throws ERR_MODULE_NOT_FOUND, ERR_EXPORT_NOT_FOUND, ERR_OPTION, and whatever the module throws */
export async function loadRoutes(url: string): Promise<readonly Route[]> {
  const loaded = (await import(url).catch((cause: unknown) => {
    throw new MillraceError('ERR_MODULE_NOT_FOUND', `http.routes: ${url} does not load: ${reasonOf(cause)}`, { cause });
  })) as { readonly default?: unknown };
  if (typeof loaded.default !== 'function')
    throw new MillraceError('ERR_EXPORT_NOT_FOUND', `http.routes: the default export of ${url} must be a function of a router`);
  const routes: Route[] = [];
  const router = {} as Record<string, unknown>;
  for (const method of ['get', 'post', 'put', 'patch', 'delete'])
    router[method] = (path: unknown, handler: unknown): unknown => {
      routes.push(routeOf(method.toUpperCase(), path, handler));
      return router;
    };
  await (loaded.default as (router: unknown) => unknown)(router);
  return routes;
}

function routeOf(method: string, path: unknown, handler: unknown): Route {
  if (typeof path !== 'string' || !pathPattern.test(path))
    throw new MillraceError(
      'ERR_OPTION',
      `http.routes: a path is a text such as '/captains/:id'; it is ${JSON.stringify(path)?.slice(0, 200)}`,
    );
  if (reserved.test(path))
    throw new MillraceError('ERR_OPTION', `http.routes: ${path} is one of the server's own paths: choose another one`);
  if (typeof handler !== 'function')
    throw new MillraceError('ERR_OPTION', `http.routes: the handler of ${method} ${path} must be a function`);
  return { method, path, handler: handler as RouteHandler };
}

/** A client whose requests end when the signal is aborted. */
class BoundClient extends Client {
  readonly #signal: AbortSignal;

  constructor(host: Host, authenticator: Authenticator | LoginKey | null, options: HttpClientOptions, signal: AbortSignal) {
    super(host, authenticator, options);
    this.#signal = signal;
  }

  override request<Body = unknown>(method: string, path: string, options: HttpRequestOptions = {}): Promise<Response<Body>> {
    return super.request<Body>(method, path, { ...options, signal: eitherOf(this.#signal, options.signal) });
  }
}

function eitherOf(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other instanceof AbortSignal ? AbortSignal.any([signal, other]) : signal;
}

/** Clients of one request, which end with it. */
export class OwnClients {
  readonly #options: { readonly privateAddresses?: false };
  readonly #signal: AbortSignal;
  readonly #open: (Client | ClientPool)[] = [];

  constructor({ privateAddresses }: HttpServerConfig, signal: AbortSignal) {
    this.#options = privateAddresses ? {} : { privateAddresses: false };
    this.#signal = signal;
  }

  client(host: Host, authenticator: Authenticator | LoginKey | null, options: HttpClientOptions = {}): Client {
    const client = new BoundClient(host, authenticator, { ...options, ...this.#options }, this.#signal);
    this.#open.push(client);
    return client;
  }

  pool(authenticator: Authenticator | LoginKey | null, options: HttpPoolOptions = {}): ClientPool {
    const signal = eitherOf(this.#signal, options.signal);
    const pool = new ClientPool(authenticator, { ...options, ...this.#options, signal });
    this.#open.push(pool);
    return pool;
  }

  close(): void {
    for (const one of this.#open.splice(0)) void one.close().catch(() => {});
  }
}
