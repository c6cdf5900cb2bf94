/** What the parts of a simulation share. */
import type { CoreOptions } from '../server/core/events.ts';
import type { TaskStore } from '../store/store.ts';
import type { VirtualClock } from './clock.ts';
import type { Ledger } from './ledger.ts';
import type { Mutation } from './mutations.ts';
import type { Network } from './network.ts';
import type { Simplification } from './options.ts';
import type { Random } from './random.ts';
import type { Behaviour } from './workload.ts';

/** What can happen to a system: each is counted. */
export const faults = [
  'server crash before a commit',
  'server crash after a commit',
  'server crash between sends',
  'server frozen',
  'standby took over',
  'second server refused',
  'lock lost',
  'commit refused by its epoch',
  'commit failed',
  'disk full',
  'slow disk',
  'client crash',
  'client frozen',
  'client drained',
  'client stopped',
  'client out of time',
  'submitter crash',
  'connection cut',
  'half-open connection',
  'old connection spoke late',
  'partition both ways',
  'partition one way',
  'clock set forward',
  'clock set back',
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
  readonly network: Network;
  /** As the last server that started has opened it. */
  readonly store: TaskStore;
  readonly ledger: Ledger;
  readonly options: CoreOptions;
  readonly heartrate: number;
  readonly mutation: Mutation | null;
  readonly simple: ReadonlySet<Simplification>;
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  /** A server starts: what was committed must be there. */
  openStore(): TaskStore;
  /** A stream that follows from the seed alone: what there is and what the adversary plans. */
  plan(name: string): Random;
  /** A stream that follows from the seed and its luck: how long things take. */
  chance(name: string): Random;
  /** Epoch ms by the clock of this machine. */
  wall(machine: string): number;
  /** Somebody sets a machine's clock by so many ms. */
  setClock(machine: string, ms: number): void;
  /** A part is about to do something that others will see: true, it crashes instead. */
  crashesHere(part: 'server' | 'client'): boolean;
  count(fault: Fault): void;
  /** A line of the story that a failing seed tells. */
  tell(line: string): void;
}
