/**
 * A lane that is one long-lived shell: commands run in forked subshells of it, so starting one costs a small shell's fork and not
 * that of a large host process (1,149 commands/s from a host of 59 MB, 52/s from one of 1 GB).
 *
 * The shell's stderr is its status channel: `=` and a status after each command, and before it a note of the shell when, and only
 * when, a signal ended the command or a file could not be opened. The presence of the note counts, never its text.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { type Clock, pauseFor } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { TaskSignal } from '../../executor.ts';
import { needsScript, slotLine } from './command-line.ts';
import { type Lane, type LaneEnd, type LaneHandlers, type Launch, type ProcessTree, signalGroup } from './lane.ts';
import type { Watcher } from './watcher.ts';

const signalNames = new Map<number, string>(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** Wait before the n-th new shell after one that could not be had or could not fork, in ms. */
const backoff = (failures: number): number => Math.min(100 * 2 ** (failures - 1), 5_000);
const defaultMostFailures = 18;

export interface SlotLaneOptions {
  readonly shell: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly watcher: Watcher;
  readonly clock: Clock;
  /** Shells that cannot be had in a row before the lane is broken. Default 18: about a minute without a single process. */
  readonly mostFailures?: number;
}

/**
 * starting: a shell was spawned and has not spoken; a launch that comes now waits. → idle at its first `=`
 * idle: waits for a launch. → running; → waiting when the shell dies
 * running: a line was written. → idle at its status; → retiring when it was signalled or could not begin; → waiting when the shell is gone
 * retiring: the group was killed, its end is awaited. → starting, or waiting when it could not begin
 * waiting: a pause before the next shell. → starting
 * closed: nothing is reported any more.
 */
type State = 'starting' | 'idle' | 'running' | 'retiring' | 'waiting' | 'closed';

export class SlotLane implements Lane {
  readonly #options: SlotLaneOptions;
  readonly #handlers: LaneHandlers;
  #state: State = 'starting';
  #child: ChildProcess | null = null;
  #launch: Launch | null = null;
  #unread = '';
  #note = '';
  #interrupted = false;
  #signalled = false;
  #failures = 0;
  #cancelWait: (() => void) | null = null;
  #gone: (() => void) | null = null;

  constructor(options: SlotLaneOptions, handlers: LaneHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#spawn();
  }

  get tree(): ProcessTree | null {
    const group = this.#child?.pid;
    return group === undefined ? null : { group, leader: false };
  }

  start(launch: Launch): void {
    this.#launch = launch;
    if (this.#state === 'idle') this.#write(launch);
  }

  signal(signal: TaskSignal): void {
    if (this.#state !== 'running' || this.#child?.pid === undefined) return;
    this.#signalled = true;
    if (signal === 'SIGINT') this.#interrupted = true;
    signalGroup(this.#child.pid, signal);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#cancelWait?.();
    const child = this.#child;
    if (child?.pid === undefined) return;
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    signalGroup(child.pid, 'SIGKILL');
    await gone;
    // The shell is reaped here; its descendants by init, which may take a moment.
    for (let tries = 0; tries < 200 && signalGroup(child.pid, 0); tries++) {
      await pauseFor(this.#options.clock, 2);
    }
  }

  #spawn(): void {
    this.#state = 'starting';
    this.#unread = '';
    this.#note = '';
    let child: ChildProcess;
    try {
      child = spawn(this.#options.shell, ['-s'], {
        stdio: ['pipe', 'ignore', 'pipe'],
        detached: true,
        env: this.#options.environment,
      });
    } catch (error) {
      this.#failed(error);
      return;
    }
    child.once('error', (error) => {
      if (child.pid === undefined) this.#failed(error);
    });
    if (child.pid === undefined) return;
    this.#child = child;
    this.#options.watcher.add(child.pid);
    child.stdin?.on('error', () => {});
    child.stderr?.setEncoding('latin1').on('data', (text: string) => this.#read(text));
    child.once('close', (_, signal) => this.#closed(child, signal));
    // The subshells get the default actions back; the slot itself outlives the first two rungs of the kill ladder.
    // Its stdout is its stderr, once for all: to redirect each `echo` were six system calls.
    child.stdin?.write('exec >&2\ntrap : INT TERM HUP QUIT\necho =\n');
  }

  #failed(error: unknown): void {
    if (this.#state === 'closed') return;
    if (++this.#failures > (this.#options.mostFailures ?? defaultMostFailures)) {
      this.#handlers.broken(
        new MillraceError('ERR_SPAWN', `${this.#options.shell} cannot be started: check the limits on processes and open files`, {
          cause: error,
        }),
      );
      return;
    }
    this.#pause();
  }

  #pause(): void {
    this.#state = 'waiting';
    this.#cancelWait = this.#options.clock.after(backoff(Math.max(this.#failures, 1)), () => {
      if (this.#state === 'waiting') this.#spawn();
    });
  }

  #write(launch: Launch): void {
    this.#state = 'running';
    this.#note = '';
    this.#interrupted = false;
    this.#signalled = false;
    const { shell, environment } = this.#options;
    const script = needsScript(launch.command, launch.env) ? launch.script : null;
    try {
      if (script !== null) writeFileSync(script, launch.command, { mode: 0o600 });
    } catch (error) {
      queueMicrotask(() => this.#retire({ status: null, signal: null, refused: String(error) }));
      return;
    }
    this.#child?.stdin?.write(slotLine({ ...launch, script }, shell, environment.OLDPWD));
  }

  #read(text: string): void {
    this.#unread += text;
    let end = this.#unread.indexOf('\n');
    while (end >= 0) {
      const line = this.#unread.slice(0, end);
      this.#unread = this.#unread.slice(end + 1);
      if (line.startsWith('=')) this.#status(line);
      else this.#note = line === '' ? ' ' : line;
      end = this.#unread.indexOf('\n');
    }
  }

