/** Options of the cores as of a server and a client that are given none: what simulations, benchmarks and tests start from. */
import type { ClientOptions } from '../client/core/events.ts';
import type { CoreOptions } from '../server/core/events.ts';

/** A server that goes on for ever. */
export const plainServer: CoreOptions = {
  foreverMode: true,
  restartMode: false,
  maxRetries: 0,
  backoff: null,
  maxLosses: 5,
  eager: false,
  evictAfter: 60_000,
  reconnectGrace: 5_000,
  failFast: false,
  continueOnFailure: false,
  taskTimeout: null,
  taskCores: null,
  taskMemory: null,
  expectSource: false,
  onlyClients: null,
  limits: [],
  window: { tasks: 16_384, bytes: 32 * 2 ** 20 },
  bundle: { tasks: 4_096, bytes: 2 * 2 ** 20 },
};

/** Whoever takes them says how many slots there are. */
export const plainClient: Omit<ClientOptions, 'slots'> = {
  cores: null,
  memory: null,
  resources: {},
  prefetch: 1_000,
  taskTimeout: null,
  signalwait: 10_000,
  stopAt: null,
  clientTimeout: null,
  ratelimit: null,
  noConfirm: false,
  bundlesize: 100,
  bundlewait: 50,
};
