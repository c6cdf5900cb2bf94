/** Which rows of the memory store a filter means: the counterpart of the SQL in `sqlite/find.ts`. */
import type { TaskFilter } from '../store.ts';
import type { Segment } from './segment.ts';

/** What can be told from the columns and the task alone. */
export function matches(filter: TaskFilter, segment: Segment, i: number, outcome: number): boolean {
  if (filter.state !== undefined && segment.state[i] !== filter.state) return false;
  if (filter.group !== undefined && segment.group.get(i) !== filter.group) return false;
  if (filter.outcome !== undefined && outcome !== filter.outcome) return false;
  if (filter.ids === undefined && filter.keys === undefined && filter.tags === undefined) return true;
  const attributes = segment.attributes(i);
  if (filter.ids !== undefined && (attributes?.id === undefined || !filter.ids.includes(attributes.id))) return false;
  if (filter.keys !== undefined && (attributes?.key === undefined || !filter.keys.includes(attributes.key))) return false;
  const tags = attributes?.tags ?? {};
  for (const [key, value] of Object.entries(filter.tags ?? {})) {
    if (!Object.hasOwn(tags, key) || (value !== undefined && tags[key] !== value)) return false;
  }
  return true;
}
