/**
 * The slots of a client: what runs where, until when, and how far the kill ladder has gone.
 *
 * A slot is *idle*, *busy*, or *stopping* (a reason is set: INT was sent, TERM and KILL follow `signalwait` apart); its executor
 * says when it is idle again, which for a stopped shell is when its successor stands.
 */
import type { TaskSignal } from '../executor.ts';
import type { HeldTask } from './held.ts';
import type { Needs } from './lanes.ts';

/** Why a slot was told to stop: `timeout` records an outcome, `interrupt` how it ended, `dropped` records nothing, `shutdown` gives the task back. */
export type StopReason = 'timeout' | 'dropped' | 'shutdown' | 'interrupt';

export interface Slot {
  readonly number: number;
  readonly tasks: Map<number, HeldTask>;
  /** Ended, their output still being read: the slot is idle before their end is told. */
  readonly finishing: Map<number, HeldTask>;
  busy: boolean;
  startedAt: number;
  /** Infinity: none. */
  deadline: number;
  /** When what waits there behind other calls is let go. */
  reliefAt: number;
  /** What its task takes of the budget. */
  needs: Needs | null;
  /** When its task will have ended, as far as one knows. */
  expectedAt: number;
  /** Its task began before one that came earlier and still waits for room. */
  passed: boolean;
  reason: StopReason | null;
  step: number;
  nextStepAt: number;
}

const ladder: readonly TaskSignal[] = ['SIGINT', 'SIGTERM', 'SIGKILL'];

/** Calls that travel together are about 2 ms of work (`BatchSizes`): after this long (ms), one of them is slower than the others of its name. */
const mostWait = 50;

/** Calls wait there behind one that runs. */
function isCrowded({ tasks, reason }: Slot): boolean {
  return reason === null && tasks.size > 1;
}

export class Slots {
  readonly all: readonly Slot[];
  readonly #signalwait: number;
  #busy = 0;

  constructor(count: number, signalwait: number) {
    this.#signalwait = signalwait;
    this.all = Array.from({ length: count }, (_, number) => ({
      number,
      tasks: new Map(),
      finishing: new Map(),
      busy: false,
      startedAt: 0,
      deadline: Number.POSITIVE_INFINITY,
      reliefAt: 0,
      needs: null,
      expectedAt: Number.POSITIVE_INFINITY,
      passed: false,
      reason: null,
      step: 0,
      nextStepAt: Number.POSITIVE_INFINITY,
    }));
  }

  get idle(): number {
    return this.all.length - this.#busy;
  }

  get anyBusy(): boolean {
    return this.#busy > 0;
  }

  /** `timeout`: Infinity where there is none. */
  occupy(slot: Slot, now: number, timeout: number): void {
    slot.busy = true;
    this.#busy++;
    slot.startedAt = now;
    slot.deadline = now + timeout;
    slot.reliefAt = now + mostWait;
  }

  release(slot: Slot): void {
    if (!slot.busy) return;
    slot.busy = false;
    this.#busy--;
    for (const [key, task] of slot.tasks) slot.finishing.set(key, task);
    slot.tasks.clear();
    slot.needs = null;
    slot.passed = false;
    slot.reason = null;
    slot.step = 0;
    this.quiet(slot);
  }

  /** Nothing runs on the slot any more, though its executor is not ready for the next task: there is nothing to stop. */
  quiet(slot: Slot | undefined): void {
    if (slot === undefined) return;
    slot.deadline = Number.POSITIVE_INFINITY;
    slot.nextStepAt = Number.POSITIVE_INFINITY;
  }

  /**
   * Start the ladder; the signal to send now, or null when it climbs already. A sharper reason replaces a weaker one; but a task whose time was
   * up has timed out, whoever else wants it to end, unless nobody wants to know any more.
   */
  stop(slot: Slot, reason: StopReason, now: number): TaskSignal | null {
    if (!slot.busy || slot.tasks.size === 0) return null;
    if (slot.reason !== null) {
      if (reason === 'dropped' || slot.reason !== 'timeout') slot.reason = reason;
      return null;
    }
    slot.reason = reason;
    return this.#climb(slot, now);
  }

  /** The next signals of all ladders that are due. */
  *due(now: number): Iterable<readonly [Slot, TaskSignal]> {
    for (const slot of this.all) {
      if (slot.nextStepAt > now) continue;
      const signal = this.#climb(slot, now);
      if (signal !== null) yield [slot, signal];
    }
  }

  /** The slots whose time is up and whose ladder has not begun. */
  expired(now: number): Slot[] {
    return this.all.filter((slot) => slot.deadline <= now && slot.reason === null);
  }

  /** The slots whose batch takes longer than batches do: once in each such time. */
  *crowded(now: number): Iterable<Slot> {
    for (const slot of this.all) {
      if (!isCrowded(slot) || slot.reliefAt > now) continue;
      slot.reliefAt = now + mostWait;
      yield slot;
    }
  }

  /** When to look again. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.all) {
      if (slot.nextStepAt < next) next = slot.nextStepAt;
      if (slot.reason === null && slot.deadline < next) next = slot.deadline;
      if (isCrowded(slot) && slot.reliefAt < next) next = slot.reliefAt;
    }
    return next;
  }

  /** What runs: of a batch the first call, the others wait behind it. */
  running(): HeldTask[] {
    return this.all.flatMap(({ tasks }) => [...tasks.values()].slice(0, 1));
  }

  /** Since when the oldest running task runs; `now` when none does. */
  oldest(now: number): number {
    let oldest = now;
    if (this.#busy > 0) for (const slot of this.all) if (slot.busy && slot.startedAt < oldest) oldest = slot.startedAt;
    return oldest;
  }

  #climb(slot: Slot, now: number): TaskSignal | null {
    const signal = ladder[slot.step++] ?? null;
    slot.nextStepAt = slot.step < ladder.length ? now + this.#signalwait : Number.POSITIVE_INFINITY;
    return signal;
  }
}
