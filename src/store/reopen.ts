/** Stored tasks that are changed, whoever does it: the rows of those that are queued again, and new tags. */
import { endsSeries } from '../task/cron.ts';
import { outcomeCode } from '../task/result.ts';
import type { TagValue, TaskAttributes, WireTask } from '../task/task.ts';
import { newTaskRow } from './new-task.ts';
import type { StoredTask, TaskRow } from './store.ts';

/** A task that is done as if it had never run; null: it cannot be (it is malformed, or not done). */
export function revertedRow(row: TaskRow, wall: number, limitKeys: readonly string[] = []): StoredTask | null {
  return row.end === null ? null : again(row, 0, wall, limitKeys);
}

/** A task that is done and did not succeed, to be tried again: attempts go on, retries start afresh. Null: it succeeded, is malformed, or is not done. */
export function requeuedRow(row: TaskRow, wall: number, limitKeys: readonly string[] = []): StoredTask | null {
  return row.end === null || row.end.outcome === outcomeCode.succeeded ? null : again(row, row.end.attempt, wall, limitKeys);
}

function again({ n, submittedAt, task, end }: TaskRow, attempts: number, wall: number, limitKeys: readonly string[]): StoredTask | null {
  const [kind, args, input, attributes] = task;
  if (attributes?.rejected !== undefined) return null;
  let next = attributes;
  if (next !== null && (next.earlierAttempts ?? 0) !== attempts) {
    const { earlierAttempts: _, ...others } = next;
    next = others;
  }
  if (attempts > 0) next = { ...next, earlierAttempts: attempts };
  // Its series goes on without it, unless it ended with it.
  if (next?.cron !== undefined && !endsSeries(end!.outcome)) {
    const { cron: _, timezone: __, ...others } = next;
    next = others;
  }
  const wire: WireTask = next === attributes ? task : [kind, args, input, next];
  return { ...newTaskRow(n, submittedAt, wire, wall, limitKeys), attempts };
}

/** The task with tags added or replaced, and others gone; null: it has them so already. */
export function withTags(task: WireTask, tags: Readonly<Record<string, TagValue>>, remove: readonly string[]): WireTask | null {
  const [kind, args, input, attributes] = task;
  const old = attributes?.tags ?? {};
  const next: Record<string, TagValue> = { ...old, ...tags };
  for (const key of remove) if (!Object.hasOwn(tags, key)) delete next[key];
  const keys = Object.keys(next);
  if (keys.length === Object.keys(old).length && keys.every((key) => Object.hasOwn(old, key) && old[key] === next[key])) return null;
  const { tags: _, ...others } = attributes ?? {};
  const changed: TaskAttributes = keys.length === 0 ? others : { ...others, tags: next };
  return [kind, args, input, Object.keys(changed).length === 0 ? null : changed];
}
