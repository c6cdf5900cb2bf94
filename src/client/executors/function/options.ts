/** What a caller chooses about the threads of functions. */
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

/** What a thread must know to bring ends home. */
export interface CallLimits {
  /** Bytes of a value that travel; a larger one is written to a file. */
  readonly value: number;
  /** Bytes of what a call logs that are kept; 0: nothing is. */
  readonly log: number;
  /** Folders for such files are made here. */
  readonly folder: string;
}

export interface FunctionExecutorOptions {
  /** How many threads there may be; one for each slot. None is made before the first call. */
  readonly slots: number;
  /** The whole environment of the threads (`process.env` in a function). */
  readonly environment: Readonly<Record<string, string>>;
  /** Default: 8 MiB of a value, 1 MiB of what is logged, the folder for temporary files. */
  readonly limits?: CallLimits;
  /** A thread without work ends after this long, in ms. Default 60,000. */
  readonly idleTimeout?: number;
  /** Limits of each thread, as for `node:worker_threads`. Beyond them the thread ends and its call fails with `ERR_WORKER_CRASHED`. */
  readonly resourceLimits?: ResourceLimits;
  readonly clock?: Clock;
  readonly logger?: Logger;
}
