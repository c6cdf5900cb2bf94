/** A client core with an executor in virtual time: tasks end when their duration is over, and what ran when is written down. */
import { ClientCore } from '../../../src/client/core/core.ts';
import type { ClientEffect, ClientOptions } from '../../../src/client/core/events.ts';
import type { HeldTask } from '../../../src/client/core/held.ts';
import type { GrantedTask } from '../../../src/protocol/messages.ts';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { plain } from './harness.ts';

export interface Job {
  readonly n: number;
  readonly attributes: TaskAttributes | null;
  readonly duration: number;
}

export interface Ran {
  readonly job: Job;
  readonly startedAt: number;
  endsAt: number;
}

interface Running extends Ran {
  readonly slot: number;
  readonly key: number;
}

export class Machine {
  readonly core: ClientCore;
  /** In the order of their starts. */
  readonly ran: Ran[] = [];
  /** Called before anything happens and after it, at each instant. */
  readonly watch: (machine: Machine) => void;
  now = 0;
  #running: Running[] = [];
  readonly #jobs: Map<number, Job> = new Map();
  #grant = 0;

  constructor(options: Partial<ClientOptions>, watch: (machine: Machine) => void = () => {}) {
    this.core = new ClientCore({ ...plain, ...options }, 0);
    this.watch = watch;
    this.core.handle({ type: 'connected', evictAfter: Number.POSITIVE_INFINITY }, 0);
    this.core.handle({ type: 'message', message: ['resumed', []] }, 0);
    this.#turn();
  }

  get running(): readonly Running[] {
    return this.#running;
  }

  /** What was given and has not begun, in the order of arrival. */
  get waiting(): Job[] {
    const begun = new Set(this.ran.map(({ job }) => job.n));
    return [...this.#jobs.values()].filter(({ n }) => !begun.has(n));
  }

  give(...jobs: Job[]): void {
    const tasks = jobs.map((job): GrantedTask => {
      this.#jobs.set(job.n, job);
      return [job.n, 1_000, [0, `task ${job.n}`, null, job.attributes]];
    });
    this.core.handle({ type: 'message', message: ['work', ++this.#grant, 1, tasks] }, this.now);
    this.#turn();
  }

  /** Go on to the next end or wake, at most to `until`. */
  step(until: number): void {
    const ends = Math.min(until, ...this.#running.map(({ endsAt }) => endsAt));
    this.now = Math.max(this.now, Math.min(ends, this.core.wakeAt(this.now) ?? until));
    const over = this.#running.filter(({ endsAt }) => endsAt <= this.now);
    this.#running = this.#running.filter(({ endsAt }) => endsAt > this.now);
    for (const { slot, key, startedAt } of over) {
      const durationMs = this.now - startedAt;
      this.core.handle(
        { type: 'ended', slot, ends: [{ key, outcome: 'succeeded', exitStatus: 0, startedAt, durationMs, extra: null }], idle: true },
        this.now,
      );
    }
    if (over.length === 0) this.core.handle({ type: 'tick' }, this.now);
    this.#turn();
  }

  #turn(): void {
    this.watch(this);
    for (const effect of this.core.endTurn(this.now)) this.#perform(effect);
    this.watch(this);
  }

  #perform(effect: ClientEffect): void {
    if (effect.type === 'start') for (const [key, task] of effect.tasks) this.#begin(effect.slot, key, task);
    // A task minds the first signal.
    else if (effect.type === 'signal') for (const run of this.#running) if (run.slot === effect.slot) run.endsAt = this.now;
  }

  #begin(slot: number, key: number, task: HeldTask): void {
    const job = this.#jobs.get(task.n)!;
    const run = { job, slot, key, startedAt: this.now, endsAt: this.now + job.duration };
    this.#running.push(run);
    this.ran.push(run);
  }
}
