/** Which rows of the memory store a filter means, and in which order: the counterpart of the SQL in `sqlite/find.ts`. */
import type { TaskFilter, TaskRow } from '../store.ts';
import type { Segment } from './segment.ts';

/** What can be told from the columns and the task alone. */
export function matches(filter: TaskFilter, segment: Segment, i: number, outcome: number): boolean {
  if (filter.state !== undefined && segment.state[i] !== filter.state) return false;
  if (filter.group !== undefined && segment.group.get(i) !== filter.group) return false;
  if (filter.outcome !== undefined && outcome !== filter.outcome) return false;
  if (filter.ids === undefined && filter.tags === undefined) return true;
  const attributes = segment.attributes(i);
  if (filter.ids !== undefined && (attributes?.id === undefined || !filter.ids.includes(attributes.id))) return false;
  const tags = attributes?.tags ?? {};
  for (const [key, value] of Object.entries(filter.tags ?? {})) {
    if (!Object.hasOwn(tags, key) || (value !== undefined && tags[key] !== value)) return false;
  }
  return true;
}

function sortValue(row: TaskRow, orderBy: NonNullable<TaskFilter['orderBy']>): number | null {
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
export function sortRows(rows: TaskRow[], orderBy: NonNullable<TaskFilter['orderBy']>, desc: boolean): TaskRow[] {
  const sign = desc ? -1 : 1;
  return rows.sort((a, b) => {
    const x = sortValue(a, orderBy);
    const y = sortValue(b, orderBy);
    if (x === null || y === null) return x === y ? sign * (a.n - b.n) : x === null ? 1 : -1;
    return sign * (x - y || a.n - b.n);
  });
}
