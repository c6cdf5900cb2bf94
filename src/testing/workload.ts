/** What a simulation has to do: tasks with every kind of wish, and how each behaves when it runs. Nobody but the simulated executor knows the behaviour. */
import type { Tags, TaskAttributes, WireTask } from '../task/task.ts';
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

export function makeWorkload(random: Random, tasks: number, submitters: number, groups: number): Workload {
  const behaviours = new Map<string, Behaviour>();
  const bundles: WireTask[][][] = Array.from({ length: submitters }, () => []);
  const earlier: string[][] = bundles.map(() => []);
  let made = 0;
  while (made < tasks) {
    const submitter = random.below(submitters);
    const own = bundles[submitter]!;
    const bundle: WireTask[] = [];
    for (let left = Math.min(tasks - made, random.between(1, 14)); left > 0; left--, made++) {
      const short = random.chance(0.25);
      // Calls of one name travel to a thread together.
      const args = short ? `module-${random.below(2)}#call-${random.below(3)}` : `task-${made}`;
      if (!behaviours.has(args)) behaviours.set(args, behaviour(random, short));
      const attributes = related(random, made, earlier[submitter]!, limited(random, short ? null : attributesOf(random, made, groups)));
      bundle.push([short ? 1 : 0, args, null, attributes]);
    }
    own.push(bundle);
  }
  return { bundles, behaviours, tasks };
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

function behaviour(random: Random, short: boolean): Behaviour {
  const long = random.chance(0.04);
  return {
    duration: short ? random.next() : long ? random.between(3_000, 9_000) : random.between(5, 900),
    failures: random.chance(0.2) ? random.between(1, 3) : 0,
    stubborn: random.chance(0.3) ? random.between(1, 2) : 0,
    deadly: !short && random.chance(0.004),
  };
}

function attributesOf(random: Random, n: number, groups: number): TaskAttributes | null {
  if (random.chance(0.4) && groups === 1) return null;
  const attributes: TaskAttributes = {};
  if (groups > 1) attributes.group = random.below(groups);
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
