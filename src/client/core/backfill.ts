/**
 * Who may pass a task that does not fit yet. The *head* is the task that came first and has not begun; while it waits for room, a later
 * task that fits may begin before it, under rules that bound how long the head waits.
 *
 * What runs is either *ahead* of the head (it ran when the head began to wait) or has *passed* it. As soon as those ahead alone would leave
 * the head room, nothing passes it any more but what fits beside all of them and it. Until then a later task may pass
 *   1. when it leaves the head its room: beside all others that have passed, and those ahead that will still run when the head can begin; or
 *   2. when it ends, by its time limit, before those ahead will have made room by theirs. Without a limit, what took longest lately of its
 *      kind is taken for it; or
 *   3. when either end is unknown, and the head has waited for less than a second.
 *
 * What follows: the head begins at the latest when those ahead leave it room, and then one run of a task that has passed it is over. So no
 * stream of small tasks starves a large one. Where all ends are limited the head begins no later than the limits of those ahead would have
 * let it begin without anybody passing. When it has begun, the next task is head, and all that runs then is ahead of it.
 *
 * A slot is a resource like any other here: those that pass leave one for the head.
 */
import type { Budget } from './budget.ts';
import type { HeldTask } from './held.ts';
import type { Lane, Needs } from './lanes.ts';
import type { Slot, Slots } from './slots.ts';

/** For so long a head is passed by tasks of which nothing is known (ms). */
const patience = 1_000;

/** Kinds of tasks of which durations are kept. */
const mostKinds = 1_000;

export class Backfill {
  readonly #slots: Slots;
  readonly #budget: Budget;
  readonly #signalwait: number;
  readonly #usual: Map<string, number> = new Map();
  #head: HeldTask | null = null;
  #since = 0;

  constructor(slots: Slots, budget: Budget, signalwait: number) {
    this.#slots = slots;
    this.#budget = budget;
    this.#signalwait = signalwait;
  }

  /** A task of this lane took so long (ms). */
  learn({ key }: Lane, durationMs: number): void {
    const usual = this.#usual.get(key);
    if (usual === undefined && this.#usual.size >= mostKinds) this.#usual.clear();
    // The longest one counts, and is forgotten slowly.
    this.#usual.set(key, usual === undefined || durationMs > usual ? durationMs : usual + (durationMs - usual) * 0.1);
  }

  /** How long a task of this lane runs: by its limit, ladder included, else as long as others of its kind; Infinity: nobody knows. */
  expected(lane: Lane): number {
    if (Number.isFinite(lane.timeout)) return lane.timeout + 2 * this.#signalwait;
    return this.#usual.get(lane.key) ?? Number.POSITIVE_INFINITY;
  }

  /** The earliest task that may pass the head, which does not fit now; null: none. There is an idle slot. */
  pass(head: HeldTask, lanes: Iterable<Lane>, now: number): HeldTask | null {
    if (head !== this.#head) {
      this.#head = head;
      this.#since = now;
      for (const slot of this.#slots.all) slot.passed = false;
    }
    const { needs } = head.lane;
    const state = this.#look(needs, now);
    let best: HeldTask | null = null;
    for (const lane of lanes) {
      const task = lane.first;
      if (task === null || lane === head.lane || (best !== null && task.order > best.order) || !this.#budget.fits(lane.needs)) continue;
      if (this.#may(lane, needs, state, now)) best = task;
    }
    return best;
  }

  #may(lane: Lane, head: Needs | null, state: Look, now: number): boolean {
    const { passing, passed, slotsStaying, staying } = state;
    if (passing + slotsStaying + 2 <= this.#slots.all.length && this.#budget.fitsBeside(head, lane.needs, passed, staying)) return true;
    if (state.roomAt <= now) return false;
    const end = now + this.expected(lane);
    if (Number.isFinite(end) && Number.isFinite(state.roomAt)) return end <= state.roomAt;
    return now - this.#since < patience;
  }

  /** How things stand for the head. */
  #look(head: Needs | null, now: number): Look {
    const zero = head === null ? [] : head.map(() => 0);
    const passed = [...zero];
    const ahead: Slot[] = [];
    let passing = 0;
    for (const slot of this.#slots.all) {
      if (!slot.busy) continue;
      if (!slot.passed) ahead.push(slot);
      else {
        passing++;
        add(passed, slot.needs);
      }
    }
    const taken = [...zero];
    for (const slot of ahead) add(taken, slot.needs);
    if (this.#budget.fitsBeside(head, taken)) return { passed, passing, staying: taken, slotsStaying: ahead.length, roomAt: now };
    // One that is overdue ends nobody knows when.
    const endOf = (slot: Slot): number => (slot.expectedAt < now ? Number.POSITIVE_INFINITY : slot.expectedAt);
    let slotsStaying = ahead.length;
    for (const slot of ahead.sort((a, b) => endOf(a) - endOf(b) || 0)) {
      if (endOf(slot) === Number.POSITIVE_INFINITY) break;
      if (slot.needs !== null) for (let i = 0; i < taken.length; i++) taken[i]! -= slot.needs[i]!;
      slotsStaying--;
      if (this.#budget.fitsBeside(head, taken)) return { passed, passing, staying: taken, slotsStaying, roomAt: endOf(slot) };
    }
    return { passed, passing, staying: zero, slotsStaying: 0, roomAt: Number.POSITIVE_INFINITY };
  }
}

interface Look {
  /** What those that have passed take together, and on how many slots. */
  readonly passed: Needs;
  readonly passing: number;
  /** What those ahead will take that still run then, and on how many slots. */
  readonly staying: Needs;
  readonly slotsStaying: number;
  /** When those ahead will have made room for the head; not later than now: they leave it room. */
  readonly roomAt: number;
}

function add(sum: number[], needs: Needs | null): void {
  if (needs !== null) for (let i = 0; i < needs.length; i++) sum[i] = (sum[i] ?? 0) + needs[i]!;
}
