/** Which tasks of a bundle are known already by the keys and ids of their users: what a store is asked for, and what its answer means. */
import type { WireTask } from '../task/task.ts';

/** What to ask `TaskStore.known` for. */
export function userNames(tasks: readonly WireTask[]): { readonly keys: string[]; readonly ids: string[] } {
  const keys: string[] = [];
  const ids: string[] = [];
  for (const [, , , attributes] of tasks) {
    if (attributes?.key !== undefined) keys.push(attributes.key);
    if (attributes?.id !== undefined) ids.push(attributes.id);
  }
  return { keys, ids };
}

/** The places of known tasks in the bundle, each with the number of the task. */
export function knownPlaces(
  tasks: readonly WireTask[],
  known: { readonly keys: ReadonlyMap<string, number>; readonly ids: ReadonlyMap<string, number> },
): Map<number, number> {
  const places = new Map<number, number>();
  tasks.forEach(([, , , attributes], place) => {
    const n = known.keys.get(attributes?.key ?? '') ?? known.ids.get(attributes?.id ?? '');
    if (n !== undefined) places.set(place, n);
  });
  return places;
}
