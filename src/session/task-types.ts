/** What a task's config says to the client that runs it: one shape for each kind of task. */
import type { DataType } from './attributes.ts';

export const taskTypes = {
  concat: 'builtin/concat',
  sleep: 'builtin/sleep',
  open: 'builtin/open',
  openDir: 'builtin/open_dir',
  export: 'builtin/export',
  makeDirectory: 'builtin/make_directory',
  sliceDirectory: 'builtin/slice_directory',
  execute: 'builtin/run',
  function: 'function',
} as const;

export interface SleepConfig {
  readonly ms: number;
}

/** `open`, `openDir`, `export`: absolute. */
export interface PathConfig {
  readonly path: string;
}

/** The path of each input. */
export interface MakeDirectoryConfig {
  readonly paths: readonly string[];
}

export interface SliceDirectoryConfig {
  readonly path: string;
  readonly dataType: DataType;
}

export interface MappedInput {
  /** Its place among the task's inputs. */
  readonly input: number;
  /** Relative to the sandbox. */
  readonly path: string;
  readonly write: boolean;
}

export interface ExecuteConfig {
  /** With `shell` one command line, else the program and its arguments. */
  readonly args: readonly string[];
  readonly shell: boolean;
  readonly files: readonly MappedInput[];
  /** The file of each output, relative to the sandbox; null: what the command writes to stdout. */
  readonly outputs: readonly (string | null)[];
  /** Which input is stdin; null: it is empty. */
  readonly stdin: number | null;
  readonly env: Readonly<Record<string, string>>;
  /** ms; null: none. */
  readonly timeout: number | null;
}

/**
 * What stands in an argument for a data object: its place among the task's inputs, and whether its value is given instead of a `DataInstance`. A tuple: of
 * objects a third as many would fit into a config.
 */
export type ArgumentInput = readonly [input: number, load: boolean, contentType: string | null];

export interface FunctionOutput {
  readonly label: string;
  readonly encode: string | null;
}

/** Input 0 is the code: a module. */
export interface FunctionConfig {
  /** The export of the module. */
  readonly name: string;
  /** A table of `flattenValue` for each argument; `['D', place]` stands for `inputs[place]`. */
  readonly args: readonly unknown[];
  readonly inputs: readonly ArgumentInput[];
  readonly outputs: readonly FunctionOutput[];
}
