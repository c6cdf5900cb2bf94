/** The name of a task or a data object: its session and its number there. Both kinds of a session count together, from 10. */

export const firstId = 10;

export class ID {
  /** The number that the server gave the session. */
  readonly sessionId: number;
  readonly id: number;

  constructor(sessionId: number, id: number) {
    this.sessionId = sessionId;
    this.id = id;
    Object.freeze(this);
  }

  equals(other: unknown): boolean {
    return other instanceof ID && other.id === this.id && other.sessionId === this.sessionId;
  }

  /** `session/id`. */
  toString(): string {
    return `${this.sessionId}/${this.id}`;
  }
}
