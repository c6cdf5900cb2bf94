/**
 * The queue of the memory store: one lane for each (group, rank), in queue order, each an ascending list of task numbers
 * kept as runs, so that a million tasks of one lane are two numbers.
 *
 * A lane is a superset: a task that ends, or moves to another lane, is not taken out of the middle. Who reads asks `isHere` for
 * each number; numbers at the front that are no longer here are trimmed, so no number is passed over more than once there.
 */
import type { QueueKey } from '../store.ts';

interface Lane {
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

export class Lanes {
  #lanes: Lane[] = [];
  #latest: Lane | null = null;

  add(key: QueueKey): void {
    const lane = this.#lane(key);
    const last = lane.runs.length - 1;
    if (last < lane.head) lane.runs.push(key.n, key.n);
    else if (lane.runs[last] === key.n - 1) lane.runs[last] = key.n;
    else if (key.n > (lane.runs[last] as number)) lane.runs.push(key.n, key.n);
    else lane.loose.push(key.n);
  }

  /** Numbers after `after` in queue order that are here, until `take` says that it has enough. */
  read(after: QueueKey | null, isHere: (n: number, group: number, rank: number) => boolean, take: (n: number) => boolean): void {
    for (const lane of this.#lanes) settle(lane, (n) => isHere(n, lane.group, lane.rank));
    this.#lanes = this.#lanes.filter((lane) => lane.head < lane.runs.length);
    this.#latest = null;
    for (const lane of this.#lanes) {
      const place = after === null ? 1 : order(lane, after);
      if (place < 0) continue;
      const above = place === 0 && after !== null ? after.n : Number.NEGATIVE_INFINITY;
      const runs = lane.runs;
      for (let i = firstRunAbove(lane, above); i < runs.length; i += 2) {
        const last = runs[i + 1] as number;
        for (let n = Math.max(runs[i] as number, above + 1); n <= last; n++) {
          if (isHere(n, lane.group, lane.rank) && !take(n)) return;
        }
      }
    }
  }

  #lane(key: { group: number; rank: number }): Lane {
    if (this.#latest !== null && order(this.#latest, key) === 0) return this.#latest;
    let low = 0;
    let high = this.#lanes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.#lanes[middle] as Lane, key) < 0) low = middle + 1;
      else high = middle;
    }
    let lane = this.#lanes[low];
    if (lane === undefined || order(lane, key) !== 0) {
      lane = { group: key.group, rank: key.rank, runs: [], head: 0, loose: [] };
      this.#lanes.splice(low, 0, lane);
    }
    this.#latest = lane;
    return lane;
  }
}

/** Merge what came out of order, then trim the front. */
function settle(lane: Lane, isHere: (n: number) => boolean): void {
  if (lane.loose.length > 0) {
    const loose = [...new Set(lane.loose)].sort((a, b) => a - b);
    lane.loose = [];
    const merged: number[] = [];
    const append = (first: number, last: number): void => {
      const end = merged.length - 1;
      if (end > 0 && first <= (merged[end] as number) + 1) merged[end] = Math.max(merged[end] as number, last);
      else merged.push(first, last);
    };
    let next = 0;
    for (let i = lane.head; i < lane.runs.length; i += 2) {
      const first = lane.runs[i] as number;
      for (; next < loose.length && (loose[next] as number) < first; next++) append(loose[next] as number, loose[next] as number);
      append(first, lane.runs[i + 1] as number);
    }
    for (; next < loose.length; next++) append(loose[next] as number, loose[next] as number);
    lane.runs = merged;
    lane.head = 0;
  }
  const runs = lane.runs;
  while (lane.head < runs.length) {
    const first = runs[lane.head] as number;
    if (isHere(first)) break;
    if (first < (runs[lane.head + 1] as number)) runs[lane.head] = first + 1;
    else lane.head += 2;
  }
  if (lane.head > 1024 && lane.head * 2 > runs.length) {
    lane.runs = runs.slice(lane.head);
    lane.head = 0;
  }
}

/** The index of the first run that holds a number above `n`. */
function firstRunAbove(lane: Lane, n: number): number {
  let low = 0;
  let high = (lane.runs.length - lane.head) / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lane.runs[lane.head + middle * 2 + 1] as number) <= n) low = middle + 1;
    else high = middle;
  }
  return lane.head + low * 2;
}
