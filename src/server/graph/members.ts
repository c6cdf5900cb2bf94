/** What the server's side of task graphs is made of, and what it needs of the rest of the server. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { GraphObject, GraphSession } from '../../graph/entities.ts';
import type { GraphFailure } from '../../protocol/graph-messages.ts';
import type { Link } from '../link.ts';

export interface GraphParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms that a session outlives its connection. */
  readonly grace: number;
  /** A session keeps the run open, as a submitter does, by this name. */
  hold(link: Link, name: string): void;
  release(link: Link | null, name: string): void;
}

/** A session, and who has it. */
export interface Seat {
  readonly session: GraphSession;
  readonly token: string;
  /** Its name as one who keeps the run open. */
  readonly name: string;
  /** null: its connection is gone, and it waits for another. */
  link: Link | null;
  stopGrace: (() => void) | null;
  /** Bytes that were put before their submission, by the object's number in the session. */
  readonly put: Map<number, Uint8Array[]>;
  /** A submission under way. */
  parts: { readonly objects: unknown[]; readonly tasks: unknown[] };
  stopWatch: (() => void) | null;
  readonly fetches: Set<number>;
  /** Waits that were not answered, by the number that their asker gave them: their tokens in the graph. */
  readonly waits: Map<number, number>;
}

export interface OpenFetch {
  readonly seat: Seat;
  readonly object: GraphObject;
}

/** A failure of the state machine is one of the protocol. */
export function failureOf(session: GraphSession): GraphFailure | null {
  return session.failure === null ? null : { ...session.failure };
}