  #status(line: string): void {
    if (this.#state === 'starting') {
      this.#state = 'idle';
      if (this.#launch !== null) this.#write(this.#launch);
      else this.#handlers.ready();
      return;
    }
    const launch = this.#launch;
    if (this.#state !== 'running' || launch === null) return;
    this.#launch = null;
    const end = this.#verdict(launch, Number(line.slice(1)));
    if (end.refused !== null || this.#signalled) {
      this.#retire(end);
      return;
    }
    this.#failures = 0;
    this.#state = 'idle';
    this.#handlers.ended(end, true);
  }

  #retire(end: LaneEnd): void {
    if (this.#state !== 'running') return;
    this.#launch = null;
    this.#failures = end.refused === null ? 0 : this.#failures + 1;
    this.#state = 'retiring';
    if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, 'SIGKILL');
    this.#handlers.ended(end, false);
  }

  #verdict(launch: Launch, status: number): LaneEnd {
    if (this.#note !== '') {
      // The files are opened before anything of the command runs: one that is missing means that it never began.
      if (!existsSync(launch.output) || !existsSync(launch.errors)) return { status: null, signal: null, refused: this.#note };
      const name = signalNames.get(status - 128);
      if (name !== undefined) return { status: null, signal: name, refused: null };
    }
    // A shell says nothing of an interrupt: only if it was ours is 130 not the command's own choice.
    if (status === 130 && this.#interrupted) return { status: null, signal: 'SIGINT', refused: null };
    return { status, signal: null, refused: null };
  }

  #closed(child: ChildProcess, signal: NodeJS.Signals | null): void {
    const pid = child.pid!;
    // What the command left in its group goes with it.
    signalGroup(pid, 'SIGKILL');
    this.#options.watcher.remove(pid);
    this.#child = null;
    this.#gone?.();
    if (this.#state === 'closed') return;
    if (this.#state === 'running' && this.#launch !== null) {
      const launch = this.#launch;
      this.#launch = null;
      // A shell that ends by itself could not fork; one that is killed may have been killed before it opened the files.
      const began = signal !== null && existsSync(launch.output) && existsSync(launch.errors);
      this.#failures = began ? 0 : this.#failures + 1;
      const refused = began ? null : this.#note || 'the shell ended before the command began';
      this.#state = 'retiring';
      this.#handlers.ended({ status: null, signal: began ? signal : null, refused }, false);
    } else if (this.#state === 'starting') {
      this.#failed(new Error(this.#note || 'the shell ends as soon as it starts'));
      return;
    }
    if ((this.#state as State) === 'closed') return;
    if (this.#failures > 0) this.#pause();
    else this.#spawn();
  }
}
