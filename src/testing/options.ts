/**
 * What a simulation is made of, as options: everything follows from the seed, and each thing can be left out without changing what the seed says of the
 * others. With that a failing seed is shrunk (`shrink.ts`) and shown again.
 */
import type { Mutation } from './mutations.ts';

/** What can be made simple, one by one. */
export const simplifications = [
  'prompt network',
  'prompt disk',
  'sure starts',
  'right clocks',
  'plain tasks',
  'no limits',
  'no dependencies',
  'good tasks',
  'steady tasks',
  'plain clients',
  'eager sources',
  'plain settings',
] as const;
/**
 * Made simple: every message takes 1 ms · every commit 1 ms and none fails · every attempt starts, no call holds others up · all clocks agree · tasks wish
 * nothing · no tag is limited · no task depends on another or repeats · no task fails, ignores a signal or kills its client · every task takes 100 ms ·
 * clients have one slot, one pace and no end · submitters wait for nothing · the server's settings are the usual ones.
 */
export type Simplification = (typeof simplifications)[number];

export interface SimulationOptions {
  /** Everything follows from it. */
  readonly seed: number;
  /** Clients at any time. Default: 3 to 5, by the seed. */
  readonly clients?: number;
  /** Default: 1 to 3, by the seed. */
  readonly submitters?: number;
  /** Default: 1 or 3, by the seed. */
  readonly groups?: number;
  /** Default 60. */
  readonly tasks?: number;
  /** Virtual ms after which the adversary is calm. Default: 8,000 to 25,000, by the seed. */
  readonly calmAfter?: number;
  /** A rule to break. Default: none. */
  readonly mutation?: Mutation;
  /** What to keep of the seed's tasks and troubles, by their numbers from 0. Default: all. */
  readonly keep?: { readonly tasks?: readonly number[]; readonly troubles?: readonly number[] };
  /** What not to leave to chance. Default: nothing. */
  readonly simple?: readonly Simplification[];
  /** Draw again what is left to chance beside tasks, clients and troubles: delays and the like. Default 0. */
  readonly luck?: number;
  /** Crash exactly there: before the effect with this number, counted from 0 over all lives of the server, or over all clients. Default: nowhere. */
  readonly crashAt?: { readonly part: 'server' | 'client'; readonly effect: number };
}

/** As it stands in a program: `simulate({ seed: 7, … })`. */
export function callOf(options: SimulationOptions): string {
  return `simulate(${literal(options)})`;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{ ${fields.map(([name, field]) => `${name}: ${literal(field)}`).join(', ')} }`;
}
