/**
 * One commit as the parameters of the database's function `commit`: a list for each column of each field of `Writes`. What is said twice of one thing counts
 * once: of an end the first, of all else the last.
 *
 * The database fills up what is missing at the end of a list with null, so a column in which nothing stands is an empty list: of a plain task and its end
 * that is every second one.
 */
import { toRuns } from '../ranges.ts';
import type { AttemptEnd, Move, StoredTask, Writes } from '../store.ts';
import { bytesOf, listOf, textsOf, type Value } from './driver.ts';
import { clientFacts, endColumns, quoted, taskColumns } from './rows.ts';

export interface WriteFacts {
  readonly epoch: number;
  /** The number of this commit; the same when it is made again. */
  readonly commit: number;
  /** Null: unchanged. */
  readonly nextTask: number | null;
  /** Epoch ms. */
  readonly now: number;
}

/** In the order of the function's parameters. */
export function commitValues(writes: Writes, { epoch, commit, nextTask, now }: WriteFacts): Value[] {
  const clients = lastOfEach(writes.clients, ({ n }) => n);
  const grants = lastOfEach(writes.grants, ({ id }) => id);
  const live = grants.filter(({ tasks }) => tasks.length > 0);
  const submitters = lastOfEach(writes.submitters, ({ id }) => id);
  const changed = lastOfEach(writes.changed, ({ n }) => n);
  const ends = firstOfEach(writes.ends);
  return [
    epoch,
    commit,
    now,
    ...taskLists(writes.tasks),
    listOf(clients.map(({ n }) => n)),
    textsOf(clients.map(clientFacts)),
    listOf(live.map(({ id }) => id)),
    textsOf(live.map(({ client, attempt, tasks }) => JSON.stringify([client, attempt, tasks]))),
    listOf(grants.flatMap(({ id, tasks }) => (tasks.length > 0 ? [] : [id]))),
    ...moveLists(lastOfEach(writes.moves, ({ n }) => n)),
    ...endLists(writes.attempts),
    ...endLists(ends),
    listOf(toRuns(ends.map(({ n }) => n))),
    ...moveLists(writes.reopened),
    listOf(writes.reopened.map(({ forget }) => forget)),
    listOf(changed.map(({ n }) => n)),
    textsOf(changed.map(({ attributes }) => (attributes === null ? null : JSON.stringify(attributes)))),
    listOf(writes.removed),
    textsOf(submitters.map(({ id }) => quoted(id))),
    listOf(submitters.map(({ sequence }) => sequence)),
    textsOf(submitters.map(({ receipts }) => JSON.stringify(receipts))),
    listOf(submitters.map(({ seenAt }) => seenAt)),
    listOf(submitters.map(({ open }) => open)),
    textsOf(writes.departed.map(quoted)),
    writes.counts === null ? null : JSON.stringify(writes.counts),
    nextTask,
  ];
}

function taskLists(tasks: readonly StoredTask[]): Value[] {
  const columns = tasks.map(taskColumns);
  const own = (text: string | null | undefined): string | null => (text === null || text === undefined ? null : quoted(text));
  return [
    listOf(tasks.map(({ n }) => n)),
    listOf(tasks.map(({ state }) => state)),
    listOf(tasks.map(({ group }) => group)),
    listOf(tasks.map(({ rank }) => rank)),
    textsOf(columns.map(({ task }) => task)),
    textsOf(upToLast(columns.map(({ input }) => input))),
    bytesOf(upToLast(columns.map(({ bytes }) => bytes))),
    textsOf(upToLast(columns.map(({ attributes }) => attributes))),
    listOf(tasks.map(({ attempts }) => attempts)),
    listOf(tasks.map(({ losses }) => losses)),
    listOf(upToLast(tasks.map(({ readyAt }) => readyAt))),
    textsOf(upToLast(tasks.map(({ task }) => own(task[3]?.key)))),
    textsOf(upToLast(tasks.map(({ task }) => own(task[3]?.id)))),
    textsOf(upToLast(tasks.map(({ lane }) => own(lane)))),
  ];
}

function moveLists(moves: readonly Move[]): Value[] {
  return [
    listOf(moves.map(({ n }) => n)),
    listOf(moves.map(({ state }) => state)),
    listOf(moves.map(({ group }) => group)),
    listOf(moves.map(({ rank }) => rank)),
    listOf(moves.map(({ attempts }) => attempts)),
    listOf(moves.map(({ losses }) => losses)),
    listOf(moves.map(({ readyAt }) => readyAt)),
  ];
}

function endLists(ends: readonly AttemptEnd[]): Value[] {
  const columns = ends.map(endColumns);
  return [
    listOf(ends.map(({ n }) => n)),
    listOf(ends.map(({ outcome }) => outcome)),
    textsOf(columns.map(({ ending }) => ending)),
    textsOf(upToLast(columns.map(({ output }) => output))),
    bytesOf(upToLast(columns.map(({ bytes }) => bytes))),
  ];
}

/** Without the nulls at the end. */
function upToLast<T>(values: readonly (T | null)[]): readonly (T | null)[] {
  let length = values.length;
  while (length > 0 && values[length - 1] === null) length--;
  return length === values.length ? values : values.slice(0, length);
}

function firstOfEach(ends: readonly AttemptEnd[]): readonly AttemptEnd[] {
  const seen = new Set<number>();
  const first = ends.filter(({ n }) => !seen.has(n) && seen.add(n));
  return first.length === ends.length ? ends : first;
}

function lastOfEach<T>(items: readonly T[], keyOf: (item: T) => unknown): readonly T[] {
  if (items.length < 2) return items;
  const last = new Map<unknown, T>();
  for (const item of items) last.set(keyOf(item), item);
  return last.size === items.length ? items : [...last.values()];
}
