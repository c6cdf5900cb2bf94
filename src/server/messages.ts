/** What the host gives to a server's thread, and what it learns of it. */
import type { MessagePort } from 'node:worker_threads';
import type { ServerConfig } from '../config/server-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';

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
