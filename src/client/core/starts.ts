/**
 * What begins next and where: strictly in order of arrival, so that a task that needs much is not passed for ever; one task
 * a slot, but for short calls of one function, which travel to a thread together.
 */
import type { ExecutionEnd } from '../executor.ts';
import { Budget } from './budget.ts';
import type { ClientOptions } from './events.ts';
import type { Held, HeldTask } from './held.ts';
import { BatchSizes } from './pace.ts';
import type { Slot, Slots } from './slots.ts';

export class Starts {
  readonly #options: ClientOptions;
  readonly #held: Held;
  readonly #slots: Slots;
  readonly #budget: Budget;
  readonly #batches: BatchSizes = new BatchSizes();
  #nextKey = 1;
  #notBefore = 0;

  constructor(options: ClientOptions, held: Held, slots: Slots) {
    this.#options = options;
    this.#held = held;
    this.#slots = slots;
    this.#budget = new Budget(options);
  }

  /** When the rate limit lets the next task begin; Infinity: nothing waits for that. */
  due(now: number): number {
    return this.#held.unstarted > 0 && this.#slots.idle > 0 && this.#notBefore > now ? this.#notBefore : Number.POSITIVE_INFINITY;
  }

  /** Occupy idle slots; the keys are in the slots' tables. */
  *begin(now: number): Iterable<readonly [Slot, HeldTask[]]> {
    for (const slot of this.#slots.all) {
      if (slot.busy) continue;
      const first = this.#held.peek();
      if (first === null || now < this.#notBefore || !this.#budget.reserve(first)) return;
      const tasks = this.#take(first);
      if (this.#options.ratelimit !== null) this.#notBefore = Math.max(this.#notBefore, now) + 1000 / this.#options.ratelimit;
      this.#slots.occupy(slot, now, this.#timeout(first));
      for (const task of tasks) slot.tasks.set(this.#nextKey++, task);
      yield [slot, tasks];
    }
  }

  /** An attempt ended: what it held is free, and how long its function takes is known better. */
  ended(task: HeldTask, end: ExecutionEnd): void {
    this.#budget.release(task);
    if (task.isFunction && end.notStarted === undefined) this.#batches.learn(task.args, end.durationMs);
  }

  #take(first: HeldTask): HeldTask[] {
    const tasks = [this.#held.take()!];
    if (!this.#batchable(first)) return tasks;
    const size = Math.min(this.#batches.of(first.args), Math.ceil((this.#held.unstarted + 1) / this.#slots.idle));
    while (tasks.length < size) {
      const next = this.#held.peek();
      if (next === null || next.args !== first.args || !this.#batchable(next)) break;
      tasks.push(this.#held.take()!);
    }
    return tasks;
  }

  #timeout(task: HeldTask): number | null {
    const own = task.attributes?.timeout ?? Number.POSITIVE_INFINITY;
    const timeout = Math.min(own, this.#options.taskTimeout ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(timeout) ? timeout : null;
  }

  /** A call with a time-out travels alone: stopping it ends its thread. */
  #batchable(task: HeldTask): boolean {
    return task.isFunction && this.#timeout(task) === null && this.#options.ratelimit === null && !this.#budget.demands(task);
  }
}
