/**
 * How many tasks the client takes on this connection in all: absolute and numbered, so a `want` that overtakes work on its way
 * asks for nothing twice.
 */
import type { Want } from '../../protocol/messages.ts';

/** Tasks that were not begun; of those, what may begin. */
interface InHand {
  readonly unstarted: number;
  readonly startable: number;
}

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
    // As the server counts: what it sends goes to free slots first.
    this.#free = Math.max(0, this.#free - tasks);
  }

  /**
   * The message to send, if any, when `idle` slots have not begun what is in hand and `target` more tasks are to wait here; not `open`: none may come. A
   * rise when what is in hand and on its way is less than half of `target`, a fall at once (but for a quarter: a pace that wavers is not worth a
   * message each time), and the news that a slot has nothing, however much waits here for limits.
   */
  next(open: boolean, idle: number, { unstarted, startable }: InHand, target: number): Want | null {
    const free = Math.max(0, idle - startable);
    const allowed = open ? Math.max(free, idle + target - unstarted) : 0;
    const total = this.#received + allowed;
    const rises = total > this.#wanted && (unstarted + this.#wanted - this.#received) * 2 <= target;
    const falls = total + allowed / 4 < this.#wanted;
    if (!rises && !falls && free <= this.#free) return null;
    this.#wanted = total;
    this.#free = free;
    return ['want', ++this.#sequence, total, free];
  }
}
