/**
 * The thread of a slot's functions, as a pool of one: made when the first call comes, and made again when it has died.
 *
 * Not one pool for all slots: that makes threads at moments of its own too, where an error of the system (EAGAIN) is thrown at nobody and ends the
 * client; and what stands in its queue when a thread is refused begins in another one, after it was given back.
 */
import type { Piscina } from 'piscina';
import { backoffDelay } from '../../../base/backoff.ts';
import type { Batch } from './journal.ts';
import type { FunctionExecutorOptions } from './options.ts';
import { shortages } from './target.ts';

export type ThreadPool = Piscina<Batch, void>;

const defaultIdleTimeout = 60_000;

/** Whether the system had no thread to give. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_INIT_FAILED';
}

/** Wait before calls whose thread could not be had are given back, in ms, and how often in a row: a minute where the system is short of something, else 5 s. */
const pauses = { delay: 200, factor: 2, jitter: 0 };
const longest = { short: 5_000, broken: 300 };
const mostFailures = 17;

/** How long to wait after so many threads that could not be had, in ms; null: it is of no use. */
export function pauseAfter(failures: number, cause: unknown): number | null {
  if (failures > mostFailures) return null;
  const short = isRefusal(cause) || (cause instanceof Error && 'code' in cause && shortages.has(cause.code));
  return backoffDelay(failures, { ...pauses, max: short ? longest.short : longest.broken }, 0);
}

export async function openThreadPool(options: FunctionExecutorOptions): Promise<ThreadPool> {
  // 13 ms to load: not before it is needed.
  const { Piscina } = await import('piscina');
  return new Piscina<Batch, void>({
    filename: new URL('./function-worker.js', import.meta.url).href,
    name: 'runBatch',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: options.idleTimeout ?? defaultIdleTimeout,
    concurrentTasksPerWorker: 1,
    // A thread that sleeps in Atomics.wait would hold back what earlier calls left behind and lay it to the next one.
    atomics: 'disabled',
    env: { ...options.environment },
    ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
  });
}
