/** What the parts of a simulation share. */
import type { CoreOptions } from '../server/core/events.ts';
import type { TaskStore } from '../store/store.ts';
import type { VirtualClock } from './clock.ts';
import type { Ledger } from './ledger.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Behaviour } from './workload.ts';

/** Rules that can be broken on purpose, to see that a simulation notices. */
export const mutations = ['no-fence', 'sends-before-commit', 'grants-not-persisted', 'outputs-not-bound', 'one-phase-recall'] as const;
export type Mutation = (typeof mutations)[number];

/** What can happen to a system: each is counted. */
export const faults = [
  'server crash before a commit',
  'server crash after a commit',
  'server crash between sends',
  'commit failed',
  'client crash',
  'client frozen',
  'client drained',
  'client stopped',
  'client out of time',
  'submitter crash',
  'connection cut',
  'slow disk',
  'partition both ways',
  'partition one way',
  'pause',
  'cancel',
  'tags changed',
  'revert',
  'requeue',
  'delete',
  'dependency failed',
  'repeat',
  'run stopped',
  'run failed',
  'eviction',
  'recall',
  'late result refused',
  'bundle sent again',
  'retry',
  'loss',
  'time-out',
  'command ignored a signal',
  'attempt did not start',
  'calls let go behind a slow one',
] as const;
export type Fault = (typeof faults)[number];

export interface World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly network: Network;
  readonly store: TaskStore;
  readonly ledger: Ledger;
  readonly options: CoreOptions;
  readonly heartrate: number;
  readonly mutation: Mutation | null;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  count(fault: Fault): void;
  /** A line of the story that a failing seed tells. */
  tell(line: string): void;
}

/**
 * A process: what it was about to do is gone when it crashes, and waits while it is frozen.
 */
export class Process {
  readonly #world: World;
  #alive = true;
  #backlog: (() => void)[] | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get frozen(): boolean {
    return this.#backlog !== null;
  }

  /** Do it when the process runs; never after its crash. */
  run(call: () => void): void {
    if (!this.#alive) return;
    if (this.#backlog !== null) this.#backlog.push(call);
    else call();
  }

  after(ms: number, call: () => void): () => void {
    return this.#world.clock.after(ms, () => this.run(call));
  }

  kill(): void {
    this.#alive = false;
    this.#backlog = null;
  }

  freeze(): void {
    this.#backlog ??= [];
  }

  thaw(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = null;
    for (const call of backlog) this.run(call);
  }
}
