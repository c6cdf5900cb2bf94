/** What a run replaces among the figures that are kept. */
import { expect, it } from 'vitest';
import { merged } from '../../benchmarks/results.mjs';

const line = (benchmark: string, name: string | undefined, rate: number) => ({
  benchmark,
  ...(name === undefined ? {} : { case: name }),
  rate,
});

it('a run replaces its own cases and its own head, in their place, and leaves the other figures', () => {
  const before = [
    line('shell', undefined, 1),
    line('shell', 'true', 2),
    line('shell', 'true', 3),
    line('shell', 'echo', 4),
    line('other', 'true', 5),
  ];
  const after = [line('shell', undefined, 10), line('shell', 'true', 20), line('shell', 'new', 30)];
  expect(merged(before, after)).toEqual([
    line('shell', undefined, 10),
    line('shell', 'true', 20),
    line('shell', 'echo', 4),
    line('other', 'true', 5),
    line('shell', 'new', 30),
  ]);
});
