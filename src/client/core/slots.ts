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
  /** Ended, their output still being read: the slot is idle before their end is told. Null: none ever was. */
  finishing: Map<number, HeldTask> | null;
  busy: boolean;
  /** The busy slots that were occupied just before and just after it. */
  earlier: Slot | null;
  later: Slot | null;
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

/** When it is to be looked at; Infinity: nothing of it is timed. */
function timeOf(slot: Slot): number {
  const { reason, deadline, nextStepAt, reliefAt } = slot;
  return Math.min(nextStepAt, reason === null ? deadline : Number.POSITIVE_INFINITY, isCrowded(slot) ? reliefAt : Number.POSITIVE_INFINITY);
}

/** No turn looks at all slots: with 250 of them that cost 60 of the 90 µs that a task took here. */
export class Slots {
  readonly all: readonly Slot[];
  readonly #signalwait: number;
  /** The numbers of the idle ones, descending. */
  readonly #idle: number[];
  /** The busy ones that were occupied first and last. */
  #first: Slot | null = null;
  #last: Slot | null = null;
  /** Those with something timed, and perhaps some that have nothing timed any more. */
  readonly #watched: Set<Slot> = new Set();
  /** Before that nothing is due. */
  #next = Number.POSITIVE_INFINITY;

  constructor(count: number, signalwait: number) {
    this.#signalwait = signalwait;
    this.#idle = Array.from({ length: count }, (_, i) => count - 1 - i);
    this.all = Array.from({ length: count }, (_, number) => ({
      number,
      tasks: new Map(),
      finishing: null,
      busy: false,
      earlier: null,
      later: null,
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
    return this.#idle.length;
  }

  get anyBusy(): boolean {
    return this.#first !== null;
  }

  /** The idle slot with the lowest number; null: there is none. */
  get firstIdle(): Slot | null {
    const number = this.#idle[this.#idle.length - 1];
    return number === undefined ? null : this.all[number]!;
  }

  /** An idle slot has something to do; then what it was given is put into its table, and it is watched. `timeout`: Infinity where there is none. */
  occupy(slot: Slot, now: number, timeout: number): void {
    slot.busy = true;
    this.#idle.splice(this.#place(slot.number), 1);
    slot.earlier = this.#last;
    if (this.#last === null) this.#first = slot;
    else this.#last.later = slot;
    this.#last = slot;
    slot.startedAt = now;
    slot.deadline = now + timeout;
    slot.reliefAt = now + mostWait;
  }

  /** Something of this slot is timed, or timed anew. */
  watch(slot: Slot): void {
    const time = timeOf(slot);
    if (time === Number.POSITIVE_INFINITY) return;
    this.#watched.add(slot);
    this.#next = Math.min(this.#next, time);
  }

  release(slot: Slot): void {
    if (!slot.busy) return;
    slot.busy = false;
    this.#idle.splice(this.#place(slot.number), 0, slot.number);
    if (slot.earlier === null) this.#first = slot.later;
    else slot.earlier.later = slot.later;
    if (slot.later === null) this.#last = slot.earlier;
    else slot.later.earlier = slot.earlier;
    slot.earlier = null;
    slot.later = null;
    if (slot.tasks.size > 0) {
      slot.finishing ??= new Map();
      for (const [key, task] of slot.tasks) slot.finishing.set(key, task);
      slot.tasks.clear();
    }
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
    if (isCrowded(slot) || !this.#watched.delete(slot)) return;
    if (this.#watched.size === 0) this.#next = Number.POSITIVE_INFINITY;
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
    if (now < this.#next) return;
    for (const slot of this.#watched) {
      if (slot.nextStepAt > now) continue;
      const signal = this.#climb(slot, now);
      if (signal !== null) yield [slot, signal];
    }
  }

  /** The slots whose time is up and whose ladder has not begun. */
  expired(now: number): Slot[] {
    if (now < this.#next) return [];
    return [...this.#watched].filter((slot) => slot.deadline <= now && slot.reason === null).sort((a, b) => a.number - b.number);
  }

  /** The slots whose batch takes longer than batches do: once in each such time. The last look of a turn at what is due. */
  *crowded(now: number): Iterable<Slot> {
    if (now < this.#next) return;
    this.#next = Number.POSITIVE_INFINITY;
    for (const slot of this.#watched) {
      if (isCrowded(slot) && slot.reliefAt <= now) {
        slot.reliefAt = now + mostWait;
        yield slot;
      }
      const time = timeOf(slot);
      if (time === Number.POSITIVE_INFINITY) this.#watched.delete(slot);
      else this.#next = Math.min(this.#next, time);
    }
  }

  /** When to look again; perhaps for something that has ended meanwhile. */
  get next(): number {
    return this.#next;
  }

  /** What runs: of a batch the first call, the others wait behind it. */
  running(): HeldTask[] {
    return this.all.flatMap(({ tasks }) => [...tasks.values()].slice(0, 1));
  }

  /** Since when the oldest running task runs; `now` when none does. */
  oldest(now: number): number {
    return Math.min(now, this.#first?.startedAt ?? now);
  }

  #climb(slot: Slot, now: number): TaskSignal | null {
    const signal = ladder[slot.step++] ?? null;
    slot.nextStepAt = slot.step < ladder.length ? now + this.#signalwait : Number.POSITIVE_INFINITY;
    this.watch(slot);
    return signal;
  }

  /** Where a number stands among the idle ones, or is to be inserted. */
  #place(number: number): number {
    let low = 0;
    let high = this.#idle.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#idle[middle]! > number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
