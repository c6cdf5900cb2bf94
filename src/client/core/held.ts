/** What a client holds: tasks by grant and number, and its unstarted tasks in the order in which they came. */
import { NumberMap } from '../../base/number-map.ts';
import type { ChainLimit, GrantedTask, GrantId, Ranges } from '../../protocol/messages.ts';
import { toRanges } from '../../task/ranges.ts';
import type { WireResult } from '../../task/result.ts';
import type { TaskAttributes } from '../../task/task.ts';
import { Chains } from './chains.ts';
import { type ChainUnit, HeldTask, Lane, type LaneTerms, laneKey } from './lanes.ts';

export { HeldTask };

export class Held {
  readonly #grants: Map<GrantId, NumberMap<HeldTask>> = new Map();
  readonly #termsOf: (attributes: TaskAttributes | null) => LaneTerms;
  readonly #plain: Lane;
  readonly #chains: Chains = new Chains();
  /** Those that hold tasks, and always the plain one. */
  readonly #lanes: Map<string, Lane> = new Map();
  #orders = 0;
  #unstarted = 0;

  /** `termsOf`: what tasks with these attributes need here. */
  constructor(termsOf: (attributes: TaskAttributes | null) => LaneTerms) {
    this.#termsOf = termsOf;
    this.#plain = new Lane('', termsOf(null));
    this.#lanes.set('', this.#plain);
  }

  /** Tasks that were not begun. */
  get unstarted(): number {
    return this.#unstarted;
  }

  /** Of those: tasks that no limit keeps waiting. */
  get startable(): number {
    return this.#unstarted - this.#chains.size;
  }

  get empty(): boolean {
    return this.#grants.size === 0;
  }

