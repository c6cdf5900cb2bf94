/**
 * What a caller chooses about the running of shell commands, and what the parts of the shell executor share.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import type { OutputSinks } from './redirection.ts';

/**
 * Where the output of commands goes.
 * `'result'`: the first `captureLimit` bytes of each stream travel with the result; what is longer stays in a file that the result names.
 * `'files'`: both streams stay in files that the result names. `'inherit'`: to this process's own stdout and stderr, one task after
 * the other, never mixed inside a line. `'none'`: thrown away. `'lines'`: told line by line while the command runs (`ExecutorHandlers.lines`).
 */
export type Capture = 'result' | 'files' | 'inherit' | 'none' | 'lines';

export interface ShellExecutorOptions {
  /** How many commands run at a time. */
  readonly slots: number;
  /** The whole environment that commands see beside the additions of each task; nothing else leaks in. */
  readonly environment: Readonly<Record<string, string>>;
  /** An existing folder; a private folder (mode 0700) is made in it for output on its way. */
  readonly spoolFolder: string;
  /** Default `'result'`. */
  readonly capture?: Capture;
  /** Bytes of each stream that travel with the result. Default 1 MiB. */
  readonly captureLimit?: number;
  /** A command whose output grows beyond this many bytes (checked once a second) is killed and fails with `ERR_OUTPUT_LIMIT`. Default: none. */
  readonly outputLimit?: number;
  /**
   * Files that results name survive `close()`. Default: only with `capture: 'files'`; else their lifetime is the executor's.
   */
  readonly keepFiles?: boolean;
  /**
   * Say that a slot is idle before the end of its last command is reported, so that the next command is on its way while the
   * output of the last is read: `ended(slot, [], true)`, then `ended(slot, [end], false)`. Worth 10 % with short commands. Default false.
   */
  readonly overlap?: boolean;
  /** `'slots'`: long-lived shells; `'spawn'`: a process for each command; default `'auto'`: slots where their self-test passes. */
  readonly method?: 'auto' | 'slots' | 'spawn';
  /** Where the whole output of each command goes as well, before its end is told. Default: nowhere. The executor closes them. */
  readonly redirect?: OutputSinks;
  /** Look at the processes of each command each so many ms; null or absent: no. `series`: into a file that the result names, kept as with `keepFiles`. */
  readonly monitor?: { readonly interval: number; readonly series: boolean } | null;
  /** Default `/bin/sh`. */
  readonly shell?: string;
  /** Where `'inherit'` writes. Default: `process.stdout` and `process.stderr`. */
  readonly streams?: { readonly stdout: NodeJS.WritableStream; readonly stderr: NodeJS.WritableStream };
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export const defaultCaptureLimit: number = 1024 * 1024;

/** Longer commands do not fit into one argument of a process (Linux: 128 KiB with its final NUL) and are handed over as a file. */
export const longestArgument: number = 120_000;
