/** What `runLocal()` can be told: a server's and a client's options, but for those of the connection that it does not open. */
import type { ClientConfig, ClientHooks, ClientOptions } from './client-options.ts';
import type { ServerConfig, ServerHooks, ServerOptions } from './server-options.ts';
import type { Parsed } from './shared-options.ts';

type Connection = 'address' | 'auth' | 'tls' | 'connectionLimits';

/**
 * Options of a server and one client in this process. No port is opened, so `address`, `auth`, `tls` and `connectionLimits` are refused. What both take
 * (`bundlesize`, `logger`, `signal`…) goes to both, but for `taskTimeout`: it is for tasks that name no timeout of their own, also a longer
 * one. `numTasks` defaults to 0: all cores.
 */
export interface RunLocalOptions
  extends Omit<ServerOptions, Connection | 'source'>,
    Omit<ClientOptions, Exclude<Connection, 'connectionLimits'>> {}

/** Both halves, checked. Their `address` is the default one and is not used. */
export interface RunLocalParts {
  readonly server: Parsed<ServerConfig, ServerHooks>;
  readonly client: Parsed<ClientConfig, ClientHooks>;
}
