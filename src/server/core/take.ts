/**
 * What a client gets of the ready window: the first tasks in queue order that it can hold and that no limit stops, over all lanes. What a lane gives
 * is leased in the same step, so that a limit holds inside one grant too.
 */
import type { CoreClient, CoreTask } from './entities.ts';
import type { LimitUnit } from './kind.ts';
import type { Lane } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Suspects } from './suspects.ts';
import type { Row } from './tiers.ts';
import type { ReadyWindow } from './window.ts';

export interface Portion {
  /** Most tasks, and of those most that share limits. */
  readonly tasks: number;
  readonly limited: number;
  /** Most bytes, or a single task that is larger. */
  readonly bytes: number;
}

/** Take the next tasks of `group` for a client, all of the same attempt: a grant has one attempt number. */
export function take(window: ReadyWindow, limits: Limits, group: number, client: CoreClient, portion: Portion, now: number): CoreTask[] {
  const batch = new Batch(portion, window.suspects);
  for (const tier of window.tiers.of(group)) {
    const rows = tier.rows.filter(({ heap, demand }) => heap.size > 0 && client.fits(demand, now));
    while (!batch.closed && takeFirst(window, limits, rows, client, batch, now)) {}
  }
  return batch.tasks;
}

/** From the lane with the first task, up to where another lane goes before it; false: there is none. */
function takeFirst(window: ReadyWindow, limits: Limits, rows: readonly Row[], client: CoreClient, batch: Batch, now: number): boolean {
  let best: Lane | null = null;
  let until = Number.POSITIVE_INFINITY;
  for (const { heap, limited } of rows) {
    const first = heap.first;
    if (first === undefined || (limited && batch.limited <= 0)) continue;
    if (best === null || first.n < best.n) {
      if (best !== null) until = Math.min(until, best.n);
      best = first;
      const { second } = heap;
      if (second !== undefined) until = Math.min(until, second.n);
    } else until = Math.min(until, first.n);
  }
  if (best === null) return false;
  const { kind } = best;
  if (kind.units.length === 0) {
    window.tiers.drain(best, (task) => task.n < until && (batch.holdsBack(task) || batch.add(task)));
    window.took(best);
    return true;
  }
  const unit = limits.stops(kind, now);
  if (unit !== null) limits.park(best, unit);
  else takeOne(window, limits, best, client, batch, now);
  return true;
}

/** The first task of a lane that shares limits: each is leased before the next is looked at. */
function takeOne(window: ReadyWindow, limits: Limits, lane: Lane, client: CoreClient, batch: Batch, now: number): void {
  let taken = false;
  window.tiers.drain(lane, (task) => {
    if (taken) return false;
    if (batch.holdsBack(task)) return true;
    taken = batch.add(task);
    return taken;
  });
  if (taken) {
    batch.limited--;
    limits.lease(lane.kind, client, now);
  }
  window.took(lane);
}

/**
 * More tasks of the units all of whose leases the client holds already (a chain), at most `depth` of each; it runs no more of them at a time than
 * their limits allow.
 */
export function takeChain(
  window: ReadyWindow,
  limits: Limits,
  group: number,
  client: CoreClient,
  portion: Portion & { readonly depth: number; readonly alone: boolean },
  now: number,
): CoreTask[] {
  const batch = new Batch(portion, window.suspects);
  const chains = (unit: LimitUnit): boolean =>
    unit.due <= now &&
    (!unit.full || (unit.holder === client && unit.leases < portion.depth && (portion.alone || unit.limit.concurrency === 1)));
  for (const held of client.units) {
    if (batch.closed) break;
    while (!batch.closed && batch.limited > 0 && held.parked.first !== undefined && chains(held)) {
      const lane = window.tiers.lane(held.parked.first);
      const { kind } = lane;
      if (lane.group !== group || !client.fits(kind.demand, now) || !kind.units.every(chains)) break;
      takeOne(window, limits, lane, client, batch, now);
    }
  }
  return batch.tasks;
}

/** Tasks that go out under one grant. */
class Batch {
  readonly tasks: CoreTask[] = [];
  readonly #suspects: Suspects;
  readonly #most: number;
  readonly #bytes: number;
  #weight = 0;
  limited: number;
  /** Nothing more goes in. */
  closed = false;

  constructor({ tasks, limited, bytes }: Portion, suspects: Suspects) {
    this.#suspects = suspects;
    this.#most = tasks;
    this.#bytes = bytes;
    this.limited = limited;
  }

  /** It goes to nobody who holds others: it leaves the window for the suspects. */
  holdsBack(task: CoreTask): boolean {
    return !this.closed && this.#suspects.holdBack(task);
  }

  /** False: it does not go in. */
  add(task: CoreTask): boolean {
    const { tasks } = this;
    if (this.closed) return false;
    const { weight } = task;
    if (tasks.length > 0 && (task.attempts !== tasks[0]!.attempts || this.#weight + weight > this.#bytes)) {
      this.closed = true;
      return false;
    }
    this.#weight += weight;
    this.closed = tasks.push(task) >= this.#most;
    return true;
  }
}
