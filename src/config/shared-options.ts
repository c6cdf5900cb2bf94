/**
 * Option types that several components share, in the units that people write, and what they become: the machine's units.
 *
 * Durations are seconds (a number) or `'250ms' '10s' '5m' '2h' '1d'`; sizes are bytes (a number) or `'512MB' '8G'`, 1024-based.
 * Options come from their caller alone: no file and no environment variable is read for them.
 */
import type { Readable, Writable } from 'node:stream';
import type { Logger } from '../base/log.ts';
import type { TaskInput } from '../task/task.ts';

export type { Address, Addresses, ParsedAddress } from '../base/address.ts';

/**
 * Where tasks come from. A string or URL is the path of a file, never a list of characters. A line of a file is a command line; of one that is called
 * `….jsonl` or `….ndjson` it is a value of JSON: a text is a command line, an object with `args` or `module` a task whose other fields, if scalar,
 * are named fields for `{name}` in templates, and an object with neither is named fields alone, of which a template makes the command.
 */
export type Source = string | URL | Readable | Iterable<TaskInput> | AsyncIterable<TaskInput>;

/** Where text goes: a stream of the host, or the path of a file that is appended to. */
export type Redirect = Writable | string | URL;

/**
 * Texts in PEM form. TLS 1.3, at least 1.2. `{ cert, key, ca }` on both sides is mutual TLS: each side shows a certificate that the other's `ca` has signed.
 * What is wrong with a certificate is ERR_TLS, which says what to do.
 */
export interface TlsOptions {
  /** The certificate that this side shows, with those that signed it, if need be. With `key`, or neither. Default: a server makes one itself on first use, the others show none. */
  cert?: string | Uint8Array;
  /** The private key of `cert`. */
  key?: string | Uint8Array;
  /** The pass-phrase of `key`. */
  passphrase?: string;
  /**
   * Certificates to trust instead of the system's. On a server: whoever connects must show a certificate that one of these has signed, for the use by
   * clients; it is seen in `clients()` and `clientJoined`. Without it a server asks nobody for one.
   */
  ca?: string | Uint8Array;
  /** SHA-256 of the one certificate to accept, 64 hex digits, colons allowed: for self-made certificates across machines. Refused on a server. */
  fingerprint?: string;
  /** The name that the server's certificate must bear. Default: the host of the address. Refused on a server. */
  serverName?: string;
}

/** TLS options as they are used: PEM texts, the fingerprint as 64 lower-case hex digits; absent = not given. */
export interface TlsConfig {
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly serverName?: string;
}

/** How to prove who one is. */
export interface SecurityOptions {
  /**
   * The key that both sides hold, at least 12 characters. Default: none, which is for one machine only: a server makes a random key,
   * and other processes of the same user find it by themselves. `{ env }` names a variable of the environment that holds it and begins with
   * `MILLRACE_AUTH`: commands do not get it to see. Errors: ERR_AUTH_WEAK, ERR_AUTH_REQUIRED, ERR_OPTION.
   */
  auth?: string | { env: string };
  /** Encrypt the connection. `true`: a self-made certificate of this machine. Default: false. Errors: ERR_TLS. */
  tls?: boolean | TlsOptions;
}

/** What every component takes beside its own options. */
export interface ComponentOptions {
  /** Diagnostics in pino's shape. Default: none; nothing is ever written to the console. */
  logger?: Logger;
  /** Ends the component; what an abort means is told where the component is started. */
  signal?: AbortSignal;
}

/** How tasks are cut into bundles. */
export interface BundleOptions {
  /** Tasks (of a client: results) in a bundle, 1 to 100,000. Default 100. */
  bundlesize?: number;
  /** Longest time that a task, or a client's result, waits for its bundle to fill: a duration. Default 50 ms. */
  bundlewait?: number | string;
}

/** What stays in the host's thread: it cannot be cloned to a worker. */
export interface ComponentHooks {
  readonly logger: Logger;
  readonly signal: AbortSignal | null;
}

/** Options after their check: `config` is frozen, plain and cloneable, in ms and bytes; `hooks` stays in the host. */
export interface Parsed<Config, Hooks> {
  readonly config: Config;
  readonly hooks: Hooks;
}
