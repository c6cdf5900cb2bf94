/**
 * A failing seed made short: it is run again with less, and again, until nothing can be left out without the failure going away. What counts is the
 * same kind of failure; when it happens, and to whom, may differ. Where chance has to fall differently once something is missing, other luck is tried.
 */
import type { SimulationFailure } from './failure.ts';
import { callOf, type SimulationOptions, simplifications } from './options.ts';
import { failureOf, troublesOf } from './simulation.ts';

export interface Shrunk {
  /** What `simulate` shows the failure again with. */
  readonly options: SimulationOptions;
  /** The same as it stands in a program. */
  readonly call: string;
  /** The failure, with its story. */
  readonly failure: SimulationFailure;
  /** The adversary's doings that it needs. */
  readonly troubles: readonly string[];
  /** Simulations that were run for it. */
  readonly runs: number;
}

export interface ShrinkOptions {
  /** Most simulations to run. Default 1,500: half a minute at most on a machine of its own, mostly a second or two. */
  readonly runs?: number;
}

/** Further draws that are tried where less does not fail at once. */
const lucks = 3;

/**
 * Make a failing seed short: fewer tasks, clients, submitters, groups and troubles, an earlier calm, less left to chance.
 *
 * @param options Options with which `simulate` fails.
 * @throws RangeError They do not fail.
 */
export function shrink(options: SimulationOptions, { runs = 1_500 }: ShrinkOptions = {}): Shrunk {
  const search = new Search(options, runs);
  search.run();
  const { best, failure } = search;
  const kept = best.keep?.troubles ?? [];
  const troubles = troublesOf(best).filter(({ number }) => kept.includes(number));
  return {
    options: best,
    call: callOf(best),
    failure,
    troubles: troubles.map(({ at, name }) => `${at} ${name}`),
    runs: search.runs,
  };
}

class Search {
  best: SimulationOptions;
  failure: SimulationFailure;
  runs = 1;
  readonly #most: number;
  readonly #kind: string;

  constructor(options: SimulationOptions, most: number) {
    const failure = failureOf(options);
    if (failure === null) throw new RangeError(`${callOf(options)} keeps every promise: there is nothing to shrink`);
    this.#most = most;
    this.#kind = kindOf(failure);
    this.failure = failure;
    const tasks = Array.from({ length: options.tasks ?? 60 }, (_, n) => n);
    const troubles = troublesOf(options).flatMap(({ number, at }) => (at <= failure.at ? [number] : []));
    // What is kept is named from now on: less of it is a shorter list.
    this.best = { ...options, keep: { tasks: options.keep?.tasks ?? tasks, troubles: options.keep?.troubles ?? troubles } };
    if (!this.#fails(this.best)) this.best = options;
  }

  run(): void {
    for (let before = ''; before !== callOf(this.best) && this.#left; ) {
      before = callOf(this.best);
      this.#fewer('troubles');
      this.#fewer('tasks');
      this.#numbers();
      this.#simpler();
      this.#calmer();
    }
  }

  get #left(): boolean {
    return this.runs < this.#most;
  }

  /** Leave out halves of a list, then quarters, then one after the other. */
  #fewer(list: 'tasks' | 'troubles'): void {
    const of = ({ keep }: SimulationOptions): readonly number[] => keep?.[list] ?? [];
    for (let size = Math.ceil(of(this.best).length / 2); size >= 1 && this.#left; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = of(this.best).length - size; from > -size && this.#left; from -= size) {
        const kept = of(this.best);
        const rest = kept.filter((_, i) => i < from || i >= from + size);
        if (rest.length < kept.length) this.#try({ ...this.best, keep: { ...this.best.keep, [list]: rest } });
      }
    }
  }

  #numbers(): void {
    for (const name of ['clients', 'submitters', 'groups'] as const) {
      for (let count = 1; count <= 3 && this.#left; count++)
        if (this.best[name] !== undefined && count >= this.best[name]) break;
        else if (this.#try({ ...this.best, [name]: count })) break;
    }
  }

  #simpler(): void {
    for (const name of simplifications) {
      const simple = this.best.simple ?? [];
      if (!simple.includes(name) && this.#left) this.#try({ ...this.best, simple: [...simple, name] });
    }
  }

  #calmer(): void {
    const last = Math.max(
      0,
      ...troublesOf(this.best).flatMap(({ number, at }) => (this.best.keep?.troubles?.includes(number) ? [at] : [])),
    );
    for (const calmAfter of [last + 1, last + 1_000, last + 5_000]) {
      if (this.best.calmAfter !== undefined && calmAfter >= this.best.calmAfter) return;
      if (this.#left && this.#try({ ...this.best, calmAfter })) return;
    }
  }

  #try(options: SimulationOptions): boolean {
    const luck = options.luck ?? 0;
    for (const other of [luck, ...Array.from({ length: lucks }, (_, i) => luck + i + 1)])
      if (this.#left && this.#fails(other === 0 ? options : { ...options, luck: other })) return true;
    return false;
  }

  #fails(options: SimulationOptions): boolean {
    this.runs++;
    const failure = failureOf(options);
    if (failure === null || kindOf(failure) !== this.#kind) return false;
    this.best = options;
    this.failure = failure;
    return true;
  }
}

/** Failures of one kind differ in numbers and names alone. */
function kindOf({ promise, reason }: SimulationFailure): string {
  return promise ?? reason.replaceAll(/[\d.#]+/g, '');
}
