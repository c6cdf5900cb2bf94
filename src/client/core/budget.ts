/** Countable resources of the client: cores, memory, named ones. What runs never needs more than there is. */
import type { TaskAttributes } from '../../task/task.ts';
import type { ClientOptions } from './events.ts';
import type { LaneTerms, Needs } from './lanes.ts';

/** Sums of fractions miss their value by a little: 0.1 + 0.2 of 0.3 cores is all of them. */
const tolerance = 1 + 1e-9;

export class Budget {
  readonly #names: readonly string[];
  readonly #limits: readonly number[];
  readonly #used: number[];
  readonly #taskTimeout: number;

  constructor(options: Pick<ClientOptions, 'cores' | 'memory' | 'resources' | 'taskTimeout'>) {
    const limits = new Map(Object.entries(options.resources).map(([name, limit]) => [`resource ${name}`, limit]));
    if (options.cores !== null) limits.set('cores', options.cores);
    if (options.memory !== null) limits.set('memory', options.memory);
    this.#names = [...limits.keys()];
    this.#limits = [...limits.values()];
    this.#used = this.#limits.map(() => 0);
    this.#taskTimeout = options.taskTimeout ?? Number.POSITIVE_INFINITY;
  }

  /** What such a task needs of what is limited here, and for how long at most. A task larger than the whole budget needs all of it: it runs alone. */
  termsOf(attributes: TaskAttributes | null): LaneTerms {
    return { needs: this.#needsOf(attributes), timeout: Math.min(attributes?.timeout ?? this.#taskTimeout, this.#taskTimeout) };
  }

  /** Whether that much is free now. */
  fits(needs: Needs | null): boolean {
    return this.fitsBeside(needs, this.#used);
  }

  /** Whether that much is left beside what all of `others` take together. */
  fitsBeside(needs: Needs | null, ...others: readonly (Needs | null)[]): boolean {
    if (needs === null) return true;
    for (let i = 0; i < needs.length; i++) {
      let sum = needs[i]!;
      for (const other of others) sum += other?.[i] ?? 0;
      if (needs[i]! > 0 && sum > this.#limits[i]! * tolerance) return false;
    }
    return true;
  }

  reserve(needs: Needs | null): void {
    if (needs !== null) for (let i = 0; i < needs.length; i++) this.#used[i]! += needs[i]!;
  }

  release(needs: Needs | null): void {
    if (needs !== null) for (let i = 0; i < needs.length; i++) this.#used[i]! -= needs[i]!;
  }

  #needsOf(attributes: TaskAttributes | null): Needs | null {
    if (attributes === null) return null;
    const { cores, memory, resources } = attributes;
    if (cores === undefined && memory === undefined && resources === undefined) return null;
    const wishes = new Map(Object.entries(resources ?? {}).map(([name, need]) => [`resource ${name}`, need]));
    wishes.set('cores', cores ?? 0).set('memory', memory ?? 0);
    const needs = this.#names.map((name, i) => Math.min(wishes.get(name) ?? 0, this.#limits[i]!));
    return needs.some((need) => need > 0) ? needs : null;
  }
}
