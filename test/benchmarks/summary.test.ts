/** The README's figures are those of `results.jsonl`. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { results } from '../../benchmarks/results.mjs';
import { withSummary } from '../../benchmarks/summary.mjs';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

it('the table of the README is made from the latest figures', () => {
  expect(withSummary(readme, results())).toBe(readme);
});

it('what is slower than a rival is bold, and a rival that did not run is named', () => {
  const row = (contestant: string, rates: readonly number[]) => ({
    benchmark: 'shell',
    case: '/bin/true',
    contestant,
    rate: rates[0],
    rates,
  });
  const rows = [row('xargs -P2', [200, 220]), row('execa', []), row('spawn loop', [5, 5]), row('millrace', [100, 110])];
  const made = withSummary(readme, rows);
  expect(made).toContain('| 100/s | **0.50 × xargs -P2**, execa not run, 21 × spawn loop |');
  expect(made).not.toContain('× graphile-worker');
  expect(() => withSummary('no place', rows)).toThrow('no place for the figures');
});
