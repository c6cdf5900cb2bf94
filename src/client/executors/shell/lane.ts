/**
 * The port between the shell executor and what starts its processes: a lane runs one command at a time in a process group of its own.
 * Two lanes stand behind it: a long-lived shell (`slot-lane.ts`) and a process for each command (`spawn-lane.ts`).
 */
import type { MillraceError } from '../../../base/errors.ts';
import type { TaskSignal } from '../../executor.ts';

/** One command with its files; the files of output do not exist yet. */
export interface Launch {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  /** A name for a file that the lane may make to hand the command over; whoever made the launch removes it. */
  readonly script: string;
  /** Output goes into pipes, which are as slow as whoever reads them. */
  readonly piped: boolean;
}

export interface LaneEnd {
  readonly status: number | null;
  readonly signal: string | null;
  /** It never began, and why. */
  readonly refused: string | null;
}

export interface LaneHandlers {
  /** `idle`: the lane takes the next command at once; else `ready` will follow. */
  ended(end: LaneEnd, idle: boolean): void;
  /** A new shell stands: the first, or the successor of a retired one. */
  ready(): void;
  /** No process can be had, however often it was tried. */
  broken(error: MillraceError): void;
}

/** Where the processes of a lane's command are: in this group. `leader`: its first process is the command's own, not a shell that outlives it. */
export interface ProcessTree {
  readonly group: number;
  readonly leader: boolean;
}

export interface Lane {
  /** null: there is no process. */
  readonly tree: ProcessTree | null;
  start(launch: Launch): void;
  signal(signal: TaskSignal): void;
  /** Kill the whole group; resolves when it is gone. Nothing is reported any more. */
  close(): Promise<void>;
}

/** To a whole process group; false when there is none. */
export function signalGroup(group: number, signal: TaskSignal | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
