/**
 * How long the server was silent. After `evictAfter` what is held may be somebody else's: it is *stale*, and only a new connection, on
 * which both sides compare what is held, makes it fresh again. Bytes that arrive late prove nothing: they may be older than the eviction.
 */
export class Silence {
  #limit = Number.POSITIVE_INFINITY;
  #last: number;
  #stale = false;

  constructor(now: number) {
    this.#last = now;
  }

  get stale(): boolean {
    return this.#stale;
  }

  /** When the silence will have lasted too long. */
  get due(): number {
    return this.#stale ? Number.POSITIVE_INFINITY : this.#last + this.#limit + 1;
  }

  /** The server's `evictAfter`, ms. */
  limit(evictAfter: number): void {
    this.#limit = evictAfter;
  }

  /** True when it has lasted too long by now, once. */
  breaks(now: number): boolean {
    if (this.#stale || now - this.#last <= this.#limit) return false;
    this.#stale = true;
    return true;
  }

  /** Bytes of the server came. */
  heard(now: number): void {
    this.#last = now;
  }

  /** Both sides have compared what is held. */
  refresh(): void {
    this.#stale = false;
  }
}
