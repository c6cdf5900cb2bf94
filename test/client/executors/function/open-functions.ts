/** The built function executor for tests: threads cannot load TypeScript. Each is closed after the test that opened it. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers } from '../../../../src/client/executor.ts';
import type { FunctionExecutorOptions } from '../../../../src/client/executors/function/options.ts';
import { decodeValue, encodeValue } from '../../../../src/task/value.ts';
import { Ends, execution, until } from '../harness.ts';

const built = new URL('../../../../dist/client/executors/function/function-executor.js', import.meta.url).href;
const { createFunctionExecutor } = (await import(built)) as {
  createFunctionExecutor(options: FunctionExecutorOptions, handlers: ExecutorHandlers): Executor;
};
export const functions: string = new URL('./functions.mjs', import.meta.url).href;

/** Ends, and the words that came before them. */
export class EndsAndWords extends Ends {
  readonly words: { key: number; word: unknown; at: number; ended: boolean }[] = [];

  progress(_slot: number, key: number, value: string | Uint8Array): void {
    const ended = this.all.some((end) => end.key === key);
    this.words.push({ key, word: decodeValue(value), at: performance.now(), ended });
  }
}

export interface OpenFunctions {
  readonly executor: Executor;
  readonly ends: EndsAndWords;
  readonly logged: { facts: unknown; text: unknown }[];
  /** A folder of the test's own; values that are too large go there too. */
  readonly folder: string;
  readonly begun: string;
  run(...calls: Execution[]): Promise<ExecutionEnd[]>;
  /** Names of the files under the folder. */
  files(): string[];
}

export function openFunctions(
  options: Partial<Omit<FunctionExecutorOptions, 'limits'>> = {},
  limits: { value?: number; log?: number } = {},
): OpenFunctions {
  const folder = mkdtempSync(join(tmpdir(), 'functions-test-'));
  const ends = new EndsAndWords();
  const logged: OpenFunctions['logged'] = [];
  const silent = (): void => {};
  const executor = createFunctionExecutor(
    {
      slots: 2,
      environment: {},
      limits: { value: 2 ** 20, log: 2 ** 20, folder, ...limits },
      logger: { debug: (facts: unknown, text?: unknown) => void logged.push({ facts, text }), info: silent, warn: silent, error: silent },
      ...options,
    },
    ends,
  );
  onTestFinished(async () => {
    await executor.close();
    rmSync(folder, { recursive: true });
  });
  return {
    executor,
    ends,
    logged,
    folder,
    begun: join(folder, 'begun'),
    async run(...calls) {
      executor.start(0, calls);
      const all = await Promise.all(calls.map((one) => ends.of(one.key)));
      await until(() => ends.idle(0), 'the slot is idle');
      return all;
    },
    files: () => (existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : []),
  };
}

export const call = (name: string, ...args: unknown[]): Execution =>
  execution(`${functions}#${name}`, { input: args.length === 0 ? null : encodeValue(args) });
export const resultOf = (end: ExecutionEnd | undefined): unknown =>
  end?.extra?.value === undefined ? undefined : decodeValue(end.extra.value);
export const errorOf = (end: ExecutionEnd | undefined): string | null | undefined => end?.extra?.error?.code;
