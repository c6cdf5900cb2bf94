/**
 * The processes that a thread of this process has started, by Linux's tables. A thread that waits for one (`execSync`) cannot be ended
 * before that one ends, and nobody else would end it: so they go when their thread is ended by force. Elsewhere none are known.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The system's number of the thread that calls; 0: the system does not tell. */
export function ownThread(): number {
  try {
    return Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/**
 * Ends threads by what `end` does to them, and kills what they have started, and what that has started; 0: a thread of which nothing is known.
 * It is killed after their end was begun: they must not go on with what the death of a child lets them do. But it is looked for before as well:
 * when a thread is gone its children are another's.
 */
export function endWithChildren<T>(threads: readonly number[], end: () => T): T {
  const known = threads.filter((thread) => thread !== 0);
  const before = known.flatMap(descendantsOf);
  const ending = end();
  for (const pid of new Set([...before, ...known.flatMap(descendantsOf)])) kill(Number(pid));
  return ending;
}

function descendantsOf(thread: number): string[] {
  const all = childrenOf('self', String(thread));
  // It grows while it is gone through: all are known before the first is gone, and its children become somebody else's.
  for (const pid of all) for (const task of namesIn(`/proc/${pid}/task`)) all.push(...childrenOf(pid, task));
  return all;
}

function childrenOf(pid: string, task: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
