/** What a simulation has to do: tasks with every kind of wish, and how each behaves when it runs. Nobody but the simulated executor knows the behaviour. */
import type { Tags, TaskAttributes, WireTask } from '../task/task.ts';
import type { Simplification } from './options.ts';
import type { Random } from './random.ts';

export interface Behaviour {
  /** ms that it runs when nobody stops it. */
  readonly duration: number;
  /** So many first attempts fail. */
  readonly failures: number;
  /** 0: ends at INT; 1: ignores INT; 2: ignores TERM too. */
  readonly stubborn: number;
  /** Its client dies of it. */
  readonly deadly: boolean;
}

export interface Workload {
  /** Bundles of each submitter. */
  readonly bundles: readonly (readonly WireTask[])[][];
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  readonly tasks: number;
}

/** Largest demands: every client can hold them. */
export const mostCores = 4;
export const mostMemory = 1_000;

export interface WorkloadOptions {
  readonly tasks: number;
  readonly submitters: number;
  readonly groups: number;
  /** Those to keep, by number from 0; null: all. */
  readonly keep: readonly number[] | null;
  readonly simple: ReadonlySet<Simplification>;
  /** A stream that follows from the seed: each task has its own. */
  readonly plan: (name: string) => Random;
}

export function makeWorkload({ tasks, submitters, groups, keep, simple, plan }: WorkloadOptions): Workload {
  const behaviours = new Map<string, Behaviour>();
  const bundles: WireTask[][][] = Array.from({ length: submitters }, () => []);
  const earlier: string[][] = bundles.map(() => []);
  const kept = keep === null ? null : new Set(keep);
  for (let made = 0, bundle = 0; made < tasks; bundle++) {
    const random = plan(`bundle ${bundle}`);
    const submitter = Math.floor(random.next() * submitters);
    const own: WireTask[] = [];
    for (let left = Math.min(tasks - made, random.between(1, 14)); left > 0; left--, made++) {
      if (kept?.has(made) === false) continue;
      const draws = plan(`task ${made}`);
      const short = draws.chance(0.25);
      // Calls of one name travel to a thread together.
      const args = short ? `module-${draws.below(2)}#call-${draws.below(3)}` : `task-${made}`;
      if (!behaviours.has(args)) behaviours.set(args, behaviour(plan(args), short, simple));
      own.push([short ? 1 : 0, args, null, attributesOf(made, groups, short, earlier[submitter]!, simple, plan)]);
    }
    if (own.length > 0) bundles[submitter]!.push(own);
  }
  return { bundles, behaviours, tasks: kept?.size ?? tasks };
}

function attributesOf(
  n: number,
  groups: number,
  short: boolean,
  earlier: string[],
  simple: ReadonlySet<Simplification>,
  plan: (name: string) => Random,
): TaskAttributes | null {
  let attributes = short || simple.has('plain tasks') ? null : wishes(plan(`wishes ${n}`), n);
  if (groups > 1 && !short) attributes = { ...attributes, group: plan(`group ${n}`).below(groups) };
  if (!simple.has('no limits')) attributes = limited(plan(`limits ${n}`), attributes);
  return simple.has('no dependencies') ? attributes : related(plan(`relations ${n}`), n, earlier, attributes);
}

/** Some have ids, and some depend on those before them; a few repeat. */
function related(random: Random, n: number, earlier: string[], attributes: TaskAttributes | null): TaskAttributes | null {
  const more: TaskAttributes = {};
  if (earlier.length > 0 && random.chance(0.2)) {
    more.dependsOn = [random.pick(earlier)];
    if (random.chance(0.3)) more.dependsOn.push(random.pick(earlier));
    if (random.chance(0.2)) more.dependencyFailure = 'run';
  } else if (random.chance(0.01)) more.dependsOn = [`00000000-0000-7000-9000-${'0'.repeat(12)}`];
  if (random.chance(0.01)) {
    more.cron = '*/2 * * * * *';
    more.timezone = 'UTC';
  }
  if (random.chance(0.4)) {
    more.id = `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
    earlier.push(more.id);
  }
  return Object.keys(more).length === 0 ? attributes : { ...attributes, ...more };
}

/** Some share limits: a few tenants, and one service that all of its tasks need. */
function limited(random: Random, attributes: TaskAttributes | null): TaskAttributes | null {
  if (!random.chance(0.4)) return attributes;
  const tags: Tags = {};
  if (random.chance(0.8)) tags.tenant = random.pick(['a', 'b', 'c']);
  if (random.chance(0.3)) tags.service = 'one';
  return { ...attributes, tags };
}

function behaviour(random: Random, short: boolean, simple: ReadonlySet<Simplification>): Behaviour {
  const long = random.chance(0.04);
  const duration = short ? random.next() : long ? random.between(3_000, 9_000) : random.between(5, 900);
  const failures = random.chance(0.2) ? random.between(1, 3) : 0;
  const stubborn = random.chance(0.3) ? random.between(1, 2) : 0;
  const deadly = !short && random.chance(0.004);
  return {
    duration: simple.has('steady tasks') ? 100 : duration,
    ...(simple.has('good tasks') ? { failures: 0, stubborn: 0, deadly: false } : { failures, stubborn, deadly }),
  };
}

function wishes(random: Random, n: number): TaskAttributes | null {
  if (random.chance(0.4)) return null;
  const attributes: TaskAttributes = {};
  if (random.chance(0.2)) attributes.priority = random.between(-1, 2);
  if (random.chance(0.4)) attributes.maxRetries = random.between(0, 3);
  if (random.chance(0.15)) attributes.backoff = { delay: random.between(20, 800), factor: 2, max: 3_000, jitter: random.next() };
  if (random.chance(0.25)) attributes.cores = random.between(1, mostCores);
  if (random.chance(0.1)) attributes.memory = random.between(1, mostMemory);
  if (random.chance(0.1)) attributes.startDelay = random.between(1, 4_000);
  if (random.chance(0.1)) attributes.timeout = random.between(50, 700);
  if (random.chance(0.03)) attributes.rejected = { code: 'ERR_TEMPLATE', message: 'malformed' };
  // Keys meet now and then: the second submission is a duplicate.
  if (random.chance(0.05)) attributes.key = `key-${n % 5}`;
  return attributes;
}
