/** What the server's side of task graphs is made of, and what it needs of the rest of the server. */
import type { Clock } from '../../base/clock.ts';
import type { MillraceError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Logger } from '../../base/log.ts';
import type { GraphObject, GraphSession } from '../../graph/entities.ts';
import type { GraphFailure } from '../../protocol/graph-messages.ts';
import type { StoredSessions } from '../../store/sessions.ts';
import type { Link } from '../link.ts';

export interface GraphParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms that a session outlives its connection. */
  readonly grace: number;
  /** Where persistent sessions are kept; null: only as long as this process. */
  readonly sessions: StoredSessions | null;
  /** The store is; with `sessions` null it keeps everything but those. */
  readonly durable: boolean;
  readonly epoch: number;
  /** ms that clients of persistent sessions have to come back after a restart. */
  readonly patience: number;
  /** What the server must end for. */
  failed(error: MillraceError): void;
  /** A session keeps the run open, as a submitter does, by this name; null: also while nobody has it. */
  hold(link: Link | null, name: string): void;
  release(link: Link | null, name: string): void;
}

/** A session, and who has it. */
export interface Seat {
  readonly session: GraphSession;
  /** Epoch ms. */
  readonly openedAt: number;
  token: string;
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

export function newSeat(session: GraphSession, token: string, link: Link | null, openedAt: number): Seat {
  return {
    session,
    openedAt,
    token,
    name: `graph ${session.lasting ? session.n : newId()}`,
    link,
    stopGrace: null,
    put: new Map(),
    parts: { objects: [], tasks: [] },
    stopWatch: null,
    fetches: new Set(),
    waits: new Map(),
  };
}

/** A failure of the state machine is one of the protocol. */
export function failureOf(session: GraphSession): GraphFailure | null {
  return session.failure === null ? null : { ...session.failure };
}
