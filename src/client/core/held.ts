/** What a client holds: tasks by grant and number, and its unstarted tasks in the order in which they came. */
import type { GrantedTask, GrantId, Ranges } from '../../protocol/messages.ts';
import { toRanges } from '../../task/ranges.ts';
import type { WireResult } from '../../task/result.ts';
import type { TaskAttributes } from '../../task/task.ts';

/** `unstarted` → `running` → `finished` (its result is not acknowledged) → out; `dropped` from anywhere: cancelled, given back. */
export type HeldPhase = 'unstarted' | 'running' | 'finished' | 'dropped';

export class HeldTask {
  readonly grant: GrantId;
  readonly attempt: number;
  readonly granted: GrantedTask;
  phase: HeldPhase = 'unstarted';

  constructor(grant: GrantId, attempt: number, granted: GrantedTask) {
    this.grant = grant;
    this.attempt = attempt;
    this.granted = granted;
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

  get weight(): number {
    const [, args, input] = this.granted[2];
    return 200 + args.length + (input?.length ?? 0);
  }
}

export class Held {
  readonly #grants: Map<GrantId, Map<number, HeldTask>> = new Map();
  #queue: HeldTask[] = [];
  #head = 0;
  #unstarted = 0;

  /** Tasks that were not begun. */
  get unstarted(): number {
    return this.#unstarted;
  }

  get empty(): boolean {
    return this.#grants.size === 0;
  }

  add(grant: GrantId, attempt: number, tasks: readonly GrantedTask[]): void {
    const byNumber = new Map<number, HeldTask>();
    for (const granted of tasks) {
      const task = new HeldTask(grant, attempt, granted);
      byNumber.set(task.n, task);
      this.#queue.push(task);
    }
    this.#unstarted += tasks.length;
    if (tasks.length > 0) this.#grants.set(grant, byNumber);
  }

  get(grant: GrantId, n: number): HeldTask | undefined {
    return this.#grants.get(grant)?.get(n);
  }

  /** The `ahead`-th unstarted task, without taking it; null: there are fewer. */
  peek(ahead = 0): HeldTask | null {
    let seen = 0;
    for (let i = this.#head; i < this.#queue.length; i++) {
      const task = this.#queue[i]!;
      if (task.phase === 'unstarted') {
        if (seen++ === ahead) return task;
      } else if (i === this.#head) this.#head++;
    }
    return null;
  }

  /** The first unstarted task begins. */
  take(): HeldTask | null {
    const task = this.peek();
    if (task === null) return null;
    this.#head++;
    this.#unstarted--;
    task.phase = 'running';
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return task;
  }

  /** A task that was taken could not begin: it is first again. */
  putBack(task: HeldTask): void {
    task.phase = 'unstarted';
    this.#unstarted++;
    if (this.#head > 0) this.#queue[--this.#head] = task;
    else this.#queue.unshift(task);
  }

  /** Unstarted tasks from the tail, at most `limit`: they leave. */
  giveBack(limit: number): HeldTask[] {
    const given: HeldTask[] = [];
    for (let i = this.#queue.length - 1; i >= this.#head && given.length < limit; i--) {
      const task = this.#queue[i]!;
      if (task.phase === 'unstarted') given.push(task);
    }
    for (const task of given) this.drop(task);
    while (this.#queue.length > this.#head && this.#queue[this.#queue.length - 1]!.phase !== 'unstarted') this.#queue.pop();
    return given;
  }

  /** The task is none of this client's business any more: settled, given back, cancelled. */
  drop(task: HeldTask): void {
    if (task.phase === 'unstarted') this.#unstarted--;
    task.phase = 'dropped';
    const byNumber = this.#grants.get(task.grant);
    if (byNumber?.get(task.n) !== task) return;
    byNumber.delete(task.n);
    if (byNumber.size === 0) this.#grants.delete(task.grant);
  }

  /** The full list for `resume`. */
  list(): [GrantId, Ranges][] {
    return [...this.#grants].map(([grant, byNumber]) => [grant, toRanges([...byNumber.keys()].sort((a, b) => a - b))]);
  }

  *[Symbol.iterator](): Iterator<HeldTask> {
    for (const byNumber of this.#grants.values()) yield* byNumber.values();
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
  for (const [task, result] of results) {
    const list = byGrant.get(task.grant);
    if (list === undefined) byGrant.set(task.grant, [result]);
    else list.push(result);
  }
  return [...byGrant];
}
