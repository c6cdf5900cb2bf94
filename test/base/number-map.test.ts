import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberMap } from '../../src/base/number-map.ts';

interface Item {
  readonly n: number;
}

const numbers = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 2 ** 40 - 300, max: 2 ** 40 - 1 }));
const steps = fc.array(fc.record({ what: fc.constantFrom('set', 'set', 'delete'), n: numbers }), { maxLength: 400 });

test('a map by numbers holds what a Map holds, whatever was set and deleted, far numbers beside near ones', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const map = new NumberMap<Item>();
      const model = new Map<number, Item>();
      for (const { what, n } of all) {
        if (what === 'delete') expect(map.delete(n)).toBe(model.delete(n));
        else {
          const item = { n };
          map.set(n, item);
          model.set(n, item);
        }
        expect(map.size).toBe(model.size);
        expect(map.get(n)).toBe(model.get(n));
      }
      for (const [n, item] of model) {
        expect(map.has(n)).toBe(true);
        expect(map.get(n)).toBe(item);
      }
      const byNumber = (a: Item, b: Item): number => a.n - b.n;
      expect([...map.values()].sort(byNumber)).toEqual([...model.values()].sort(byNumber));
      expect([...map.keys()].sort((a, b) => a - b)).toEqual([...model.keys()].sort((a, b) => a - b));
    }),
  );
});

test('numbers that were set in their order are given in it', () => {
  const map = new NumberMap<Item>();
  for (let n = 60; n < 200; n++) map.set(n, { n });
  map.delete(100);
  const rest = [...map.keys()];
  expect(rest).toHaveLength(139);
  expect(rest).toEqual(rest.toSorted((a, b) => a - b));
  expect([...map.values()].map(({ n }) => n)).toEqual(rest);
});

test('while numbers pass through it, what is deleted may be deleted during a look at all of them', () => {
  const map = new NumberMap<Item>();
  for (let n = 0; n < 500; n++) map.set(n, { n });
  const seen: number[] = [];
  for (const { n } of map.values()) {
    seen.push(n);
    map.delete(n);
  }
  expect(seen).toHaveLength(500);
  expect(map.size).toBe(0);
});

test('a map that was emptied begins anew, and is read while it is emptied', () => {
  const map = new NumberMap<number>();
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 100; n++) map.set(round * 1_000 + n, n);
    for (const [n] of map) map.delete(n);
    expect([map.size, ...map]).toEqual([0]);
  }
  map.set(5, 1);
  map.clear();
  expect([map.size, map.get(5), ...map.keys()]).toEqual([0, undefined]);
});