  add(grant: GrantId, attempt: number, tasks: readonly GrantedTask[]): void {
    const byNumber = new NumberMap<HeldTask>();
    for (const granted of tasks) {
      const lane = this.#laneOf(granted[2][3]);
      const task = new HeldTask(grant, attempt, granted, lane, this.#orders++);
      byNumber.set(task.n, task);
      if (this.#chains.enter(task)) lane.add(task);
    }
    this.#unstarted += tasks.length;
    if (tasks.length > 0) this.#grants.set(grant, byNumber);
  }

  get(grant: GrantId, n: number): HeldTask | undefined {
    return this.#grants.get(grant)?.get(n);
  }

  /** The unstarted task that came first, without taking it; null: there is none. */
  first(): HeldTask | null {
    if (this.#lanes.size === 1) return this.#plain.first;
    let first: HeldTask | null = null;
    for (const lane of this.lanes()) {
      const task = lane.first;
      if (task !== null && (first === null || task.order < first.order)) first = task;
    }
    return first;
  }

  /** The lanes with unstarted tasks; one that has none any more is forgotten. */
  *lanes(): Iterable<Lane> {
    for (const lane of this.#lanes.values()) {
      if (lane.first !== null) yield lane;
      else if (lane !== this.#plain) this.#lanes.delete(lane.key);
    }
  }

  /** The first task of a lane begins. */
  take(lane: Lane): HeldTask | null {
    const task = lane.take();
    if (task === null) return null;
    this.#begin(task);
    return task;
  }

  /**
   * Tasks that wait for the limits of `batch` alone, at most so many, begin behind it: it runs one task after the other. Of each unit one in
   * turn, so that none takes the whole of it.
   */
  follow(batch: HeldTask[], most: number, may: (task: HeldTask) => boolean): void {
    if (this.#chains.size === 0) return;
    const own = new Map<ChainUnit, number>();
    const count = ({ claims }: HeldTask): void => claims?.forEach((unit) => void own.set(unit, (own.get(unit) ?? 0) + 1));
    batch.forEach(count);
    for (let at = 0; at < batch.length && batch.length < most; at++) {
      const task = this.#chains.follow(batch[at]!, own, may);
      if (task === null) continue;
      count(task);
      this.#begin(task);
      batch.push(task);
    }
  }

  /** A task that was taken could not begin: it is where it was. */
  putBack(task: HeldTask): void {
    task.phase = 'unstarted';
    this.#unstarted++;
    for (const next of this.#chains.unbegun(task)) this.#queue(next);
  }

  /** Unstarted tasks from the tail of the order of arrival, at most `limit`: they leave. */
  giveBack(limit: number): HeldTask[] {
    const lanes = [...this.lanes()];
    const all = limit === Number.POSITIVE_INFINITY;
    let given: HeldTask[] = all ? this.#chains.waiting() : [];
    for (const lane of lanes) {
      let left = limit;
      for (const task of lane.backwards()) {
        // Nobody else could run it while the others of its limit are here.
        if (!all && this.#chains.isAwaited(task)) continue;
        if (left-- <= 0) break;
        given.push(task);
      }
    }
    if (lanes.length > 1 && !all) given.sort((a, b) => b.order - a.order);
    if (given.length > limit) given = given.slice(0, limit);
    for (const task of given) this.drop(task);
    for (const lane of lanes) lane.trim();
    return given;
  }

  /** The longest time limit of an unstarted task that has one, ms; 0: none has. */
  get longestTimeout(): number {
    let longest = 0;
    for (const lane of this.lanes()) if (Number.isFinite(lane.timeout) && lane.timeout > longest) longest = lane.timeout;
    return longest;
  }

  /** The unstarted tasks that may run longer than `left` ms: none of them will begin here, but they are held until they are given back. */
  takeLonger(left: number): HeldTask[] {
    const taken: HeldTask[] = [];
    for (const lane of this.lanes()) {
      if (!Number.isFinite(lane.timeout) || lane.timeout <= left) continue;
      for (let task = this.take(lane); task !== null; task = this.take(lane)) taken.push(task);
    }
    return taken;
  }

  /** The task is none of this client's business any more: settled, given back, cancelled. */
  drop(task: HeldTask): void {
    if (task.phase === 'unstarted') {
      this.#unstarted--;
      if (task.waits) this.#chains.forget(task);
      else this.leave(task);
    }
    task.phase = 'dropped';
    const byNumber = this.#grants.get(task.grant);
    if (byNumber?.get(task.n) !== task) return;
    byNumber.delete(task.n);
    if (byNumber.size === 0) this.#grants.delete(task.grant);
  }

  /** The limits that the server knows: from now on they are kept here. */
  setLimits(limits: readonly ChainLimit[]): void {
    const claimed = (): HeldTask[] => [...this].filter(({ phase, waits }) => phase === 'running' || (phase === 'unstarted' && !waits));
    for (const task of this.#chains.setLimits(limits, claimed)) if (this.#chains.enter(task)) this.#queue(task);
  }

  /** A task has ended, or will not run: others of its limits may. */
  leave(task: HeldTask): void {
    if (task.claims === null) return;
    for (const next of this.#chains.leave(task)) this.#queue(next);
  }

  /** The full list for `resume`. */
  list(): [GrantId, Ranges][] {
    return [...this.#grants].map(([grant, byNumber]) => [grant, toRanges([...byNumber.keys()].sort((a, b) => a - b))]);
  }

  *[Symbol.iterator](): Iterator<HeldTask> {
    for (const byNumber of this.#grants.values()) yield* byNumber.values();
  }

  #begin(task: HeldTask): void {
    this.#unstarted--;
    task.phase = 'running';
  }

  /** Into its lane, where it belongs by its arrival. */
  #queue(task: HeldTask): void {
    // Its lane may have been forgotten meanwhile, and another one made for the same key.
    const known = this.#lanes.get(task.lane.key);
    if (known === undefined) this.#lanes.set(task.lane.key, task.lane);
    else task.lane = known;
    task.lane.putBack(task);
  }

  #laneOf(attributes: TaskAttributes | null): Lane {
    const key = laneKey(attributes);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(key, this.#termsOf(attributes));
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

/** Task numbers by grant, as they travel. */
export function numbersOf(tasks: Iterable<HeldTask>): [GrantId, Ranges][] {
  const byGrant = new Map<GrantId, number[]>();
  for (const task of tasks) {
    const numbers = byGrant.get(task.grant);
    if (numbers === undefined) byGrant.set(task.grant, [task.n]);
    else numbers.push(task.n);
  }
  return [...byGrant].map(([grant, numbers]) => [grant, toRanges(numbers.sort((a, b) => a - b))]);
}

/** Results by grant, in order. */
export function resultsOf(results: Iterable<readonly [HeldTask, WireResult]>): [GrantId, WireResult[]][] {
  const byGrant = new Map<GrantId, WireResult[]>();
  for (const entry of results) {
    const task = entry[0];
    const result = entry[1];
    const list = byGrant.get(task.grant);
    if (list === undefined) byGrant.set(task.grant, [result]);
    else list.push(result);
  }
  return [...byGrant];
}
