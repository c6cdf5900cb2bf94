/**
 * When a client leaves by itself: after `clientTimeout` without a task, and at the end of its time. Nothing begins whose time limit
 * reaches beyond that end, what cannot begin any more is given back at once, and at the end what runs is stopped and given back: to the
 * server that is neither a failure nor a loss.
 */
import type { ClientOptions } from './events.ts';
import type { Held, HeldTask } from './held.ts';

export class Leaving {
  /** Infinity: there is no end. */
  readonly #stopAt: number;
  readonly #taskTimeout: number;
  readonly #clientTimeout: number;
  readonly #held: Held;
  /** When there was a task last. */
  #lastTask: number;

  constructor(options: Pick<ClientOptions, 'stopAt' | 'taskTimeout' | 'clientTimeout'>, held: Held, now: number) {
    this.#stopAt = options.stopAt ?? Number.POSITIVE_INFINITY;
    this.#taskTimeout = options.taskTimeout ?? 0;
    this.#clientTimeout = options.clientTimeout ?? Number.POSITIVE_INFINITY;
    this.#held = held;
    this.#lastTask = now;
  }

  /** `lent`: slots are lent to graphs. `drain`: begin nothing more. `stop`: what runs must end too. */
  decide(now: number, lent: boolean): 'stay' | 'drain' | 'stop' {
    if (now >= this.#stopAt) return 'stop';
    if (lent || !this.#held.empty) this.#lastTask = now;
    else if (now - this.#lastTask >= this.#clientTimeout) return 'drain';
    // A task without a limit of its own may not begin any more, and the server does not know that: more work would only go to and fro.
    return now + this.#taskTimeout > this.#stopAt ? 'drain' : 'stay';
  }

  /** What cannot begin any more, out of the tasks that wait: to be given back. */
  late(now: number): HeldTask[] {
    return this.#stopAt === Number.POSITIVE_INFINITY ? [] : this.#held.takeLonger(this.#stopAt - now);
  }

  /** When to look again. */
  due(working: boolean, lent: boolean): number {
    if (!working) return this.#stopAt;
    const idle = this.#held.empty && !lent ? this.#lastTask + this.#clientTimeout : Number.POSITIVE_INFINITY;
    if (this.#stopAt === Number.POSITIVE_INFINITY) return idle;
    // Just after the last moment: at the moment itself it may begin.
    return Math.min(idle, this.#stopAt - Math.max(0, this.#taskTimeout - 1, this.#held.longestTimeout - 1));
  }
}
