/** Ascending numbers as ranges `[first, last, first, last…]`, inclusive: how places of a grant and task numbers travel and are stored. */
import { MillraceError } from '../base/errors.ts';

/** Ascending, distinct numbers as ranges. */
export function toRanges(numbers: Iterable<number>): number[] {
  const ranges: number[] = [];
  for (const n of numbers) {
    const last = ranges.length - 1;
    if (last > 0 && ranges[last] === n - 1) ranges[last] = n;
    else ranges.push(n, n);
  }
  return ranges;
}

/** The numbers of ranges that came from elsewhere: checked, at most `limit` of them. */
export function fromRanges(ranges: readonly number[], limit: number): number[] {
  const numbers: number[] = [];
  let previous = -1;
  if (!Array.isArray(ranges) || ranges.length % 2 !== 0) throw new MillraceError('ERR_PROTOCOL', 'ranges must be pairs of numbers');
  for (let i = 0; i < ranges.length; i += 2) {
    const first = ranges[i]!;
    const last = ranges[i + 1]!;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || first <= previous || last < first) {
      throw new MillraceError('ERR_PROTOCOL', 'ranges must ascend');
    }
    if (numbers.length + (last - first) >= limit) throw new MillraceError('ERR_PROTOCOL', `ranges name more than ${limit} numbers`);
    for (let n = first; n <= last; n++) numbers.push(n);
    previous = last;
  }
  return numbers;
}
