/**
 * Runs that the runner has, until they have ended: single ones, and calls of functions. A thread is given about 2 ms of calls at once, as far as is known of those
 * before them: a message each way costs more than a tiny call. What waits there behind a call that takes longer comes back, and runs where there is room.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import { BatchSizes } from '../core/pace.ts';
import type { GraphCalls, GraphOutcome, GraphTaskRunner } from '../graph-task-runner.ts';
import type { Execution } from './execution.ts';
import type { GraphRun } from './run.ts';

/** After so long (ms) one of them is slower than the others: before the server asks for what has not begun, and long enough that a busy machine is no reason. */
const mostWait = 20;

/** Bytes of inputs that go to a thread at once, where one call has not more. */
const mostBytes = 2 ** 20;

export interface RunningParts {
  readonly clock: Clock;
  readonly runner: GraphTaskRunner;
  /** It runs, and did not end at once. */
  begun(run: GraphRun): void;
  /** It has ended, by what it made; null: by what it threw. */
  over(run: GraphRun, made: GraphOutcome | null, thrown: unknown, startedAt: number, durationMs: number): void;
  /** It was in a thread, and did not begin. */
  back(run: GraphRun): void;
}

interface Batch {
  relieve(): void;
}

export class Running {
  readonly #parts: RunningParts;
  /** One call among many that a busy machine has held up is no reason to give the next ones singly: what waits behind one that is slow comes back soon. */
  readonly #sizes = new BatchSizes(0.1);
  readonly #batches: Set<Batch> = new Set();

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  /** A promise when it takes longer; it never rejects. */
  execute(run: GraphRun): Promise<void> | null {
    const { clock, runner } = this.#parts;
    run.state = 'running';
    const startedAt = clock.wall();
    const from = clock.now();
    let outcome: GraphOutcome | Promise<GraphOutcome>;
    try {
      outcome = runner.run(run.prepare());
    } catch (thrown) {
      this.#failed(run, thrown, startedAt, clock.now() - from);
      return null;
    }
    if (!(outcome instanceof Promise)) {
      this.#made(run, outcome, startedAt, clock.now() - from);
      return null;
    }
    this.#parts.begun(run);
    return outcome.then(
      (made) => this.#made(run, made, startedAt, clock.now() - from),
      (thrown: unknown) => this.#failed(run, thrown, startedAt, clock.now() - from),
    );
  }

  /** The part that a call is of what a thread is given at once. */
  share(run: GraphRun): number {
    let bytes = 0;
    // The code, which is the first, does not travel.
    for (let at = 1; at < run.inputs.length; at++) bytes += run.inputs[at]![5];
    return 1 / this.#sizes.of(run.family) + bytes / mostBytes;
  }

  /** One after the other in one thread. Resolves when nothing of them is there any more. */
  call(runs: readonly GraphRun[]): Promise<void> {
    const { clock } = this.#parts;
    const given: GraphRun[] = [];
    const executions: Execution[] = [];
    for (const run of runs) {
      run.state = 'placed';
      try {
        executions.push(run.prepare());
        given.push(run);
      } catch (thrown) {
        this.#failed(run, thrown, clock.wall(), 0);
      }
    }
    return new Promise((over) => this.#call(given, executions, over));
  }

  /** Calls that have not begun come back, in this moment. */
  relieve(): void {
    for (const batch of this.#batches) batch.relieve();
  }

  /** It said something: it runs. */
  spoke(run: GraphRun | undefined): void {
    if (run?.state !== 'placed') return;
    run.state = 'running';
    this.#parts.begun(run);
  }

  #call(runs: readonly GraphRun[], executions: readonly Execution[], over: () => void): void {
    const { clock, runner } = this.#parts;
    const begunAt = clock.wall();
    const from = clock.now();
    const placed = new Set(runs);
    let calls: GraphCalls | null = null;
    let cancel = (): void => {};
    const relieve = (): void => {
      calls?.relieve();
      // The one that is left is the one that runs; more than one, and their thread has not begun.
      const [first] = placed;
      if (placed.size === 1) this.spoke(first);
    };
    const watch = (): void => {
      relieve();
      if (placed.size > 1) cancel = clock.after(mostWait, watch);
    };
    const batch: Batch = { relieve };
    this.#batches.add(batch);
    if (runs.length > 1) cancel = clock.after(mostWait, watch);
    else this.spoke(runs[0]);
    calls = runner.call(executions, {
      ended: (at, outcome, startedAt = begunAt, measured?: number) => {
        const run = runs[at]!;
        placed.delete(run);
        if (measured !== undefined) this.#sizes.learn(run.family, measured);
        const durationMs = measured ?? clock.now() - from;
        if (outcome instanceof MillraceError) this.#failed(run, outcome, startedAt, durationMs);
        else this.#made(run, outcome, startedAt, durationMs);
      },
      returned: (at) => {
        executions[at]!.sandboxUnmade();
        placed.delete(runs[at]!);
        this.#parts.back(runs[at]!);
      },
      over: () => {
        cancel();
        this.#batches.delete(batch);
        over();
      },
    });
  }

  #made(run: GraphRun, given: GraphOutcome, startedAt: number, durationMs: number): void {
    this.#parts.over(run, given, null, startedAt, durationMs);
  }

  #failed(run: GraphRun, thrown: unknown, startedAt: number, durationMs: number): void {
    this.#parts.over(run, null, thrown, startedAt, durationMs);
  }
}
