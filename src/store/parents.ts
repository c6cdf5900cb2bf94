/**
 * What a task depends on, from ids to numbers, for whoever accepts tasks: a server, or a submitter that holds the store. Ids are those that
 * users gave, or computed ones; a number inside an id is believed only if the task has exactly that id.
 */
import { publicId, taskNumber } from '../task/id.ts';
import type { WireTask } from '../task/task.ts';
import { type StoredTask, storedState, type TaskStore } from './store.ts';

/** Numbers asked for at a time: rows carry what tasks wrote. */
const chunk = 500;

/** The stored tasks that any of these tasks names in `dependsOn`, by id. Null: none of them names any. */
export async function findParents(
  store: Pick<TaskStore, 'known' | 'find'>,
  salt: string,
  tasks: readonly WireTask[],
): Promise<Map<string, number> | null> {
  const ids = new Set<string>();
  for (const [, , , attributes] of tasks) for (const id of attributes?.dependsOn ?? []) ids.add(id);
  if (ids.size === 0) return null;
  const found = new Map((await store.known([], [...ids])).ids);
  const numbers = [...ids].flatMap((id) => (found.has(id) ? [] : (taskNumber(salt, id)?.n ?? [])));
  for (let from = 0; from < numbers.length; from += chunk) {
    for (const row of await store.find({ numbers: numbers.slice(from, from + chunk) })) {
      const id = publicId(row, salt);
      if (ids.has(id)) found.set(id, row.n);
    }
  }
  return found;
}

/** The task with `parents` for its `dependsOn`, in the same order; refused when an id is nobody's. What the sender says of `parents` does not count. */
export function resolveParents(task: WireTask, find: (id: string) => number | undefined): WireTask {
  const [kind, args, input, attributes] = task;
  if (attributes === null || (attributes.dependsOn === undefined && attributes.parents === undefined)) return task;
  const { parents: _, ...others } = attributes;
  const { dependsOn = [] } = others;
  const parents: number[] = [];
  for (const id of dependsOn) {
    const n = find(id);
    if (n === undefined) {
      const message = `it depends on task ${id}, which does not exist: tasks are submitted after those that they depend on`;
      return [kind, args, input, { ...others, rejected: others.rejected ?? { code: 'ERR_DEPENDENCY', message } }];
    }
    parents.push(n);
  }
  return [kind, args, input, parents.length === 0 ? others : { ...others, parents }];
}

/** Why an accepted task can never run; null: it can. */
export function rejection({ task, state, readyAt }: StoredTask): { code: string; message: string } | null {
  const attributes = task[3];
  if (attributes === null) return null;
  if (attributes.rejected !== undefined) return attributes.rejected;
  if (attributes.cron === undefined || (state === storedState.waiting && readyAt !== null)) return null;
  return { code: 'ERR_CRON', message: `the cron line ${JSON.stringify(attributes.cron)} never matches again` };
}
