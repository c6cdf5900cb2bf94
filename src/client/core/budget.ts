/** Countable resources of the client: cores, memory, named ones. What runs never needs more than there is. */
import type { ClientOptions } from './events.ts';
import type { HeldTask } from './held.ts';

export class Budget {
  readonly #limits: ReadonlyMap<string, number>;
  readonly #used: Map<string, number> = new Map();

  constructor(options: Pick<ClientOptions, 'cores' | 'memory' | 'resources'>) {
    const limits = new Map(Object.entries(options.resources).map(([name, limit]) => [`resource ${name}`, limit]));
    if (options.cores !== null) limits.set('cores', options.cores);
    if (options.memory !== null) limits.set('memory', options.memory);
    this.#limits = limits;
  }

  demands(task: HeldTask): boolean {
    const { attributes } = task;
    return attributes !== null && (attributes.cores !== undefined || attributes.memory !== undefined || attributes.resources !== undefined);
  }

  /** Take what the task needs; false: not now. A task larger than the whole budget runs alone. */
  reserve(task: HeldTask): boolean {
    if (!this.demands(task)) return true;
    const needs = this.#needs(task);
    for (const [name, need] of needs) if ((this.#used.get(name) ?? 0) + need > this.#limits.get(name)!) return false;
    for (const [name, need] of needs) this.#used.set(name, (this.#used.get(name) ?? 0) + need);
    return true;
  }

  release(task: HeldTask): void {
    if (!this.demands(task)) return;
    for (const [name, need] of this.#needs(task)) this.#used.set(name, (this.#used.get(name) ?? 0) - need);
  }

  #needs(task: HeldTask): [name: string, need: number][] {
    const { cores = 0, memory = 0, resources = {} } = task.attributes ?? {};
    const needs: [string, number][] = [
      ['cores', cores],
      ['memory', memory],
    ];
    for (const [name, need] of Object.entries(resources)) needs.push([`resource ${name}`, need]);
    return needs
      .filter(([name, need]) => need > 0 && this.#limits.has(name))
      .map(([name, need]) => [name, Math.min(need, this.#limits.get(name)!)]);
  }
}
