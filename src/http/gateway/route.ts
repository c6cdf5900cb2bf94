/** What the user's routes are made of: the types of their module, and nothing that runs. */
import type { IncomingHttpHeaders } from 'node:http';
import type { HttpClientOptions, HttpPoolOptions } from '../../config/http-options.ts';
import type { Authenticator, LoginKey } from '../authenticators.ts';
import type { Client } from '../client.ts';
import type { Host } from '../origin.ts';
import type { ClientPool } from '../pool.ts';

/** What a handler is called with. */
export interface RouteRequest {
  readonly method: string;
  /** With its query, as it came. */
  readonly path: string;
  /** The parts of the path that the route names, as `:id` of `/abc/:id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The value of a JSON body, the text of a text, else bytes; null: there is none. */
  readonly body: unknown;
  /** Who signed, or whose token it is; null: nobody had to say. */
  readonly login: string | null;
  /** Aborted when whoever asked has gone, or `http.timeout` has passed. */
  readonly signal: AbortSignal;
  /** The status of the answer, in place of 200 (204 where the handler returns nothing). */
  status(code: number): void;
  /** A header field of the answer; `set-cookie` may be given many times. */
  header(name: string, value: string): void;
  /** A client of another server, bound by `http.privateAddresses`. Its requests are aborted with `signal`; it is closed when the handler is done. */
  client(host: Host, authenticator: Authenticator | LoginKey | null, options?: HttpClientOptions): Client;
  /** As `client`, a pool. */
  pool(authenticator: Authenticator | LoginKey | null, options?: HttpPoolOptions): ClientPool;
}

export type RouteHandler = (request: RouteRequest) => unknown;

/** What the module of `http.routes` is called with. Paths begin with `/`; `:name` is a part that is handed to the handler. */
export interface Router {
  get(path: string, handler: RouteHandler): Router;
  post(path: string, handler: RouteHandler): Router;
  put(path: string, handler: RouteHandler): Router;
  patch(path: string, handler: RouteHandler): Router;
  delete(path: string, handler: RouteHandler): Router;
}

export interface Route {
  readonly method: string;
  readonly path: string;
  readonly handler: RouteHandler;
}
