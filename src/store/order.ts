/** The orders in which a search can answer, where an adapter or `search.ts` sorts by itself: the counterpart of `order by` in `sqlite/find.ts`. */
import type { TaskFilter, TaskRow } from './store.ts';

export type OrderBy = NonNullable<TaskFilter['orderBy']>;

/** What a row is sorted by; null: it has no such value. */
export function sortValue(row: TaskRow, orderBy: OrderBy): number | null {
  switch (orderBy) {
    case 'n':
      return row.n;
    case 'submittedAt':
      return row.submittedAt;
    case 'completedAt':
      return row.end?.completedAt ?? null;
    case 'durationMs':
      return row.end?.durationMs ?? null;
    case 'priority':
      return row.task[3]?.priority ?? 0;
  }
}

/** Rows without a value come last in both directions; equals by number. */
export function sortRows(rows: TaskRow[], orderBy: OrderBy, desc: boolean): TaskRow[] {
  const sign = desc ? -1 : 1;
  return rows.sort((a, b) => {
    const x = sortValue(a, orderBy);
    const y = sortValue(b, orderBy);
    if (x === null || y === null) return x === y ? sign * (a.n - b.n) : x === null ? 1 : -1;
    return sign * (x - y || a.n - b.n);
  });
}
