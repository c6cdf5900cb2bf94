/**
 * When a simulated server last heard of each client, in the time in which it could hear: not while it was frozen, nor while it read from nobody. What it evicts is
 * compared with it.
 */
import type { VirtualClock } from './clock.ts';

export class Hearing {
  readonly #clock: VirtualClock;
  readonly #startedAt: number;
  readonly #last: Map<string, number> = new Map();
  readonly #closed: Set<string> = new Set();
  #deafMs = 0;
  #deafSince: number | null = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  heard(id: string): void {
    this.#last.set(id, this.#now);
    this.#closed.delete(id);
  }

  /** It saw the end of its connection. */
  closed(id: string): void {
    this.#last.set(id, this.#now);
    this.#closed.add(id);
  }

  deaf(wanted: boolean): void {
    if (wanted) this.#deafSince ??= this.#clock.now();
    else if (this.#deafSince !== null) {
      this.#deafMs += this.#clock.now() - this.#deafSince;
      this.#deafSince = null;
    }
  }

  /** For how long nothing came (ms), and whether its end was seen. */
  silence(id: string): { readonly ms: number; readonly closed: boolean } {
    return { ms: this.#now - (this.#last.get(id) ?? this.#startedAt), closed: this.#closed.has(id) };
  }

  get #now(): number {
    const deaf = this.#deafSince === null ? 0 : this.#clock.now() - this.#deafSince;
    return this.#clock.now() - this.#deafMs - deaf;
  }
}
