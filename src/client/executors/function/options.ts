/** What a caller chooses about the threads of functions. */
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

export interface FunctionExecutorOptions {
  /** How many threads there may be; one for each slot. None is made before the first call. */
  readonly slots: number;
  /** The whole environment of the threads (`process.env` in a function). */
  readonly environment: Readonly<Record<string, string>>;
  /** A thread without work ends after this long, in ms. Default 60,000. */
  readonly idleTimeout?: number;
  /** Limits of each thread, as for `node:worker_threads`. Beyond them the thread ends and its call fails with `ERR_WORKER_CRASHED`. */
  readonly resourceLimits?: ResourceLimits;
  readonly clock?: Clock;
  readonly logger?: Logger;
}
