/** What the host gives to a server's thread, what the server is made of there, and what the host learns of it. */
import type { MessagePort } from 'node:worker_threads';
import type { ParsedAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ServerConfig } from '../config/server-options.ts';
import type { Recovered } from '../control/events.ts';
import type { ClientCapacity, PeerInfo } from '../protocol/messages.ts';

export interface ServerThreadData {
  readonly config: ServerConfig;
  /** The path of a file to submit; null: none, or the host submits its own source. */
  readonly sourcePath: string | null;
  readonly expectSource: boolean;
  readonly listens: boolean;
  /** The handle's own connection. */
  readonly host: MessagePort;
  /** Clients in the same process, joined without a socket. */
  readonly attached: readonly { readonly port: MessagePort; readonly peer: PeerInfo }[];
}

export interface ServerParts {
  readonly id: string;
  readonly config: ServerConfig;
  /** A source will be submitted over the host's connection or by the server's own reader. */
  readonly expectSource: boolean;
  /** False: no port is opened. */
  readonly listens: boolean;
  /** Clients in the same process, where no others can come; null: they can. */
  readonly onlyClients: readonly ClientCapacity[] | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ServerInfo {
  readonly address: ParsedAddress | null;
  /** The key that clients need, when the server made it itself. */
  readonly key: string | null;
  readonly salt: string;
  /** Where its HTTP face listens; null: it has none. */
  readonly httpAddress: { readonly host: string; readonly port: number } | null;
  /** What the database held; null: it is new, or in memory. */
  readonly recovered: Recovered | null;
}
