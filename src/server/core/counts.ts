/** Counts, kept by each change and never by counting: of this run (the summary) and of the store (totals, tasks pending by group). */
import type { StoreCounts } from '../../store/store.ts';
import { failureCodes, outcomeCode } from '../../task/result.ts';
import { Heap, type HeapItem } from './heap.ts';

interface Group extends HeapItem {
  readonly group: number;
}

export class Counts {
  /** Of this run, by `outcomeCode`; index 0 is not used. */
  readonly outcomes: number[] = [0, 0, 0, 0, 0, 0, 0];
  submitted = 0;
  retried = 0;
  refused = 0;
  /** Not done, in all and by group. */
  pending: number;
  readonly groups: Map<number, number> = new Map();
  /** Groups with pending tasks, and some that have none any more, by number. */
  readonly #order: Heap<Group> = new Heap((a, b) => a.group < b.group);
  readonly #ordered: Set<number> = new Set();
  /** The first task of each group that failed for good, in words; and how many of its tasks did. */
  readonly #failed: Map<number, string> = new Map();
  readonly #failures: Map<number, number> = new Map();
  readonly #total: StoreCounts;
  #changed = false;

  constructor(total: StoreCounts) {
    this.#total = { ...total, outcomes: [...total.outcomes] };
    while (this.#total.outcomes.length < 7) this.#total.outcomes.push(0);
    for (const [group, count] of Object.entries(total.groups)) this.#add(Number(group), count);
    for (const [group, story] of Object.entries(total.failed ?? {})) this.#failed.set(Number(group), story);
    for (const [group, count] of Object.entries(total.failures ?? {})) this.#failures.set(Number(group), count);
    this.pending = [...this.groups.values()].reduce((sum, count) => sum + count, 0);
    // What an earlier run left is this run's work: so that submitted = sum of outcomes + pending.
    this.submitted = this.pending;
  }

  /** A task was accepted (or refused as malformed: then its end follows in the same turn). */
  accepted(group: number): void {
    this.submitted++;
    this.#total.submitted++;
    this.pending++;
    this.#add(group, 1);
    this.#changed = true;
  }

  /** A task that was done is queued again: it counts as submitted again in this run, and as one task in the store. */
  reopened(group: number, outcome: number): void {
    this.submitted++;
    this.pending++;
    this.#add(group, 1);
    this.#forget(group, outcome);
  }

  /** A task that was done is deleted: the store has one less, this run did what it did. */
  removed(group: number, outcome: number): void {
    this.#total.submitted--;
    this.#forget(group, outcome);
  }

  /** A task of the group failed for good, the first one if nothing is known of it: `story`. */
  failedGroup(group: number, story: string): void {
    this.#failed.set(group, story);
  }

  isFailed(group: number): boolean {
    return this.#failed.has(group);
  }

  ended(group: number, outcome: number): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    this.#total.outcomes[outcome] = (this.#total.outcomes[outcome] ?? 0) + 1;
    this.pending--;
    const left = (this.groups.get(group) ?? 1) - 1;
    if (left > 0) this.groups.set(group, left);
    else this.groups.delete(group);
    if (failureCodes.has(outcome)) this.#failures.set(group, (this.#failures.get(group) ?? 0) + 1);
    this.#changed = true;
  }

  /** A further attempt of a task begins. */
  retry(): void {
    this.retried++;
    this.#total.retried++;
    this.#changed = true;
  }

  /** The lowest group with pending tasks: the only one that is served. */
  get activeGroup(): number | null {
    for (let { first } = this.#order; first !== undefined; { first } = this.#order) {
      if (this.groups.has(first.group)) return first.group;
      this.#order.remove(first);
      this.#ordered.delete(first.group);
    }
    return null;
  }

  /** Tasks that were ever submitted to the store, but those that were deleted. */
  get total(): number {
    return this.#total.submitted;
  }

  get failedTasks(): number {
    const { failed, timeout, lost, rejected } = outcomeCode;
    return this.outcomes[failed]! + this.outcomes[timeout]! + this.outcomes[lost]! + this.outcomes[rejected]!;
  }

  /** The totals for the store, when they changed since the last call. */
  take(): StoreCounts | null {
    if (!this.#changed) return null;
    this.#changed = false;
    const { submitted, outcomes, retried } = this.#total;
    const all = [...outcomes];
    all[0] = this.pending;
    const counts: StoreCounts = { submitted, outcomes: all, retried, groups: Object.fromEntries(this.groups) };
    if (this.#failed.size === 0) return counts;
    return { ...counts, failed: Object.fromEntries(this.#failed), failures: Object.fromEntries(this.#failures) };
  }

  #add(group: number, count: number): void {
    if (count <= 0) return;
    this.groups.set(group, (this.groups.get(group) ?? 0) + count);
    if (this.#ordered.has(group)) return;
    this.#ordered.add(group);
    this.#order.push({ group, at: -1 });
  }

  /** An end is undone. */
  #forget(group: number, outcome: number): void {
    this.#total.outcomes[outcome] = (this.#total.outcomes[outcome] ?? 1) - 1;
    this.#changed = true;
    if (!failureCodes.has(outcome)) return;
    const left = (this.#failures.get(group) ?? 1) - 1;
    this.#failures.set(group, left);
    if (left > 0) return;
    this.#failures.delete(group);
    this.#failed.delete(group);
  }
}
