/**
 * Lists of task numbers as runs: `[first, last, first, last…]`, inclusive. Grants hold theirs ascending; the record of
 * completions holds them in the order of arrival, which is mostly ascending too.
 */

/** Call for each number, in order. */
export function eachNumber(ranges: readonly number[], call: (n: number) => void): void {
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const last = ranges[i + 1] as number;
    for (let n = ranges[i] as number; n <= last; n++) call(n);
  }
}

/** Numbers in any order as runs that keep this order: 1, 2, 3, 9, 8 → [1, 3, 9, 9, 8, 8]. */
export function toRuns(numbers: readonly number[]): number[] {
  const runs: number[] = [];
  for (const n of numbers) {
    if (runs.length > 0 && runs[runs.length - 1] === n - 1) runs[runs.length - 1] = n;
    else runs.push(n, n);
  }
  return runs;
}
