/** What `connect()` can be told, as people write it (`ConnectOptions`) and as it is used (`ConnectConfig`: ms). */
import type { Duration } from '../task/task.ts';
import type { ComponentHooks, ComponentOptions, ParsedAddress, SecurityOptions, TlsConfig } from './shared-options.ts';

/** Options of a connection to a server. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_DURATION). */
export interface ConnectOptions extends SecurityOptions, ComponentOptions {
  /** How long to try; then ERR_CONNECT_TIMEOUT. Default 30 s. */
  connectTimeout?: Duration;
}

/** The checked options of a connection: plain, frozen, cloneable; null = not set. */
export interface ConnectConfig {
  readonly address: ParsedAddress;
  /** Further servers of the same queue. */
  readonly others?: readonly ParsedAddress[];
  readonly auth: string | null;
  readonly tls: TlsConfig | null;
  readonly connectTimeout: number;
}

/** What of a connection's options stays in the host. */
export type ConnectHooks = ComponentHooks;
