/** What the executor of shell commands knows of each of its slots. */
import type { Execution, ExecutionEnd } from '../../executor.ts';
import type { Lane } from './lane.ts';
import type { Usage } from './monitor.ts';
import type { CommandFiles } from './spool.ts';

export interface Run {
  readonly execution: Execution;
  readonly files: CommandFiles;
  /** By the wall clock, and by the monotonic one. */
  readonly startedAt: number;
  readonly at: number;
  tooMuch: boolean;
  /** Known at its end. */
  usage: Usage | null;
}

export interface Settled {
  readonly ended: ExecutionEnd;
  readonly redirected: Promise<void> | null;
}

export interface Slot {
  readonly lane: Lane;
  readonly queue: Execution[];
  run: Run | null;
  /** The lane has a new shell to make before it is idle again. */
  recovering: boolean;
  /** Commands that have ended and whose output is on its way, one after the other. */
  delivering: number;
  delivered: Promise<void>;
  commands: number;
}
