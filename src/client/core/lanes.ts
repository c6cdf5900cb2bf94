/**
 * A task that a client holds, and the unstarted ones in lanes: tasks of one lane need the same of the client and have the same time limit, so one verdict
 * holds for a whole lane, and looking for a task that may begin costs a look at each lane instead of at each of 4,096 tasks. Most clients
 * have one lane, that of tasks without wishes. Inside a lane, and over all lanes by their first tasks, the order is that of arrival.
 */
import type { GrantedTask, GrantId } from '../../protocol/messages.ts';
import { needsText } from '../../task/lane.ts';
import type { TagValue, TaskAttributes } from '../../task/task.ts';

/** What a task needs, by countable resource of the client, in the budget's order. */
export type Needs = readonly number[];

/** What the tasks of a lane have in common. */
export interface LaneTerms {
  /** null: nothing that is counted here. */
  readonly needs: Needs | null;
  /** The longest run, ms; Infinity: no limit. */
  readonly timeout: number;
}

/** One value of one limit. */
export interface ChainUnit {
  /** The place of its limit among those of the server. */
  readonly limit: number;
  readonly value: TagValue;
  readonly concurrency: number;
  /** So many more may claim it; negative: more have than may, under limits of before. */
  room: number;
  readonly waiting: HeldTask[];
}

/** `unstarted` → `running` → `finished` (its result is not acknowledged) → out; `dropped` from anywhere: cancelled, given back. */
export type HeldPhase = 'unstarted' | 'running' | 'finished' | 'dropped';

/** Estimated bytes of a task. */
export function weightOf(granted: GrantedTask): number {
  const task = granted[2];
  return 200 + task[1].length + (task[2]?.length ?? 0);
}

export class HeldTask {
  readonly grant: GrantId;
  readonly attempt: number;
  readonly granted: GrantedTask;
  lane: Lane;
  /** Its place in the order of arrival on this client. */
  readonly order: number;
  phase: HeldPhase = 'unstarted';
  /** Units of limits that it has claimed, and whether it waits until it can. */
  claims: readonly ChainUnit[] | null = null;
  waits = false;

  constructor(grant: GrantId, attempt: number, granted: GrantedTask, lane: Lane, order: number) {
    this.grant = grant;
    this.attempt = attempt;
    this.granted = granted;
    this.lane = lane;
    this.order = order;
  }

  get n(): number {
    return this.granted[0];
  }

  get isFunction(): boolean {
    return this.granted[2][0] === 1;
  }

  /** The command line as given, or `module#name`. */
  get args(): string {
    return this.granted[2][1];
  }

  get attributes(): TaskAttributes | null {
    return this.granted[2][3];
  }

  /** A function that is told how the tasks ended on which it depends: the server is asked before it starts. */
  get asksParents(): boolean {
    return this.isFunction && (this.attributes?.parents?.length ?? 0) > 0;
  }

  get weight(): number {
    return weightOf(this.granted);
  }
}

export class Lane {
  readonly key: string;
  readonly needs: Needs | null;
  readonly timeout: number;
  #queue: HeldTask[] = [];
  #head = 0;

  constructor(key: string, terms: LaneTerms) {
    this.key = key;
    this.needs = terms.needs;
    this.timeout = terms.timeout;
  }

  /** The next task, without taking it; null: there is none. */
  get first(): HeldTask | null {
    for (; this.#head < this.#queue.length; this.#head++) {
      const task = this.#queue[this.#head]!;
      if (task.phase === 'unstarted') return task;
    }
    return null;
  }

  add(task: HeldTask): void {
    this.#queue.push(task);
  }

  /** The next task leaves the lane; null: there is none. */
  take(): HeldTask | null {
    const task = this.first;
    if (task === null) return null;
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return task;
  }

  /** A task that was taken could not begin: it is where it was. */
  putBack(task: HeldTask): void {
    let at = this.#head;
    for (let end = this.#queue.length; at < end; ) {
      const middle = (at + end) >>> 1;
      if (this.#queue[middle]!.order < task.order) at = middle + 1;
      else end = middle;
    }
    if (at === this.#head && at > 0) this.#queue[--this.#head] = task;
    else this.#queue.splice(at, 0, task);
  }

  /** What is left, latest first. Tasks that are dropped meanwhile are skipped by whoever reads on. */
  *backwards(): Iterable<HeldTask> {
    for (let i = this.#queue.length - 1; i >= this.#head; i--) {
      const task = this.#queue[i]!;
      if (task.phase === 'unstarted') yield task;
    }
  }

  /** Forget dropped tasks at the tail, so that what is recalled does not stay in memory. */
  trim(): void {
    while (this.#queue.length > this.#head && this.#queue[this.#queue.length - 1]!.phase !== 'unstarted') this.#queue.pop();
  }
}

/** Tasks of one key have the same terms; the empty key: no wishes at all. */
export function laneKey(attributes: TaskAttributes | null): string {
  return attributes === null ? '' : needsText(attributes, attributes.timeout);
}
