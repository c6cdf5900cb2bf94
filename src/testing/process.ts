/** A process of a simulation: what it was about to do is gone when it crashes, and waits while it is frozen. */
import type { VirtualClock } from './clock.ts';

interface Backlog {
  readonly timers: (() => void)[];
  readonly input: (() => void)[];
}

export class Process {
  readonly #clock: VirtualClock;
  #alive = true;
  #backlog: Backlog | null = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get frozen(): boolean {
    return this.#backlog !== null;
  }

  /** Something comes from outside: done when the process runs, never after its crash. */
  run(call: () => void): void {
    if (!this.#alive) return;
    if (this.#backlog !== null) this.#backlog.input.push(call);
    else call();
  }

  after(ms: number, call: () => void): () => void {
    return this.#clock.after(ms, () => {
      if (!this.#alive) return;
      if (this.#backlog !== null) this.#backlog.timers.push(call);
      else call();
    });
  }

  kill(): void {
    this.#alive = false;
    this.#backlog = null;
  }

  freeze(): void {
    if (this.#alive) this.#backlog ??= { timers: [], input: [] };
  }

  /** As an event loop does it: first the timers that are due, then what waits in the sockets. */
  thaw(): void {
    if (this.#backlog === null) return;
    const { timers, input } = this.#backlog;
    this.#backlog = null;
    for (const call of [...timers, ...input]) this.run(call);
  }
}
