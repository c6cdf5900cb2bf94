/** Values of options that are not given, in the machine's units (ms, bytes). The option types state them for readers. */
import type { ParsedAddress } from '../base/address.ts';

export const defaultAddress: ParsedAddress = { host: 'localhost', port: 50_001 };

export const defaults = {
  bundlesize: 100,
  bundlewait: 50,
  maxRetries: 0,
  maxLosses: 5,
  evictAfter: 60_000,
  heartrate: 10_000,
  /** Longest and shortest default of `reconnectGrace`: a tenth of `evictAfter` lies in between. */
  reconnectGrace: 5_000,
  leastReconnectGrace: 500,
  valueLimit: 8_388_608,
  monitorInterval: 1_000,
  numTasks: 1,
  prefetch: 1_000,
  template: '{}',
  captureLimit: 1_048_576,
  connectTimeout: 30_000,
  reconnectTimeout: 600_000,
  taskSignalwait: 10_000,
} as const;

/** Below this an ordinary pause of a busy machine would look like a lost client. */
export const leastEvictAfter = 2_000;
export const mostBundlesize = 100_000;

/** Before the end of its `walltime`, beside the kill ladder, a client needs this long to say what it gives back (ms). */
export const walltimeMargin = 500;
