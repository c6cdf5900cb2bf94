/**
 * Which task numbers are out in grants, kept in memory by an adapter so that the queue needs no join with the grants.
 *
 * The queue is read forwards and grants lie behind the reader, so most questions end at `highest`; only when a question falls among
 * the granted numbers is the sorted index built, and it lives until the next change.
 */
import type { GrantId, Ranges } from '../protocol/messages.ts';

export class GrantedNumbers {
  readonly #grants = new Map<GrantId, Ranges>();
  /** Nothing above it is granted; an upper bound that falls back only when no grant is left. */
  #highest = 0;
  #index: [first: number, last: number][] | null = null;

  /** Set what a grant holds; an empty list ends it. */
  set(id: GrantId, tasks: Ranges): void {
    this.#index = null;
    if (tasks.length === 0) {
      this.#grants.delete(id);
      if (this.#grants.size === 0) this.#highest = 0;
      return;
    }
    this.#grants.set(id, tasks);
    for (let i = 1; i < tasks.length; i += 2) this.#highest = Math.max(this.#highest, tasks[i] as number);
  }

  ids(): GrantId[] {
    return [...this.#grants.keys()];
  }

  clear(): void {
    this.#grants.clear();
    this.#highest = 0;
    this.#index = null;
  }

  has(n: number): boolean {
    if (n > this.#highest) return false;
    this.#index ??= this.#sorted();
    let low = 0;
    let high = this.#index.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [first, last] = this.#index[middle] as [number, number];
      if (n < first) high = middle - 1;
      else if (n > last) low = middle + 1;
      else return true;
    }
    return false;
  }

  #sorted(): [number, number][] {
    const all: [number, number][] = [];
    for (const tasks of this.#grants.values()) {
      for (let i = 0; i + 1 < tasks.length; i += 2) all.push([tasks[i] as number, tasks[i + 1] as number]);
    }
    all.sort((a, b) => a[0] - b[0]);
    const merged: [number, number][] = [];
    for (const range of all) {
      const previous = merged[merged.length - 1];
      if (previous !== undefined && range[0] <= previous[1] + 1) previous[1] = Math.max(previous[1], range[1]);
      else merged.push([...range]);
    }
    return merged;
  }
}
