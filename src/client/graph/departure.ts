/**
 * The end of a client that holds objects: it stays until the server says that nothing of them is needed from it, since others have it. Not for ever: what was not
 * taken by then is made again elsewhere.
 */
import type { Clock } from '../../base/clock.ts';

/** Longest stay (ms) of one that drains, and of one that stops. */
const longestDrain = 60_000;
const longestStop = 5_000;

export interface DepartureParts {
  readonly clock: Clock;
  /** Whether the client has to stay. */
  keep(busy: boolean): void;
}

export class Departure {
  readonly #parts: DepartureParts;
  #state: 'staying' | 'draining' | 'stopping' | 'over' = 'staying';
  #cancel: () => void = () => {};

  constructor(parts: DepartureParts) {
    this.#parts = parts;
    parts.keep(true);
  }

  /** `now`: what runs is stopped too. */
  begin(now: boolean): void {
    if (this.#state === 'over' || this.#state === 'stopping' || (this.#state === 'draining' && !now)) return;
    this.#state = now ? 'stopping' : 'draining';
    this.#cancel();
    this.#cancel = this.#parts.clock.after(now ? longestStop : longestDrain, () => this.over());
  }

  /** The connection is gone: nobody can be given anything. */
  disconnected(): void {
    if (this.#state !== 'staying') this.over();
  }

  /** It may go. */
  over(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#cancel();
    this.#parts.keep(false);
  }
}
