/** The wall clocks of the machines of a simulation: each is wrong by an amount of its own, and somebody may set it meanwhile. Nothing may be decided by them. */
import type { VirtualClock } from './clock.ts';
import type { Random } from './random.ts';

export class WallClocks {
  readonly #clock: VirtualClock;
  readonly #plan: (name: string) => Random;
  readonly #right: boolean;
  readonly #errors: Map<string, number> = new Map();

  /** `right`: all agree, whatever anybody does. */
  constructor(clock: VirtualClock, plan: (name: string) => Random, right: boolean) {
    this.#clock = clock;
    this.#plan = plan;
    this.#right = right;
  }

  /** Epoch ms, as this machine has it. */
  wall(machine: string): number {
    return this.#clock.wall() + (this.#right ? 0 : this.#error(machine));
  }

  set(machine: string, ms: number): void {
    this.#errors.set(machine, this.#error(machine) + ms);
  }

  #error(machine: string): number {
    const known = this.#errors.get(machine);
    if (known !== undefined) return known;
    const error = this.#plan(`clock of ${machine}`).between(-20_000, 20_000);
    this.#errors.set(machine, error);
    return error;
  }
}
