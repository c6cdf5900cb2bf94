/**
 * The queue of the memory store: one tier for each (group, rank), in queue order, each an ascending list of task numbers
 * kept as runs, so that a million tasks of one tier are two numbers.
 *
 * A tier is a superset: a task that ends, or moves to another tier, is not taken out of the middle. Who reads asks `isHere` for
 * each number; numbers at the front that are no longer here are trimmed, so no number is passed over more than once there.
 */
import type { QueueKey } from '../store.ts';

interface Tier {
  group: number;
  rank: number;
  /** Ascending runs from `head` on. */
  runs: number[];
  head: number;
  /** Numbers that came out of order (retries), not yet merged into the runs. */
  loose: number[];
}

function order(a: { group: number; rank: number }, b: { group: number; rank: number }): number {
  return a.group - b.group || a.rank - b.rank;
}

export class Queue {
  #tiers: Tier[] = [];
  #latest: Tier | null = null;

  add(key: QueueKey): void {
    const tier = this.#tier(key);
    const last = tier.runs.length - 1;
    if (last < tier.head) tier.runs.push(key.n, key.n);
    else if (tier.runs[last] === key.n - 1) tier.runs[last] = key.n;
    else if (key.n > (tier.runs[last] as number)) tier.runs.push(key.n, key.n);
    else tier.loose.push(key.n);
  }

  /** True once a reading has found nothing that is still here. */
  get empty(): boolean {
    return this.#tiers.length === 0;
  }

  /** Numbers after `after` in queue order that are here, until `take` says that it has enough. */
  read(after: QueueKey | null, isHere: (n: number, group: number, rank: number) => boolean, take: (n: number) => boolean): void {
    for (const tier of this.#tiers) settle(tier, (n) => isHere(n, tier.group, tier.rank));
    this.#tiers = this.#tiers.filter((tier) => tier.head < tier.runs.length);
    this.#latest = null;
    for (const tier of this.#tiers) {
      const place = after === null ? 1 : order(tier, after);
      if (place < 0) continue;
      const above = place === 0 && after !== null ? after.n : Number.NEGATIVE_INFINITY;
      const runs = tier.runs;
      for (let i = firstRunAbove(tier, above); i < runs.length; i += 2) {
        const last = runs[i + 1] as number;
        for (let n = Math.max(runs[i] as number, above + 1); n <= last; n++) {
          if (isHere(n, tier.group, tier.rank) && !take(n)) return;
        }
      }
    }
  }

  #tier(key: { group: number; rank: number }): Tier {
    if (this.#latest !== null && order(this.#latest, key) === 0) return this.#latest;
    let low = 0;
    let high = this.#tiers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.#tiers[middle] as Tier, key) < 0) low = middle + 1;
      else high = middle;
    }
    let tier = this.#tiers[low];
    if (tier === undefined || order(tier, key) !== 0) {
      tier = { group: key.group, rank: key.rank, runs: [], head: 0, loose: [] };
      this.#tiers.splice(low, 0, tier);
    }
    this.#latest = tier;
    return tier;
  }
}

/** Merge what came out of order, then trim the front. */
function settle(tier: Tier, isHere: (n: number) => boolean): void {
  if (tier.loose.length > 0) {
    const loose = [...new Set(tier.loose)].sort((a, b) => a - b);
    tier.loose = [];
    const merged: number[] = [];
    const append = (first: number, last: number): void => {
      const end = merged.length - 1;
      if (end > 0 && first <= (merged[end] as number) + 1) merged[end] = Math.max(merged[end] as number, last);
      else merged.push(first, last);
    };
    let next = 0;
    for (let i = tier.head; i < tier.runs.length; i += 2) {
      const first = tier.runs[i] as number;
      for (; next < loose.length && (loose[next] as number) < first; next++) append(loose[next] as number, loose[next] as number);
      append(first, tier.runs[i + 1] as number);
    }
    for (; next < loose.length; next++) append(loose[next] as number, loose[next] as number);
    tier.runs = merged;
    tier.head = 0;
  }
  const runs = tier.runs;
  while (tier.head < runs.length) {
    const first = runs[tier.head] as number;
    if (isHere(first)) break;
    if (first < (runs[tier.head + 1] as number)) runs[tier.head] = first + 1;
    else tier.head += 2;
  }
  if (tier.head > 1024 && tier.head * 2 > runs.length) {
    tier.runs = runs.slice(tier.head);
    tier.head = 0;
  }
}

/** The index of the first run that holds a number above `n`. */
function firstRunAbove(tier: Tier, n: number): number {
  let low = 0;
  let high = (tier.runs.length - tier.head) / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tier.runs[tier.head + middle * 2 + 1] as number) <= n) low = middle + 1;
    else high = middle;
  }
  return tier.head + low * 2;
}
