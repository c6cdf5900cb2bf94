/**
 * A whole system in virtual time: servers on a store that survives their crashes, clients, submitters, and an adversary, all drawn
 * from one seed. The cores are the real ones; what they promise is compared with what happened.
 */
import { MemoryStore } from '../store/memory/adapter.ts';
import type { TaskStore } from '../store/store.ts';
import { outcomeCode } from '../task/result.ts';
import { Adversary, planTroubles, type Trouble } from './adversary.ts';
import { broken } from './broken.ts';
import { cancelTasks } from './changes.ts';
import { ClientPart } from './client-part.ts';
import { VirtualClock } from './clock.ts';
import { WallClocks } from './clocks.ts';
import { SimulationFailure, Story } from './failure.ts';
import { Ledger } from './ledger.ts';
import { Liveness } from './liveness.ts';
import { Network } from './network.ts';
import type { SimulationOptions } from './options.ts';
import { checkPromises, checkSummary, checkTotals } from './promises.ts';
import { Random } from './random.ts';
import { ServerPart } from './server-part.ts';
import { type Setting, settingOf, shapeOf } from './setting.ts';
import { SubmitterPart } from './submitter-part.ts';
import { makeWorkload } from './workload.ts';
import { type Fault, faults, type World } from './world.ts';

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
  /** Effects at which something could have crashed: see `SimulationOptions.crashAt`. */
  readonly effects: { readonly server: number; readonly client: number };
}

/** A run that has not ended this long after the adversary became calm hangs (ms). */
const patience = 300_000;
/** ms. */
const lookEvery = 250;
/** What the adversary has done goes on for so long after it became calm (ms). */
const aftermath = 8_000;

/**
 * Run a whole system in virtual time, a few hundredths of a second for some twenty virtual ones.
 *
 * @param openStore Opens the store, which must answer at once, anew at each start of a server; what was committed must be there. Default: a memory store that
 * survives.
 * @throws SimulationFailure A promise was broken: its message starts with the seed and ends with the last events of the story.
 */
export function simulate(options: SimulationOptions, openStore?: () => TaskStore): Report {
  const clock = new VirtualClock({ seed: options.seed });
  const story = new Story(clock);
  const memory = new MemoryStore({
    count: Number.POSITIVE_INFINITY,
    age: Number.POSITIVE_INFINITY,
    now: () => clock.now(),
    salt: '000000000',
  });
  try {
    return new Simulation(options, clock, story, openStore ?? (() => memory)).run();
  } catch (thrown) {
    throw new SimulationFailure(options, clock.now(), story.lines, thrown);
  }
}

/** How these options fail; null: they keep every promise. */
export function failureOf(options: SimulationOptions): SimulationFailure | null {
  try {
    simulate(options);
    return null;
  } catch (failure) {
    if (failure instanceof SimulationFailure) return failure;
    throw failure;
  }
}

