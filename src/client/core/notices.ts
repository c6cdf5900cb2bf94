/**
 * Telling the server what began: at once while little happens, else after some ms and only what still runs then. A result implies its start, so thousands
 * of short tasks a second cost no notice at all, nor does a function alone: the bytes would wake the server's thread while that of the function waits for
 * a core (start 1.7 ms after the submission instead of 2.3, result after 3.5 instead of 5.2).
 */
import type { HeldTask } from './held.ts';

/** What still runs this much later (ms) is told of: while much is done; a function, while little is. */
const delays = { busy: 50, call: 5 } as const;

export class Notices {
  #pending: HeldTask[] = [];
  #due = Number.POSITIVE_INFINITY;
  #muted = false;

  /** When to look again. */
  get due(): number {
    return this.#due;
  }

  /** Whether nobody wants to know. */
  mute(muted: boolean): void {
    this.#muted = muted;
    if (muted) this.restate([], 0);
  }

  add(tasks: readonly HeldTask[], now: number, busy: boolean): void {
    if (this.#muted) return;
    let wait: number = busy ? delays.busy : delays.call;
    for (const task of tasks) {
      this.#pending.push(task);
      if (!busy && !task.isFunction) wait = 0;
    }
    this.#due = Math.min(this.#due, now + wait);
  }

  /** Tell of all that runs, anew: a server that was restarted knows the leases but not which of them run. */
  restate(running: readonly HeldTask[], now: number): void {
    this.#pending = this.#muted ? [] : [...running];
    this.#due = this.#pending.length === 0 ? Number.POSITIVE_INFINITY : now;
  }

  /** The tasks to be told of now. */
  take(now: number): HeldTask[] {
    if (now < this.#due) return [];
    this.#due = Number.POSITIVE_INFINITY;
    // A task that could not be started was begun twice before it is told.
    const running = [...new Set(this.#pending)].filter((task) => task.phase === 'running');
    this.#pending = [];
    return running;
  }
}
