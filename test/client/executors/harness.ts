/** What the tests of executors share: an executor whose ends are promises, and looks at what is left behind. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers } from '../../../src/client/executor.ts';
import { createShellExecutor } from '../../../src/client/executors/shell/create.ts';
import type { ShellExecutorOptions } from '../../../src/client/executors/shell/options.ts';

export const environment: Record<string, string> = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: '/tmp' };

/** Polls until it holds; fails after twenty seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether a process lives (a zombie does not). */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !zombie(pid);
}

function zombie(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Ends by key, whatever the executor. */
export class Ends implements ExecutorHandlers {
  readonly all: ExecutionEnd[] = [];
  readonly log: { slot: number; keys: number[]; idle: boolean }[] = [];
  readonly failures: Error[] = [];
  readonly #waiting = new Map<number, (end: ExecutionEnd) => void>();
  readonly #early = new Map<number, ExecutionEnd>();

  ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void {
    this.log.push({ slot, keys: ends.map((end) => end.key), idle });
    for (const end of ends) {
      this.all.push(end);
      const waiting = this.#waiting.get(end.key);
      this.#waiting.delete(end.key);
      if (waiting) waiting(end);
      else this.#early.set(end.key, end);
    }
  }

  failed(error: Error): void {
    this.failures.push(error);
  }

  of(key: number): Promise<ExecutionEnd> {
    const early = this.#early.get(key);
    if (early) return Promise.resolve(early);
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  idle(slot: number): boolean {
    return this.log.findLast((entry) => entry.slot === slot)?.idle ?? true;
  }
}

let lastKey = 0;

export function execution(command: string, more: Partial<Execution> = {}): Execution {
  const key = ++lastKey;
  return { key, id: `task-${key}`, attempt: 1, command, input: null, env: {}, cwd: null, ...more };
}

export interface ShellUnderTest {
  readonly executor: Executor & { readonly method: string };
  readonly ends: Ends;
  /** The parent of the spool. */
  readonly folder: string;
  run(command: string, more?: Partial<Execution>, slot?: number): Promise<ExecutionEnd>;
  /** Starts a command that does `before`, tells its process number, then does the rest; resolves when the number is known. */
  running(command: string, more?: { before?: string; slot?: number }): Promise<{ pid: number; end: Promise<ExecutionEnd> }>;
  /** Closes, and removes the folder; the paths that were left under it. */
  close(): Promise<string[]>;
}

export async function openShell(options: Partial<ShellExecutorOptions> = {}): Promise<ShellUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'executor-test-'));
  const ends = new Ends();
  const executor = await createShellExecutor({ slots: 1, environment, spoolFolder: folder, ...options }, ends).catch((error: unknown) => {
    const left = readdirSync(folder);
    rmSync(folder, { recursive: true });
    throw left.length === 0 ? error : new Error(`a rejected executor left ${left.join()}`);
  });
  const run = async (command: string, more: Partial<Execution> = {}, slot = 0): Promise<ExecutionEnd> => {
    const one = execution(command, more);
    executor.start(slot, [one]);
    const end = await ends.of(one.key);
    await until(() => ends.idle(slot), 'the slot is idle again');
    return end;
  };
  return {
    executor,
    ends,
    folder,
    run,
    async running(command, { before = ':', slot = 0 } = {}) {
      const mark = join(folder, `pid-${lastKey}`);
      const end = run(`${before}; echo $$ >${mark}.new; mv ${mark}.new ${mark}; ${command}`, {}, slot);
      await until(() => existsSync(mark), 'the command writes its number');
      const pid = Number(readFileSync(mark, 'utf8'));
      rmSync(mark);
      return { pid, end };
    },
    async close() {
      await executor.close();
      const left = readdirSync(folder, { recursive: true }).map(String);
      rmSync(folder, { recursive: true, force: true });
      return left;
    },
  };
}