/** The troubles that the adversary has planned for these options, those that are left out included. */
export function troublesOf(options: SimulationOptions): readonly Trouble[] {
  const setting = settingOf(options, new Set(options.simple));
  return planTroubles(Random.stream(options.seed, 'troubles'), setting.plannedUntil);
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #setting: Setting;
  readonly #world: World;
  readonly #server: ServerPart;
  readonly #clients: ClientPart[] = [];
  readonly #submitters: SubmitterPart[] = [];
  readonly #faults: Record<Fault, number>;
  readonly #effects = { server: 0, client: 0 };
  #made = 0;

  constructor(options: SimulationOptions, clock: VirtualClock, story: Story, open: () => TaskStore) {
    this.#options = options;
    this.#faults = Object.fromEntries(faults.map((fault) => [fault, 0])) as Record<Fault, number>;
    const simple = new Set(options.simple);
    const setting = settingOf(options, simple);
    this.#setting = setting;
    const plan = (name: string): Random => Random.stream(options.seed, name);
    const luck = Math.imul(options.luck ?? 0, 0x2545f491);
    const chance = (name: string): Random => Random.stream(options.seed ^ luck, `chance of ${name}`);
    const { tasks, submitters, groups } = setting;
    const workload = makeWorkload({ tasks, submitters, groups, keep: options.keep?.tasks ?? null, simple, plan });
    const stores: { current: TaskStore | null } = { current: null };
    const clocks = new WallClocks(clock, plan, simple.has('right clocks'));
    this.#world = {
      clock,
      network: new Network(clock, chance, setting.delay, simple.has('prompt network')),
      get store() {
        return stores.current ?? open();
      },
      openStore: () => {
        stores.current = open();
        return stores.current;
      },
      ledger: new Ledger(setting.core),
      options: setting.core,
      heartrate: 1_000,
      mutation: options.mutation ?? null,
      simple,
      behaviours: workload.behaviours,
      plan,
      chance,
      wall: (machine) => clocks.wall(machine),
      setClock: (machine, ms) => clocks.set(machine, ms),
      crashesHere: (part) => this.#effects[part]++ === options.crashAt?.effect && options.crashAt.part === part,
      count: (fault) => {
        this.#faults[fault]++;
      },
      tell: (line) => story.tell(line),
    };
    this.#server = new ServerPart(this.#world, () => !this.#submitters.some(({ unfinished }) => unfinished));
    for (const [i, bundles] of workload.bundles.entries())
      this.#submitters.push(new SubmitterPart(this.#world, this.#server, `submitter-${i}`, bundles));
    for (let i = 0; i < setting.clients; i++) this.#addClient();
  }

  run(): Report {
    const { clock } = this.#world;
    const { calmAt } = this.#setting;
    const cast = { server: this.#server, clients: this.#clients, submitters: this.#submitters };
    const kept = this.#options.keep?.troubles;
    const plan = troublesOf(this.#options).filter(({ number, at }) => at < calmAt && kept?.includes(number) !== false);
    const adversary = new Adversary(this.#world, cast, plan);
    clock.after(calmAt, () => adversary.calm());
    this.#every(calmAt, () => this.#endSeries());
    const liveness = new Liveness(this.#world, this.#server, this.#clients);
    this.#every(calmAt + aftermath, () => liveness.look());
    while (!this.#server.finished) {
      if (!clock.step()) throw broken('shutdown', 'nothing will ever happen again');
      if (clock.now() > calmAt + patience) throw broken('shutdown', `the run does not end: ${JSON.stringify(this.#server.core?.census())}`);
      if (this.#server.up && !this.#submitters.some(({ unfinished }) => unfinished)) this.#server.release();
      for (const client of [...this.#clients]) if (!client.process.alive) this.#replace(client);
    }
    adversary.calm();
    const durationMs = clock.now();
    while (this.#clients.some(({ ended, process }) => process.alive && !ended)) {
      clock.step();
      if (clock.now() > durationMs + patience) throw broken('shutdown', 'a client does not end with its server');
    }
    return this.#report(durationMs);
  }

  #every(from: number, look: () => void): void {
    const { clock } = this.#world;
    const again = (): void => {
      look();
      clock.after(lookEvery, again);
    };
    clock.after(from, again);
  }

  #report(durationMs: number): Report {
    const { ledger, store, options } = this.#world;
    const core = this.#server.lastCore;
    const reason = this.#server.life?.reason;
    const { rerun, outcomes } = checkPromises(ledger, store, options, reason === 'complete');
    const { submitted, pending } = core.counts;
    checkSummary({ submitted, pending }, core.counts.outcomes);
    checkTotals(ledger, store, outcomes);
    for (const attempts of ledger.attempts.values()) {
      for (const { outcome } of attempts) this.#faults[outcome === outcomeCode.lost ? 'loss' : 'retry']++;
    }
    for (const [n, { task }] of ledger.tasks) {
      if (!ledger.accepted.has(n) && task[3]?.cron !== undefined) this.#faults.repeat++;
      if (ledger.ends.get(n)?.extra?.error?.code === 'ERR_DEPENDENCY') this.#faults['dependency failed']++;
    }
    if (reason === 'failed') this.#faults['run failed']++;
    this.#faults['time-out'] = outcomes[outcomeCode.timeout]!;
    this.#faults['late result refused'] = this.#server.refused;
    const crashes = this.#server.lives - 1 + this.#faults['client crash'];
    return {
      seed: this.#options.seed,
      faults: this.#faults,
      clients: this.#setting.clients,
      tasks: this.#setting.tasks,
      crashes,
      rerun,
      outcomes,
      durationMs,
      complete: reason === 'complete',
      effects: { ...this.#effects },
    };
  }

  /** A run with tasks that repeat does not end by itself. */
  #endSeries(): void {
    const { ledger } = this.#world;
    for (const [n, { task }] of ledger.tasks)
      if (task[3]?.cron !== undefined && !ledger.ends.has(n)) cancelTasks(this.#server, this.#world, [n]);
  }

  /** Another machine takes the place of one that is gone. */
  #replace(client: ClientPart): void {
    this.#clients.splice(this.#clients.indexOf(client), 1);
    this.#addClient();
  }

  #addClient(): void {
    const id = `client-${++this.#made}`;
    this.#clients.push(new ClientPart(this.#world, this.#server, id, shapeOf(this.#world.plan(id), this.#world.simple)));
  }
}
