/**
 * How many may stand at the door of a listener, how many may be inside, and in which order who stands there is judged. One for all addresses
 * that a listener is bound to.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Limits } from '../protocol/limits.ts';
import { FailurePace } from './failure-pace.ts';

/** Somebody who has not proved himself yet. */
export interface Visitor {
  /** As `originOf` tells; null: not counted by address. */
  readonly origin: string | null;
  turnAway(error: MillraceError): void;
}

export class Doorkeeper {
  readonly pace: FailurePace;
  readonly #limits: Limits;
  /** Oldest first. */
  readonly #outside: Set<Visitor> = new Set();
  readonly #outsideOf: Map<string | null, Set<Visitor>> = new Map();
  #inside = 0;
  readonly #insideOf: Map<string, number> = new Map();

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.pace = new FailurePace(limits, clock);
  }

  arrive(visitor: Visitor): void {
    const { unauthenticated, unauthenticatedPerAddress } = this.#limits;
    const { origin } = visitor;
    this.#outside.add(visitor);
    const neighbours = this.#outsideOf.get(origin) ?? new Set();
    this.#outsideOf.set(origin, neighbours.add(visitor));
    if (origin !== null && neighbours.size > unauthenticatedPerAddress)
      this.#makeRoom(neighbours, `more than ${unauthenticatedPerAddress} connections of ${origin} without a handshake`);
    else if (this.#outside.size > unauthenticated)
      this.#makeRoom(this.#crowd(), `more than ${unauthenticated} connections without a handshake`);
  }

  /** He is judged, or gone. */
  leave(visitor: Visitor): void {
    this.#outside.delete(visitor);
    const neighbours = this.#outsideOf.get(visitor.origin);
    neighbours?.delete(visitor);
    if (neighbours?.size === 0) this.#outsideOf.delete(visitor.origin);
  }

  /** Why nobody of this origin can come in now; null: there is room. */
  full(origin: string | null): MillraceError | null {
    const { connections, connectionsPerAddress } = this.#limits;
    if (this.#inside >= connections) return tooMany(`${connections} connections are open`, 'total');
    if (origin === null || (this.#insideOf.get(origin) ?? 0) < connectionsPerAddress) return null;
    return tooMany(`${connectionsPerAddress} connections of ${origin} are open`, 'perAddress');
  }

  /** He is inside; gives the way to say that he has left. */
  enter(origin: string | null): () => void {
    this.#inside++;
    if (origin !== null) this.#insideOf.set(origin, (this.#insideOf.get(origin) ?? 0) + 1);
    return () => {
      this.#inside--;
      if (origin === null) return;
      const left = (this.#insideOf.get(origin) ?? 1) - 1;
      if (left === 0) this.#insideOf.delete(origin);
      else this.#insideOf.set(origin, left);
    };
  }

  /** Those of the origin that most come from. */
  #crowd(): Set<Visitor> {
    let most: Set<Visitor> = this.#outside;
    let size = 0;
    for (const neighbours of this.#outsideOf.values()) {
      if (neighbours.size <= size) continue;
      most = neighbours;
      size = neighbours.size;
    }
    return most;
  }

  #makeRoom(among: Set<Visitor>, why: string): void {
    for (const oldest of among) {
      oldest.turnAway(new MillraceError('ERR_PROTOCOL', why));
      this.leave(oldest);
      return;
    }
  }
}

function tooMany(what: string, option: string): MillraceError {
  return new MillraceError('ERR_CONNECTION_CLOSED', `${what}: close some, or raise \`connectionLimits.${option}\` of the server`);
}
