import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromRanges, toRanges } from '../../src/task/ranges.ts';

it('ascending numbers come back from their ranges', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(500), { maxLength: 200 }), (list) => {
      const numbers = [...list].sort((a, b) => a - b);
      expect(fromRanges(toRanges(numbers), 1_000)).toEqual(numbers);
    }),
  );
});

it('neighbours share a range', () => {
  expect(toRanges([1, 2, 3, 7, 9, 10])).toEqual([1, 3, 7, 7, 9, 10]);
});

it('ranges of a peer that overlap, descend, are half or no numbers are a fault of the protocol', () => {
  for (const ranges of [[1], [3, 2], [1, 5, 5, 6], [5, 6, 1, 2], [0.5, 1], [-1, 2], [1, Number.NaN], [1, 2 ** 60]]) {
    expect(() => fromRanges(ranges, 1_000)).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
  }
});

it('two numbers cannot claim more than the limit', () => {
  expect(fromRanges([0, 9], 10)).toHaveLength(10);
  expect(() => fromRanges([0, 10], 10)).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
  expect(() => fromRanges([0, 2 ** 52], 10)).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
});
