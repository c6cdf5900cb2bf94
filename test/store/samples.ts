/** Rows for tests of stores: each with plain defaults, so that a test says only what it is about. */
import { emptyWrites } from '../../src/store/empty-writes.ts';
import type { AttemptEnd, StoredTask, TaskStore, Writes } from '../../src/store/store.ts';
import { storedState } from '../../src/store/store.ts';

export function storedTask(n: number, changes: Partial<StoredTask> = {}): StoredTask {
  return {
    group: 0,
    rank: 0,
    n,
    submittedAt: 1_700_000_000_000 + n,
    task: [0, `echo ${n}`, null, null],
    lane: null,
    state: storedState.ready,
    attempts: 0,
    losses: 0,
    readyAt: null,
    ...changes,
  };
}

export function storedTasks(first: number, last: number): StoredTask[] {
  return Array.from({ length: last - first + 1 }, (_, i) => storedTask(first + i));
}

export function attemptEnd(n: number, changes: Partial<AttemptEnd> = {}): AttemptEnd {
  return {
    n,
    attempt: 1,
    outcome: 1,
    exitStatus: 0,
    client: null,
    slot: 0,
    startedAt: 1_700_000_001_000,
    durationMs: 12.5,
    completedAt: 1_700_000_002_000 + n,
    waitedMs: 3.25,
    extra: null,
    ...changes,
  };
}

export function writes(changes: Partial<Writes> = {}): Writes {
  return { ...emptyWrites(), ...changes };
}

/** All recorded numbers after a cursor, read in pages. */
export async function completedNumbers(store: TaskStore, cursor = 0, page = 7): Promise<number[]> {
  const numbers: number[] = [];
  for (let at = cursor; ; ) {
    const { rows, cursor: next } = await store.completed(at, page);
    if (rows.length === 0) return numbers;
    numbers.push(...rows.map((row) => row.n));
    at = next;
  }
}
