/**
 * Outputs and inputs that are too much for one statement: the lists of a commit travel as text, bytes at twice their length, and no text may be longer than
 * 512 MiB. Beyond a measure each goes in a statement of its own, bytes as they are, behind the commit in the same transaction.
 */
import type { AttemptEnd, StoredTask, Writes } from '../store.ts';
import type { Driver, Value } from './driver.ts';
import type { Queries } from './queries.ts';
import { endColumns, taskColumns } from './rows.ts';

/** Characters and bytes that may be in the lists of a commit. */
const mostAtOnce = 16 * 2 ** 20;

interface Part {
  readonly query: keyof Pick<Queries, 'putInput' | 'putOutput' | 'putAttemptOutput'>;
  readonly values: readonly Value[];
}

/** Writes without them, and what follows. */
export interface Lightened {
  readonly light: Writes;
  readonly parts: readonly Part[];
}

/** Null: it is not too much. */
export function lightened(writes: Writes): Lightened | null {
  const size = sum(writes.tasks, inputSize) + sum(writes.ends, outputSize) + sum(writes.attempts, outputSize);
  if (size <= mostAtOnce) return null;
  const parts: Part[] = [];
  const without = (end: AttemptEnd, query: Part['query']): AttemptEnd => {
    if (outputSize(end) === 0) return end;
    const { ending, output, bytes } = endColumns(end);
    parts.push({ query, values: [end.n, ending, output, bytes] });
    const { stdout: _, stderr: __, value: ___, ...extra } = end.extra!;
    return { ...end, extra };
  };
  const withoutInput = (row: StoredTask): StoredTask => {
    if (inputSize(row) === 0) return row;
    const { input, bytes } = taskColumns(row);
    parts.push({ query: 'putInput', values: [row.n, input, bytes] });
    const [kind, args, , attributes] = row.task;
    return { ...row, task: [kind, args, null, attributes] };
  };
  const light = {
    ...writes,
    tasks: writes.tasks.map(withoutInput),
    attempts: writes.attempts.map((end) => without(end, 'putAttemptOutput')),
    ends: writes.ends.map((end) => without(end, 'putOutput')),
  };
  return { light, parts };
}

/** Behind the commit, in its transaction; it may be done twice. */
export async function putParts(driver: Driver, sql: Queries, parts: readonly Part[]): Promise<void> {
  for (const { query, values } of parts) {
    const put = await driver.query(sql[query], values);
    // It was queued again in the same commit: its end is in the history.
    if (put.length === 0 && query === 'putOutput') await driver.query(sql.putAttemptOutput, values);
  }
}

function inputSize({ task: [, , input] }: StoredTask): number {
  return input === null ? 0 : input.length;
}

function outputSize({ extra }: AttemptEnd): number {
  return extra === null ? 0 : (extra.stdout?.length ?? 0) + (extra.stderr?.length ?? 0) + (extra.value?.length ?? 0);
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += size(item);
  return total;
}
