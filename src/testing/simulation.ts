/**
 * A whole system in virtual time: one server on a store that survives its crashes, clients, submitters, and an adversary, all drawn
 * from one seed. The cores are the real ones; what they promise is compared with what happened.
 */
import type { ServerCore } from '../server/core/core.ts';
import type { CoreOptions } from '../server/core/events.ts';
import { MemoryStore } from '../store/memory/adapter.ts';
import { outcomeCode } from '../task/result.ts';
import { Adversary } from './adversary.ts';
import { cancelTasks } from './changes.ts';
import { ClientPart, type ClientShape } from './client-part.ts';
import { VirtualClock } from './clock.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { checkPromises, checkSummary } from './promises.ts';
import { Random } from './random.ts';
import { ServerPart } from './server-part.ts';
import { SubmitterPart } from './submitter-part.ts';
import { makeWorkload, mostCores } from './workload.ts';
import { type Fault, faults, type Mutation, type World } from './world.ts';

export interface SimulationOptions {
  /** Everything follows from it. */
  readonly seed: number;
  /** Clients at any time, at least 3. Default: 3 to 5, by the seed. */
  readonly clients?: number;
  /** Default 60. */
  readonly tasks?: number;
  /** Virtual ms after which the adversary is calm. Default: 8 to 25 seconds, by the seed. */
  readonly calmAfter?: number;
  /** A rule to break. Default: none. */
  readonly mutation?: Mutation;
}

export interface Report {
  readonly seed: number;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<Fault, number>>;
  readonly clients: number;
  readonly tasks: number;
  /** Server and client crashes. */
  readonly crashes: number;
  /** Runs of tasks beyond the first of each, all with a reason. */
  readonly rerun: number;
  /** Ends, by `outcomeCode`. */
  readonly outcomes: readonly number[];
  /** How long it took, in virtual ms. */
  readonly durationMs: number;
  /** It was not stopped by hand, and no failure ended it. */
  readonly complete: boolean;
}

/** A run that has not ended this long after the adversary became calm hangs (ms). */
const patience = 300_000;

/** Lines of the story that a failure tells. */
const storyLines = 40;

