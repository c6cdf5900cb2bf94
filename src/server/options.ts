/** From the server's checked options to those of its core. */
import type { CoreOptions } from './core/events.ts';
import type { ServerParts } from './messages.ts';

/**
 * Ready tasks in memory (some 2 MB of them; 65,536 made a server that streams a million lines 207 MB large): what is beyond is read back from the store,
 * which costs 2 µs a task. The longer they wait here the more of them V8 has moved to where it seldom collects: 50,000 calls took 196 MB in all instead of 200
 * with 8,192, at the same rate.
 */
const window = { tasks: 4_096, bytes: 32 * 2 ** 20 };

/** One grant: what a client may ask for ahead at most, and less than a frame. */
const bundle = { tasks: 4_096, bytes: 2 * 2 ** 20 };

export function coreOptions({
  config,
  expectSource,
  onlyClients,
}: Pick<ServerParts, 'config' | 'expectSource' | 'onlyClients'>): CoreOptions {
  const { foreverMode, restartMode, maxRetries, backoff, maxLosses, eager, evictAfter, reconnectGrace } = config;
  const { failFast, continueOnFailure, taskTimeout, taskCores, taskMemory } = config;
  return {
    foreverMode,
    restartMode,
    maxRetries,
    backoff,
    maxLosses,
    eager,
    evictAfter,
    reconnectGrace,
    failFast,
    continueOnFailure,
    taskTimeout,
    taskCores,
    taskMemory,
    expectSource,
    onlyClients,
    limits: config.limits,
    window,
    bundle,
  };
}
