/** How a simulation fails: with its seed, the promise that was broken, and the story of what happened. */
import { BrokenPromise, type PromiseName } from './broken.ts';
import type { VirtualClock } from './clock.ts';
import { callOf, type SimulationOptions } from './options.ts';

/** Lines of the story that a message tells. */
const shownLines = 40;
/** Lines that are kept. */
const keptLines = 400;

/** What happened, one line each. */
export class Story {
  readonly #clock: VirtualClock;
  readonly #lines: string[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  tell(line: string): void {
    this.#lines.push(`${this.#clock.now().toFixed(1)} ${line}`);
    if (this.#lines.length > keptLines * 2) this.#lines.splice(0, keptLines);
  }
}

export class SimulationFailure extends Error {
  readonly options: SimulationOptions;
  /** Virtual ms. */
  readonly at: number;
  /** What happened until then, the last 400 lines at least. */
  readonly story: readonly string[];
  /** Which promise; null: something threw. */
  readonly promise: PromiseName | null;
  /** What is wrong, without the seed and the story. */
  readonly reason: string;

  constructor(options: SimulationOptions, at: number, story: readonly string[], thrown: unknown) {
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
    const mutation = options.mutation === undefined ? '' : ` with ${options.mutation}`;
    const shown = story.slice(-shownLines).join('\n');
    super(`seed ${options.seed}${mutation}, at ${at.toFixed(1)} ms: ${cause.message}\n${shown}\n${callOf(options)}`, { cause });
    this.name = 'SimulationFailure';
    this.options = options;
    this.at = at;
    this.story = [...story];
    this.promise = cause instanceof BrokenPromise ? cause.promise : null;
    this.reason = cause.message;
  }
}
