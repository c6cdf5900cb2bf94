/**
 * What begins next and where: in order of arrival, but that a task which does not fit yet may be passed under the rules of `backfill.ts`;
 * one task a slot, but for short calls of one function, which travel to a thread together.
 */
import type { ExecutionEnd } from '../executor.ts';
import { Backfill } from './backfill.ts';
import type { Budget } from './budget.ts';
import type { ClientOptions } from './events.ts';
import type { Held, HeldTask } from './held.ts';
import { BatchSizes } from './pace.ts';
import type { Slot, Slots } from './slots.ts';

export class Starts {
  readonly #options: ClientOptions;
  readonly #held: Held;
  readonly #slots: Slots;
  readonly #budget: Budget;
  readonly #backfill: Backfill;
  readonly #batches: BatchSizes = new BatchSizes();
  /** Some task needed what is limited here: from then on durations are learned. */
  #demanding = false;
  #nextKey = 1;
  #notBefore = 0;

  constructor(options: ClientOptions, held: Held, slots: Slots, budget: Budget) {
    this.#options = options;
    this.#held = held;
    this.#slots = slots;
    this.#budget = budget;
    this.#backfill = new Backfill(slots, budget, options.signalwait);
  }

  /** When the rate limit lets the next task begin; Infinity: nothing waits for that. */
  due(now: number): number {
    return this.#held.unstarted > 0 && this.#slots.idle > 0 && this.#notBefore > now ? this.#notBefore : Number.POSITIVE_INFINITY;
  }

  /** Occupy idle slots; the keys are in the slots' tables. */
  *begin(now: number): Iterable<readonly [Slot, HeldTask[]]> {
    for (let slot = this.#slots.firstIdle; slot !== null; slot = this.#slots.firstIdle) {
      const head = this.#held.first();
      if (head === null || now < this.#notBefore) return;
      const passes = !this.#budget.fits(head.lane.needs);
      const first = passes ? this.#backfill.pass(head, this.#held.lanes(), now) : head;
      if (first === null) return;
      const { lane } = first;
      this.#demanding ||= lane.needs !== null;
      this.#budget.reserve(lane.needs);
      const tasks = this.#take(first, passes);
      if (this.#options.ratelimit !== null) this.#notBefore = Math.max(this.#notBefore, now) + 1000 / this.#options.ratelimit;
      this.#slots.occupy(slot, now, first.asksParents ? Number.POSITIVE_INFINITY : lane.timeout);
      slot.needs = lane.needs;
      slot.passed = passes;
      slot.expectedAt = this.#demanding ? now + this.#backfill.expected(lane) : Number.POSITIVE_INFINITY;
      for (const task of tasks) slot.tasks.set(this.#nextKey++, task);
      this.#slots.watch(slot);
      yield [slot, tasks];
    }
  }

  /** A task that asked for its parents starts only now: so does its time. */
  begun(number: number, now: number): void {
    const slot = this.#slots.all[number];
    const [task] = slot?.tasks.values() ?? [];
    if (slot === undefined || task === undefined || slot.reason !== null) return;
    slot.deadline = now + task.lane.timeout;
    this.#slots.watch(slot);
  }

  /** An attempt ended: what it held is free, and how long its like takes is known better. */
  ended(task: HeldTask, end: ExecutionEnd): void {
    this.#budget.release(task.lane.needs);
    if (end.notStarted !== undefined) return;
    if (this.#demanding) this.#backfill.learn(task.lane, end.durationMs);
    if (task.isFunction) this.#batches.learn(task.args, end.durationMs);
  }

  #take(first: HeldTask, passes: boolean): HeldTask[] {
    const { lane } = first;
    const tasks = [this.#held.take(lane)!];
    if (!this.#batchable(first)) return tasks;
    const size = Math.min(this.#batches.of(first.args), Math.ceil((this.#held.startable + 1) / this.#slots.idle));
    while (tasks.length < size) {
      const next = lane.first;
      if (next === null || next.args !== first.args || !this.#batchable(next)) break;
      // Whoever came before it goes before it.
      if (!passes && this.#held.first() !== next) break;
      tasks.push(this.#held.take(lane)!);
    }
    const ahead = this.#held.first();
    if (ahead !== null && ahead.lane !== lane) return tasks;
    const most = Math.min(this.#batches.of(first.args), Math.ceil((this.#held.unstarted + tasks.length) / this.#slots.idle));
    this.#held.follow(tasks, most, (task) => task.args === first.args && this.#batchable(task));
    return tasks;
  }

  /** A call with a time-out travels alone: stopping it ends its thread. */
  #batchable(task: HeldTask): boolean {
    const { timeout, needs } = task.lane;
    return (
      task.isFunction && timeout === Number.POSITIVE_INFINITY && needs === null && this.#options.ratelimit === null && !task.asksParents
    );
  }
}
