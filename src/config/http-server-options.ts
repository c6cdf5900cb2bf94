/** What the HTTP face of a server can be told, as people write it and as the server's thread gets it (ms, bytes; null = not set). */
import type { Duration, Size } from '../task/task.ts';
import type { Address, ParsedAddress, TlsConfig, TlsOptions } from './shared-options.ts';

/** Who may ask: whoever signs with the key of a login (as `new Client(host, { login, key })` does), or sends a token (`new TokenIdentifier(token)`). */
export type HttpKey =
  | { readonly login: string; readonly key: string }
  | { readonly token: string /** Whose it is. Default `'token'`. */; readonly login?: string };

/** Options of `http`. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_ADDRESS, ERR_DURATION, ERR_SIZE). */
export interface HttpServerOptions {
  /** Where to listen, host and port; port 0 is any free port. Default `'localhost:50080'`. Beyond loopback it needs `auth` (ERR_AUTH_REQUIRED). */
  address?: Address;
  /**
   * Keys and tokens; beyond loopback at least 12 and 16 characters (ERR_AUTH_WEAK). Default: none, which is for one machine and one user only: Linux tells
   * whose a connection over loopback is, and those of other users are refused. Elsewhere ERR_AUTH_REQUIRED.
   */
  auth?: HttpKey | readonly HttpKey[];
  /** HTTPS, as everywhere: `true` is the certificate that this machine makes for itself. Default: none. */
  tls?: boolean | TlsOptions;
  /** A module whose default export is called with a router: `router.get(path, handler)`. What a handler returns is the JSON of the answer. Errors: ERR_MODULE_NOT_FOUND, ERR_EXPORT_NOT_FOUND. */
  routes?: URL | string;
  /** The names in `Host` that are answered to. Default: any with `auth`, those of loopback without. */
  hosts?: readonly string[];
  /** Longest body of a request that is held in memory; a stream of tasks has no limit. Default 16 MiB. */
  bodyLimit?: Size;
  /** How long a handler of `routes` may take; then 504, and its signal is aborted. Default 60 s. */
  timeout?: Duration;
  /** Whether the clients and pools that handlers are given may reach addresses of private networks and of this machine. Default true. */
  privateAddresses?: boolean;
  /** Tell in error answers where in the code it happened. Default false. */
  showStack?: boolean;
}

/** A checked key: a text to sign with, or a token. */
export type HttpKeyConfig =
  | { readonly kind: 'key'; readonly login: string; readonly key: string }
  | { readonly kind: 'token'; readonly login: string; readonly token: string };

export interface HttpServerConfig {
  readonly address: Extract<ParsedAddress, { host: string }>;
  readonly auth: readonly HttpKeyConfig[];
  readonly tls: TlsConfig | null;
  /** An absolute `file:` URL. */
  readonly routes: string | null;
  readonly hosts: readonly string[] | null;
  readonly bodyLimit: number;
  readonly timeout: number;
  readonly privateAddresses: boolean;
  readonly showStack: boolean;
}