/** @throws Error whose message starts with the seed and ends with the last events, when a promise was broken. */
export function simulate(options: SimulationOptions): Report {
  const story: string[] = [];
  const clock = new VirtualClock({ seed: options.seed });
  try {
    return new Simulation(options, clock, story).run();
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const mutation = options.mutation === undefined ? '' : ` with ${options.mutation}`;
    throw new Error(
      `seed ${options.seed}${mutation}, at ${clock.now().toFixed(1)} ms: ${error.message}\n${story.slice(-storyLines).join('\n')}`,
      {
        cause: error,
      },
    );
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #world: World;
  readonly #server: ServerPart;
  readonly #clients: ClientPart[] = [];
  readonly #submitters: SubmitterPart[];
  readonly #faults: Record<Fault, number>;
  readonly #crowd: number;
  readonly #tasks: number;
  #made = 0;
  #refused = 0;

  constructor(options: SimulationOptions, clock: VirtualClock, story: string[]) {
    const random = new Random(options.seed);
    this.#options = options;
    this.#random = random;
    this.#faults = Object.fromEntries(faults.map((fault) => [fault, 0])) as Record<Fault, number>;
    this.#crowd = options.clients ?? random.between(3, 5);
    this.#tasks = options.tasks ?? 60;
    const submitters = random.between(1, 3);
    const workload = makeWorkload(random, this.#tasks, submitters, random.chance(0.3) ? 3 : 1);
    const core = coreOptions(random);
    this.#world = {
      clock,
      random,
      network: new Network(clock, random, random.pick([2, 20, 150])),
      store: new MemoryStore({ count: Number.POSITIVE_INFINITY, age: Number.POSITIVE_INFINITY, now: () => clock.now(), salt: '000000000' }),
      ledger: new Ledger(core.limits),
      options: core,
      heartrate: 1_000,
      mutation: options.mutation ?? null,
      behaviours: workload.behaviours,
      count: (fault) => {
        this.#faults[fault]++;
      },
      tell: (line) => {
        story.push(`${clock.now().toFixed(1)} ${line}`);
        if (story.length > storyLines * 2) story.splice(0, storyLines);
      },
    };
    this.#server = new ServerPart(this.#world);
    this.#server.boot(false);
    this.#submitters = workload.bundles.map((bundles, i) => new SubmitterPart(this.#world, this.#server, `submitter-${i}`, bundles));
    for (let i = 0; i < this.#crowd; i++) this.#addClient();
  }

  run(): Report {
    const { clock, random } = this.#world;
    const adversary = new Adversary(this.#world, {
      server: this.#server,
      clients: this.#clients,
      submitters: this.#submitters,
    });
    const calmAt = this.#options.calmAfter ?? random.between(8_000, 25_000);
    clock.after(calmAt, () => adversary.calm());
    let core: ServerCore | null = this.#server.core;
    while (!this.#server.finished) {
      if (!clock.step()) throw new Error('nothing will ever happen again');
      if (clock.now() > calmAt + patience) throw new Error(`the run does not end: ${JSON.stringify(this.#server.core?.census())}`);
      if (this.#server.core === null) this.#restart(core);
      core = this.#server.core ?? core;
      if (clock.now() > calmAt) this.#endSeries();
      if (this.#server.up && !this.#submitters.some(({ unfinished }) => unfinished)) this.#server.release();
      for (const client of [...this.#clients]) if (!client.process.alive) this.#replace(client);
    }
    adversary.calm();
    const durationMs = clock.now();
    while (this.#clients.some(({ ended, process }) => process.alive && !ended)) {
      clock.step();
      if (clock.now() > durationMs + patience) throw new Error('a client does not end with its server');
    }
    return this.#report(core!, durationMs);
  }

  #report(core: ServerCore, durationMs: number): Report {
    const { ledger, store, options } = this.#world;
    const { rerun, outcomes } = checkPromises(ledger, store, options, this.#server.reason === 'complete');
    const { submitted, pending } = core.counts;
    checkSummary({ submitted, pending }, core.counts.outcomes);
    this.#checkTotals(outcomes);
    for (const attempts of ledger.attempts.values()) {
      for (const { outcome } of attempts) this.#faults[outcome === outcomeCode.lost ? 'loss' : 'retry']++;
    }
    for (const [n, { task }] of ledger.tasks) {
      if (!ledger.accepted.has(n) && task[3]?.cron !== undefined) this.#faults.repeat++;
      if (ledger.ends.get(n)?.extra?.error?.code === 'ERR_DEPENDENCY') this.#faults['dependency failed']++;
    }
    if (this.#server.reason === 'failed') this.#faults['run failed']++;
    this.#faults['time-out'] = outcomes[outcomeCode.timeout]!;
    this.#faults['late result refused'] = this.#refused + core.counts.refused;
    const crashes = this.#server.lives - 1 + this.#faults['client crash'];
    return {
      seed: this.#options.seed,
      faults: this.#faults,
      clients: this.#crowd,
      tasks: this.#tasks,
      crashes,
      rerun,
      outcomes,
      durationMs,
      complete: this.#server.reason === 'complete',
    };
  }

  /** A run with tasks that repeat does not end by itself. */
  #endSeries(): void {
    const { ledger } = this.#world;
    for (const [n, { task }] of ledger.tasks)
      if (task[3]?.cron !== undefined && !ledger.ends.has(n)) cancelTasks(this.#server, this.#world, [n]);
  }

  /** The totals in the store against its rows. */
  #checkTotals(outcomes: readonly number[]): void {
    const { ledger, store } = this.#world;
    const recovery = store.recover();
    if (recovery instanceof Promise) return;
    const { counts } = recovery;
    const retried = ledger.retries;
    if (counts.submitted !== ledger.tasks.size) throw new Error(`the store counts ${counts.submitted} of ${ledger.tasks.size} tasks`);
    if (counts.retried !== retried) throw new Error(`the store counts ${counts.retried} of ${retried} retries`);
    for (let outcome = 1; outcome < outcomes.length; outcome++)
      if (counts.outcomes[outcome] !== outcomes[outcome])
        throw new Error(`the store counts ${counts.outcomes[outcome]} tasks with outcome ${outcome}, there are ${outcomes[outcome]}`);
  }

  #restart(core: ServerCore | null): void {
    this.#refused += core?.counts.refused ?? 0;
    const { clock, random } = this.#world;
    let up = false;
    clock.after(random.between(1, 3_000), () => {
      up = true;
    });
    while (!up) clock.step();
    // Who restarts a server tells it to end by itself only when nobody will submit any more.
    this.#server.boot(!this.#submitters.some(({ unfinished }) => unfinished));
  }

  /** Another machine takes the place of one that is gone. */
  #replace(client: ClientPart): void {
    this.#clients.splice(this.#clients.indexOf(client), 1);
    this.#addClient();
  }

  #addClient(): void {
    const shape: ClientShape = {
      slots: this.#random.between(1, 4),
      cores: this.#random.between(mostCores, 6),
      speed: this.#random.pick([0.3, 1, 1, 3]),
      walltime: this.#random.chance(0.2) ? this.#random.between(2_000, 12_000) : null,
    };
    this.#clients.push(new ClientPart(this.#world, this.#server, `client-${++this.#made}`, shape));
  }
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
