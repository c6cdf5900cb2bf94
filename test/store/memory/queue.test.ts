import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue } from '../../../src/store/memory/queue.ts';
import type { QueueKey } from '../../../src/store/store.ts';

const key = fc.record({ group: fc.integer({ min: 0, max: 2 }), rank: fc.integer({ min: -1, max: 1 }), n: fc.integer({ min: 1, max: 40 }) });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), key }) },
);

const compare = (a: QueueKey, b: QueueKey): number => a.group - b.group || a.rank - b.rank || a.n - b.n;

test('the queue reads like a sorted list, whatever comes, moves and goes between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new Queue();
      const places = new Map<number, QueueKey>();
      const read = (after: QueueKey | null, limit: number): number[] => {
        const found: number[] = [];
        const isHere = (n: number, group: number, rank: number): boolean => {
          const place = places.get(n);
          return place !== undefined && place.group === group && place.rank === rank;
        };
        queue.read(after, isHere, (n) => found.push(n) < limit);
        return found;
      };
      for (const { kind, key } of [...steps, { kind: 'read' as const, key: { group: 0, rank: 0, n: 20 } }]) {
        if (kind === 'put') {
          places.set(key.n, key);
          queue.add(key);
        } else if (kind === 'take') places.delete(key.n);
        else {
          const sorted = [...places.values()].sort(compare);
          expect(read(null, 1_000)).toEqual(sorted.map((place) => place.n));
          expect(read(key, 3)).toEqual(
            sorted
              .filter((place) => compare(place, key) > 0)
              .slice(0, 3)
              .map((place) => place.n),
          );
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a million tasks of one tier, all but the last gone, are read without a second walk over them', () => {
  const queue = new Queue();
  for (let n = 1; n <= 1_000_000; n++) queue.add({ group: 0, rank: 0, n });
  let asked = 0;
  const isHere = (n: number): boolean => {
    asked++;
    return n === 1_000_000;
  };
  for (let i = 0; i < 10; i++) queue.read(null, isHere, () => false);
  expect(asked).toBeLessThan(1_000_100);
});
