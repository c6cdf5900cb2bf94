/**
 * Tasks that wait for others. A child registers first and asks then: an end that the core sees meanwhile counts at once, and for parents
 * that it does not hold the turn carries a question (`lookups`), which the store answers after that turn's commit. So no end can
 * slip through between the two, whatever store it is.
 *
 * A child leaves when its last parent has ended well (then its time counts, if it has one), when one has not (then it ends as
 * `rejected`, unless it is to run all the same), or when it ends otherwise. Ends are worked off from a list: a chain of 100,000 must
 * not be 100,000 calls deep.
 */
import type { AttemptEnd } from '../../store/store.ts';
import { libraryError, outcomeCode } from '../../task/result.ts';
import type { CoreTask, Instant } from './entities.ts';
import type { Turn } from './events.ts';
import type { Lately } from './lately.ts';
import { ending, unknown } from './stories.ts';

/** What it needs of the core. */
export interface DependencyHost {
  readonly tasks: { get(n: number): CoreTask | undefined; has(n: number): boolean };
  readonly turn: Turn;
  readonly lately: Lately;
  readonly time: Instant;
  wake(task: CoreTask): void;
  waited(task: CoreTask, durationMs: number): number;
  end(task: CoreTask, end: AttemptEnd): void;
}

interface Wait {
  task: CoreTask;
  /** Parents that have not ended, as far as is known. */
  readonly open: Set<number>;
  /** It was accepted earlier, with parents that were there: one that is there no more ended well and was forgotten since. */
  readonly trusted: boolean;
}

/** Those that wait for one task. */
interface Family {
  /** The group of that task; null: the store was asked and has not answered. */
  group: number | null;
  waits: Wait[];
}

export class Dependencies {
  readonly #waits: Map<number, Wait> = new Map();
  readonly #children: Map<number, Family> = new Map();
  #ended: (readonly [n: number, outcome: number])[] = [];
  #settling = false;

  /** Nobody waits, and nobody's end is waited for: a list of children stands until their parent's end, though all of them may have gone. */
  get idle(): boolean {
    return this.#waits.size === 0 && this.#children.size === 0;
  }

  /** The parents that this task waits for. */
  open(n: number): readonly number[] {
    return [...(this.#waits.get(n)?.open ?? [])];
  }

  holds(n: number): boolean {
    return this.#waits.has(n);
  }

  /** A waiting task with parents; it may end here. `trusted`: it is not new. */
  register(state: DependencyHost, task: CoreTask, trusted: boolean): void {
    const wait: Wait = { task, open: new Set(task.attributes?.parents), trusted };
    if (wait.open.size === 0) return;
    this.#waits.set(task.n, wait);
    for (const n of wait.open) {
      const family = this.#children.get(n);
      // Who was first has asked: as long as the family stands the parent is not known to have ended.
      if (family !== undefined) family.waits.push(wait);
      else {
        const group = state.tasks.get(n)?.group ?? null;
        this.#children.set(n, { group, waits: [wait] });
        if (group === null) state.turn.lookups.push(n);
      }
    }
    for (const n of wait.open) if (this.#endless(state, wait, n)) return;
  }

  /** The same task in another object. */
  replace(task: CoreTask): void {
    const wait = this.#waits.get(task.n);
    if (wait !== undefined) wait.task = task;
  }

  /** It waits no more: it ended otherwise. */
  forget(n: number): void {
    this.#waits.delete(n);
  }

  /** The store's answer to `lookups`. */
  answered(state: DependencyHost, answers: readonly { n: number; outcome: number; group: number }[]): void {
    for (const { n, outcome, group } of answers) {
      if (state.lately.wasReopened(n)) {
        if (this.#children.has(n)) state.turn.lookups.push(n);
        continue;
      }
      if (outcome !== outcomeCode.none && !state.tasks.has(n)) {
        this.ended(state, n, outcome);
        continue;
      }
      const family = this.#children.get(n);
      if (family === undefined) continue;
      family.group = group;
      for (const wait of [...family.waits]) this.#endless(state, wait, n);
    }
  }

  /** A task has ended: those that wait for it go on or end too. */
  ended(state: DependencyHost, n: number, outcome: number): void {
    if (!this.#children.has(n)) return;
    this.#ended.push([n, outcome]);
    if (this.#settling) return;
    this.#settling = true;
    // The list grows while it is worked off.
    for (const [parent, how] of this.#ended) this.#settle(state, parent, how);
    this.#ended = [];
    this.#settling = false;
  }

  /** For `check()`: every child is held as waiting, and every parent is known to all that wait for it. */
  *problems(state: DependencyHost): Iterable<string> {
    for (const [n, wait] of this.#waits) {
      if (state.tasks.get(n) !== wait.task) yield `task ${n} waits for others but is not held`;
      if (wait.open.size === 0) yield `task ${n} waits for nobody`;
      for (const parent of wait.open)
        if (!this.#children.get(parent)?.waits.includes(wait)) yield `task ${parent} does not know its child ${n}`;
    }
  }

  /** Refuse a child that comes before its parent by their groups: it would wait for ever. */
  #endless(state: DependencyHost, wait: Wait, n: number): boolean {
    const { task } = wait;
    const group = this.#children.get(n)?.group ?? null;
    if (group === null || group <= task.group || this.#waits.get(task.n) !== wait) return false;
    // What is queued again in this transaction can end in the next one only.
    if (state.lately.reopened.has(task.n)) state.turn.lookups.push(n);
    else this.#refuse(state, wait, n, laterGroup(group, task.group));
    return true;
  }

  #settle(state: DependencyHost, n: number, outcome: number): void {
    const family = this.#children.get(n);
    if (family === undefined) return;
    this.#children.delete(n);
    const later: Wait[] = [];
    for (const wait of family.waits) {
      const { task, open, trusted } = wait;
      if (this.#waits.get(task.n) !== wait) continue;
      // In this very transaction it is queued again, which is written after all ends: it can have no end of its own before the next.
      if (state.lately.reopened.has(task.n)) {
        later.push(wait);
        continue;
      }
      const well = outcome === outcomeCode.succeeded || (outcome === unknown && trusted) || task.attributes?.dependencyFailure === 'run';
      if (!well) {
        this.#refuse(state, wait, n, ending(outcome));
        continue;
      }
      open.delete(n);
      if (open.size > 0) continue;
      this.#waits.delete(task.n);
      if (task.readyAt === null) state.wake(task);
    }
    if (later.length === 0) return;
    this.#children.set(n, { group: null, waits: later });
    state.turn.lookups.push(n);
  }

  #refuse(state: DependencyHost, { task }: Wait, parent: number, why: string): void {
    this.#waits.delete(task.n);
    const { dependsOn = [], parents = [] } = task.attributes ?? {};
    const id = dependsOn[parents.indexOf(parent)] ?? `number ${parent}`;
    const error = libraryError('ERR_DEPENDENCY', `it depends on task ${id}, which ${why}`);
    state.end(task, task.endWithoutResult(outcomeCode.rejected, state.time.wall, state.waited(task, 0), { error }));
  }
}

function laterGroup(parent: number, child: number): string {
  return `is of group ${parent} and so comes after its own group ${child}: it would wait for ever`;
}
