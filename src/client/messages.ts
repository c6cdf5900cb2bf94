/** What the host gives to a client's thread. */
import type { MessagePort } from 'node:worker_threads';
import type { ClientConfig } from '../config/client-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';

export const clientStates = ['connecting', 'connected', 'draining', 'ended'] as const;
export type ClientState = (typeof clientStates)[number];

export interface ClientThreadData {
  readonly config: ClientConfig;
  /** Of its id: none but this client may use it. */
  readonly token: string;
  /** What commands see beside `TASK_…`. */
  readonly environment: Readonly<Record<string, string>>;
  /** A server in the same process; null: to be dialled. */
  readonly server: { readonly port: MessagePort; readonly peer: PeerInfo } | null;
  /** To the host, which takes lines or whole outputs; null: it takes none. */
  readonly output: MessagePort | null;
  /** One Int32: the index into `clientStates`, for the handle to read at any time. */
  readonly state: SharedArrayBuffer;
}
