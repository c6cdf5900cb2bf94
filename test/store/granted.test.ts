import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrantedNumbers } from '../../src/store/granted.ts';
import { eachNumber, toRuns } from '../../src/store/ranges.ts';

test('a number is granted while some grant holds it, whatever is granted and ended', () => {
  const grant = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(grant, { maxLength: 40 }), (grants) => {
      const granted = new GrantedNumbers();
      const model = new Map<number, number[]>();
      for (const [id, numbers] of grants) {
        granted.set(id, toRuns(numbers.sort((a, b) => a - b)));
        if (numbers.length === 0) model.delete(id);
        else model.set(id, numbers);
        const all = new Set([...model.values()].flat());
        for (let n = 0; n <= 31; n++) expect([n, granted.has(n)]).toEqual([n, all.has(n)]);
        expect(granted.ids().sort()).toEqual([...model.keys()].sort());
      }
    }),
  );
});

test('runs keep the order of the numbers', () => {
  expect(toRuns([1, 2, 3, 9, 8, 8])).toEqual([1, 3, 9, 9, 8, 8, 8, 8]);
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (numbers) => {
      const back: number[] = [];
      eachNumber(toRuns(numbers), (n) => back.push(n));
      expect(back).toEqual(numbers);
    }),
  );
});
