/** What the client's side of task graphs needs of the rest of the client. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ClientConfig } from '../../config/client-options.ts';
import type { ClientGraphEvent, ClientGraphEvents } from '../../protocol/graph-work.ts';
import type { ClientEvent } from '../core/events.ts';

export interface GraphWorkParts {
  readonly id: string;
  readonly config: Pick<ClientConfig, 'auth' | 'tls' | 'address'>;
  readonly slots: number;
  readonly spoolFolder: string;
  /** Bytes of objects that stay in memory; absent: the default. */
  readonly memory?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  online(): boolean;
  feed(event: ClientEvent): void;
  send<E extends ClientGraphEvent>(name: E, value: ClientGraphEvents[E]): void;
  /** A request to the server. */
  ask(method: string, parameters: unknown): Promise<unknown>;
}
