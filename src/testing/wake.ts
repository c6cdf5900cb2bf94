/**
 * The one timer of a simulated server, and what it tells of the process, as in the real loop (`turns.ts`): when nothing came, nor what was due, the process stood
 * still.
 */
import type { VirtualClock } from './clock.ts';
import type { Process } from './process.ts';

/** What comes so late (ms) means that the process stood still. */
const standstill = 250;

export class Wake {
  readonly #clock: VirtualClock;
  readonly #process: Process;
  readonly #tick: () => void;
  #stop: (() => void) | null = null;
  #fedAt = 0;
  #dueAt: number = Number.POSITIVE_INFINITY;

  constructor(clock: VirtualClock, process: Process, tick: () => void) {
    this.#clock = clock;
    this.#process = process;
    this.#tick = tick;
  }

  /** The next tick; null: none. */
  set(at: number | null): void {
    this.#stop?.();
    this.#stop = null;
    this.#dueAt = at ?? Number.POSITIVE_INFINITY;
    if (at === null) return;
    this.#stop = this.#process.after(Math.max(0, at - this.#clock.now()), () => {
      this.#tick();
      this.#dueAt = 0;
    });
  }

  /** Something is fed: for how long the process stood still before (ms); 0: it did not. */
  standstill(): number {
    const now = this.#clock.now();
    const late = now - Math.max(this.#dueAt, this.#fedAt);
    this.#fedAt = now;
    return late > standstill ? late : 0;
  }
}
