/**
 * No test leaves a trace: what a test file found when it began is what must be there when it ends. Looks at child processes,
 * worker threads, sockets, listeners, timers and temporary folders of this process, and names what stayed.
 */
import { subscribe } from 'node:diagnostics_channel';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll } from 'vitest';
import { temporaryPrefix } from './temporary.ts';
import { until } from './until.ts';

// Kinds that only a forgotten part can leave behind. Files and DNS requests end by themselves.
const watched = new Set([
  'MessagePort',
  'TCPSocketWrap',
  'TCPServerWrap',
  'TLSWrap',
  'PipeWrap',
  'PipeServerWrap',
  'ProcessWrap',
  'UDPWRAP',
  'FSEventWrap',
]);

// The list of active resources does not name threads: their making is listened to instead.
const threads = new Set<number>();
subscribe('worker_threads', (message) => {
  const { worker } = message as { worker: Worker };
  const { threadId } = worker;
  threads.add(threadId);
  worker.once('exit', () => threads.delete(threadId));
});

/** Process ids of the living children of this process, of all its threads (Linux; elsewhere none are seen). */
function childProcesses(): number[] {
  const tasks = '/proc/self/task';
  if (!existsSync(tasks)) return [];
  const children = new Set<number>();
  for (const thread of readdirSync(tasks)) {
    let text = '';
    try {
      text = readFileSync(`${tasks}/${thread}/children`, 'utf8');
    } catch {
      continue; // The thread ended meanwhile.
    }
    for (const pid of text.split(' ')) if (pid !== '') children.add(Number(pid));
  }
  return [...children];
}

interface Traces {
  readonly resources: ReadonlyMap<string, number>;
  readonly threads: ReadonlySet<number>;
  readonly children: ReadonlySet<number>;
  readonly folders: ReadonlySet<string>;
}

/** What is alive now. */
export function traces(): Traces {
  const resources = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) if (watched.has(kind)) resources.set(kind, (resources.get(kind) ?? 0) + 1);
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(temporaryPrefix));
  return { resources, threads: new Set(threads), children: new Set(childProcesses()), folders: new Set(folders) };
}

/** What is alive in `after` and was not in `before`, in words. */
export function leftBehind(before: Traces, after: Traces): string[] {
  const left: string[] = [];
  for (const [kind, count] of after.resources) {
    const more = count - (before.resources.get(kind) ?? 0);
    if (more > 0) left.push(`${more} × ${kind}`);
  }
  for (const id of after.threads) if (!before.threads.has(id)) left.push(`worker thread ${id}`);
  for (const pid of after.children) if (!before.children.has(pid)) left.push(`child process ${pid}`);
  for (const name of after.folders) if (!before.folders.has(name)) left.push(`temporary folder ${name}`);
  return left;
}

/** Call once at the top of a test file: the file fails when something outlives its tests by five seconds. */
export function expectNoLeaks(): void {
  let before: Traces;
  beforeAll(() => {
    before = traces();
  });
  afterAll(async () => {
    let left: string[] = [];
    try {
      await until(
        () => {
          left = leftBehind(before, traces());
          return left.length === 0;
        },
        undefined,
        5_000,
      );
    } catch (cause) {
      throw new Error(`the tests of this file left behind: ${left.join(', ')}`, { cause });
    }
  });
}
