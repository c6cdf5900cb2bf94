/** What the seed of a simulation says of its parts: how many there are, what clients are like, and the settings of the server. */
import type { CoreOptions } from '../server/core/events.ts';
import type { ClientShape } from './client-part.ts';
import type { Simplification, SimulationOptions } from './options.ts';
import { Random } from './random.ts';
import { mostCores } from './workload.ts';

export interface Setting {
  readonly clients: number;
  readonly submitters: number;
  readonly groups: number;
  readonly tasks: number;
  /** Virtual ms. */
  readonly calmAt: number;
  /** Until when troubles are planned: `calmAt` as the seed says it. */
  readonly plannedUntil: number;
  /** Slowest delivery of a message, ms. */
  readonly delay: number;
  readonly core: CoreOptions;
}

export function settingOf(options: SimulationOptions, simple: ReadonlySet<Simplification>): Setting {
  const random = Random.stream(options.seed, 'setting');
  const clients = random.between(3, 5);
  const submitters = random.between(1, 3);
  const groups = random.chance(0.3) ? 3 : 1;
  const plannedUntil = random.between(8_000, 25_000);
  const delay = random.pick([2, 20, 150]);
  const core = coreOptions(random);
  return {
    clients: options.clients ?? clients,
    submitters: options.submitters ?? submitters,
    groups: options.groups ?? groups,
    tasks: options.tasks ?? 60,
    calmAt: options.calmAfter ?? plannedUntil,
    plannedUntil,
    delay,
    core: simple.has('plain settings') ? { ...core, ...plainSettings } : core,
  };
}

export function shapeOf(random: Random, simple: ReadonlySet<Simplification>): ClientShape {
  const shape: ClientShape = {
    slots: random.between(1, 4),
    cores: random.between(mostCores, 6),
    speed: random.pick([0.3, 1, 1, 3]),
    walltime: random.chance(0.2) ? random.between(2_000, 12_000) : null,
  };
  return simple.has('plain clients') ? { slots: 1, cores: mostCores, speed: 1, walltime: null } : shape;
}

function coreOptions(random: Random): CoreOptions {
  return {
    foreverMode: false,
    restartMode: false,
    maxRetries: random.between(0, 2),
    backoff: null,
    maxLosses: random.between(2, 5),
    eager: random.chance(0.5),
    evictAfter: 4_000,
    reconnectGrace: 1_500,
    failFast: random.chance(0.03),
    continueOnFailure: random.chance(0.9),
    taskTimeout: null,
    taskCores: null,
    taskMemory: null,
    expectSource: false,
    onlyClients: null,
    limits: [
      { key: 'tenant', concurrency: random.between(1, 2), rate: null },
      { key: 'service', concurrency: null, rate: { starts: 10, per: 1_000 } },
    ],
    window: { tasks: random.pick([4, 16, 1_000]), bytes: 1_000_000 },
    bundle: { tasks: random.pick([2, 8, 100]), bytes: 1_000_000 },
  };
}

const plainSettings: Partial<CoreOptions> = {
  maxRetries: 0,
  maxLosses: 5,
  eager: false,
  failFast: false,
  continueOnFailure: true,
  limits: [],
  window: { tasks: 1_000, bytes: 1_000_000 },
  bundle: { tasks: 100, bytes: 1_000_000 },
};
