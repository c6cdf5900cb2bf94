import { expect, test } from 'vitest';
import { GraphObject } from '../../src/graph/entities.ts';
import { History, output, step } from './history.ts';

/** One slot each, of which only `a` can make what the others read. */
function world(readers: string[]): History {
  const h = new History();
  h.join('a', 1, { resources: { make: 1 } });
  for (const id of readers) h.join(id, 1, { resources: { read: 1 } });
  return h;
}

function holdersOf(h: History, id: number): string[] {
  const object = h.session.nodes.get(id);
  return object instanceof GraphObject ? object.holders.map((client) => client.id).sort() : [];
}

const make = { resources: { make: 1 } };
const read = { resources: { read: 1 } };

test('a copy that came for the last task that reads a kept object goes with it; whoever made it keeps it', () => {
  const h = world(['b']);
  h.submit([output(1, true), output(2), output(3)], [step(10, [], [1], make), step(11, [1], [2], read), step(12, [1], [3], read)]);
  h.end('a', [10]);
  h.end('b', [11]);
  // The next one reads it still.
  expect(holdersOf(h, 1)).toEqual(['a', 'b']);
  expect(h.end('b', [12]).b?.drop).toContain(h.numberOf(1));
  expect(holdersOf(h, 1)).toEqual(['a']);
});

test('a copy stays where whoever made it is leaving, and takes its place', () => {
  const h = world(['b']);
  h.submit([output(1, true), output(2)], [step(10, [], [1], make), step(11, [1], [2], read)]);
  h.end('a', [10]);
  h.turn({ type: 'client-closing', id: 'a' });
  h.end('b', [11]);
  expect(holdersOf(h, 1)).toEqual(['a', 'b']);
  h.turn({ type: 'client-left', id: 'a' });
  expect(holdersOf(h, 1)).toEqual(['b']);
  expect(h.session.recomputed).toBe(0);
});

test('what the last reader had from another client goes from both, told to each once', () => {
  const h = world(['b']);
  // The same object twice, and one that is read on.
  h.submit(
    [output(1), output(2), output(3), output(4)],
    [step(10, [], [1, 2], make), step(11, [1, 1, 2], [3], read), step(12, [2, 3], [4], read)],
  );
  h.end('a', [10]);
  const told = h.end('b', [11]);
  expect([told.a?.drop, told.b?.drop]).toEqual([[h.numberOf(1)], [h.numberOf(1)]]);
  expect(holdersOf(h, 2)).toEqual(['a', 'b']);
  expect([holdersOf(h, 1), h.session.objects]).toEqual([[], 2]);
});
