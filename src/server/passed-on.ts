/** Connections that came to a server that follows and are passed on to the one that leads. */
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Connection } from '../transport/connection.ts';
import type { Parting } from './hand-over.ts';
import type { Leader } from './leader.ts';
import { relay } from './relay.ts';

/** How long a connection waits for a leader (ms); then it is closed, and its owner tries elsewhere. */
export const patience = 3_000;

export interface PassedOnParts {
  readonly leader: Leader;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** A connection to the leader broke. */
  lost(): void;
}

export class PassedOn {
  readonly #parts: PassedOnParts;
  readonly #near: Set<Connection> = new Set();
  #closed = false;

  constructor(parts: PassedOnParts) {
    this.#parts = parts;
  }

  async add(near: Connection): Promise<void> {
    const { leader, logger, signal, lost } = this.#parts;
    this.#near.add(near);
    try {
      const far = await leader.dial(near.peer, patience, signal);
      if (this.#closed) {
        far.close();
        near.close();
        return;
      }
      relay(near, far, () => {
        this.#near.delete(near);
        lost();
      });
    } catch (thrown) {
      const error = MillraceError.from(thrown);
      logger.debug({ err: error }, 'a connection was not passed on: nobody leads the queue, or it cannot be reached');
      near.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'no server leads the queue at the moment', { cause: error }));
      this.#near.delete(near);
    }
  }

  /** `parting`: clients are told that the queue is done. */
  close(parting: Parting | null = null): void {
    this.#closed = true;
    for (const near of this.#near) {
      if (parting !== null && near.peer.role === 'client') near.send(['end', parting]);
      near.close();
    }
    this.#near.clear();
  }
}
