/**
 * How many tasks the client takes on this connection in all: absolute and numbered, so a `want` that overtakes work on its way
 * asks for nothing twice.
 */
import type { Want } from '../../protocol/messages.ts';

export class Credit {
  #received = 0;
  #wanted = 0;
  #sequence = 0;
  #free = 0;

  /** A new connection counts anew. */
  reset(): void {
    this.#received = 0;
    this.#wanted = 0;
    this.#sequence = 0;
    this.#free = 0;
  }

  received(tasks: number): void {
    this.#received += tasks;
  }

  /**
   * The message to send, if any, when `allowed` more tasks may come and `free` slots have nothing: a fall at once, a rise when slots are free or
   * less than half of the target is in hand (`low`).
   */
  next(allowed: number, free: number, low: boolean): Want | null {
    const total = this.#received + allowed;
    const rises = total > this.#wanted && (free > 0 || low);
    const falls = total < this.#wanted;
    if (!rises && !falls && free <= this.#free) return null;
    if (total === this.#wanted && free === this.#free) return null;
    this.#wanted = total;
    this.#free = free;
    return ['want', ++this.#sequence, total, free];
  }
}
