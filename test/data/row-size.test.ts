import { expect, it } from 'vitest';
import { leanRow, listsOf, mostListBytes, rowSize } from '../../src/data/row-size.ts';
import type { TaskRow } from '../../src/store/store.ts';

function row(n: number, output: number): TaskRow {
  const timing = { startedAt: 1, durationMs: 1, completedAt: 2, waitedMs: 0 };
  const end = { n, attempt: 1, outcome: 1, exitStatus: 0, client: null, slot: 0, extra: { stdout: 'x'.repeat(output) }, ...timing };
  return { n, submittedAt: 1, task: [0, 'x', null, null], state: 4, group: 0, attempts: 1, losses: 0, end, client: null };
}

it('rows are cut into lists of 1 MiB at most, in order; a larger row has a list to itself', () => {
  const rows = [400_000, 400_000, 400_000, 3_000_000, 10, 10].map((output, i) => row(i + 1, output));
  const lists = [...listsOf(rows)];
  expect(lists.map((list) => list.rows.map(({ n }) => n))).toEqual([[1, 2], [3], [4], [5, 6]]);
  for (const list of lists) {
    expect(list.bytes).toBe(list.rows.reduce((sum, one) => sum + rowSize(one), 0));
    if (list.rows.length > 1) expect(list.bytes).toBeLessThanOrEqual(mostListBytes);
  }
});

it('a row for a reader has neither the input nor the environment of its task, and keeps the rest', () => {
  const plain = row(1, 1);
  expect(leanRow(plain)).toBe(plain);
  const given: TaskRow = { ...plain, task: [0, 'cat', 'input', { id: 'a', env: { A: 'b' }, tags: { t: 1 } }] };
  expect(leanRow(given)).toEqual({ ...plain, task: [0, 'cat', null, { id: 'a', tags: { t: 1 } }] });
  expect(given.task[2]).toBe('input');
});
