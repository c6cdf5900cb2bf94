/**
 * The seeded adversary: a list of troubles, each at its moment and with chances of its own, so that leaving one out leaves the others as they were. When it is
 * told to be calm, it repairs what can be repaired.
 */
import type { Random } from './random.ts';
import { type Cast, type TroubleName, troubleNames, troubles } from './troubles.ts';
import type { World } from './world.ts';

export interface Trouble {
  /** From 0, in the order of their moments. */
  readonly number: number;
  /** Virtual ms. */
  readonly at: number;
  readonly name: TroubleName;
}

/** How often each comes, by its weight. */
const weights: readonly TroubleName[] = troubleNames.flatMap((name) => Array.from({ length: troubles[name].weight }, () => name));

/** All troubles of a seed until it is calm. Every seed has at least one crash. */
export function planTroubles(random: Random, until: number): Trouble[] {
  const crash = { at: random.between(50, 600), name: random.chance(0.6) ? ('server crash' as const) : ('client crash' as const) };
  const plan: Omit<Trouble, 'number'>[] = [crash];
  for (let at = random.between(100, 1_800); at < until; at += random.between(100, 1_800)) plan.push({ at, name: random.pick(weights) });
  plan.sort((a, b) => a.at - b.at);
  return plan.map((trouble, number) => ({ number, ...trouble }));
}

export class Adversary {
  readonly #world: World;
  readonly #cast: Cast;
  #calm = false;

  constructor(world: World, cast: Cast, plan: readonly Trouble[]) {
    this.#world = world;
    this.#cast = cast;
    for (const { number, at, name } of plan) {
      world.clock.after(at, () => {
        if (!this.#calm && !cast.server.finished) troubles[name].make(world, cast, world.plan(`trouble ${number}`));
      });
    }
  }

  calm(): void {
    if (this.#calm) return;
    this.#calm = true;
    this.#world.tell('the adversary is calm');
    const { network } = this.#world;
    const { server, clients, submitters } = this.#cast;
    for (const part of [...clients, ...submitters]) {
      network.heal(part.id);
      part.process.thaw();
    }
    server.weather.crashNext = null;
    server.weather.fullUntil = 0;
    server.life?.thaw();
    server.feed({ type: 'unhold', reason: 'paused' });
  }
}
