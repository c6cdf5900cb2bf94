/**
 * A lane that starts a process for each command: slower (0.43 of `xargs -P2`, and slower as the host grows), but it asks nothing of the
 * shell. Used where the self-test of the slots fails and where there is no `/bin/sh`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { type Clock, pauseFor } from '../../../base/clock.ts';
import { MillraceError, reasonOf } from '../../../base/errors.ts';
import type { TaskSignal } from '../../executor.ts';
import { type Lane, type LaneHandlers, type Launch, type ProcessTree, signalGroup } from './lane.ts';
import { longestArgument } from './options.ts';
import type { Watcher } from './watcher.ts';

export interface SpawnLaneOptions {
  /** null: what the system calls its shell. */
  readonly shell: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly watcher: Pick<Watcher, 'add' | 'remove'> | null;
  readonly clock: Clock;
}

/** Wait before the lane is ready again after a process could not be had, in ms. */
const pause = 200;
const mostFailures = 300;

/**
 * The command is let go by a line on descriptor 3, after the watcher has its number: were this process killed between the two, nobody
 * would end it. Where the line does not come it ends by itself. The second shell begins as if there had been no first one.
 */
const gate = 'IFS= read -r MILLRACE_GATE <&3 || exit 126; exec 3<&-; exec "$0" "$@"';

/**
 * idle: no child. running: `#child` is the command's. Groups that outlive their command are kept in `#leftovers` until the lane is
 * closed; a command that was signalled takes its whole group along.
 */
export class SpawnLane implements Lane {
  readonly #options: SpawnLaneOptions;
  readonly #handlers: LaneHandlers;
  readonly #leftovers = new Set<number>();
  #child: ChildProcess | null = null;
  #signalled = false;
  #closed = false;
  #failures = 0;
  #cancelWait: (() => void) | null = null;
  #gone: (() => void) | null = null;

  constructor(options: SpawnLaneOptions, handlers: LaneHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    queueMicrotask(() => {
      if (!this.#closed) handlers.ready();
    });
  }

  get tree(): ProcessTree | null {
    const group = this.#child?.pid;
    return group === undefined ? null : { group, leader: true };
  }

  start(launch: Launch): void {
    this.#signalled = false;
    const files: number[] = [];
    let child: ChildProcess;
    try {
      files.push(openSync(launch.input, 'r'), openSync(launch.output, 'w', 0o600), openSync(launch.errors, 'w', 0o600));
      child = this.#spawn(launch, files);
    } catch (error) {
      queueMicrotask(() => this.#refused(error));
      return;
    } finally {
      for (const file of files) closeSync(file);
    }
    this.#child = child;
    if (child.pid === undefined) {
      child.once('error', (error) => this.#refused(error));
      return;
    }
    this.#options.watcher?.add(child.pid);
    letGo(child);
    child.once('exit', (status, signal) => this.#ended(child, status, signal));
  }

  signal(signal: TaskSignal): void {
    const child = this.#child;
    if (child?.pid === undefined) return;
    this.#signalled = true;
    if (!signalGroup(child.pid, signal)) child.kill(signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWait?.();
    const child = this.#child;
    if (child?.pid !== undefined) {
      const gone = new Promise<void>((resolve) => {
        this.#gone = resolve;
      });
      this.#leftovers.add(child.pid);
      if (!signalGroup(child.pid, 'SIGKILL')) child.kill('SIGKILL');
      await gone;
    }
    for (const group of this.#leftovers) signalGroup(group, 'SIGKILL');
    for (const group of this.#leftovers) {
      for (let tries = 0; tries < 200 && signalGroup(group, 0); tries++) {
        await pauseFor(this.#options.clock, 2);
      }
      this.#options.watcher?.remove(group);
    }
  }

  #spawn(launch: Launch, stdio: number[]): ChildProcess {
    const options = {
      stdio: stdio as [number, number, number],
      detached: true,
      windowsHide: true,
      env: { ...this.#options.environment, ...launch.env },
      ...(launch.cwd === null ? {} : { cwd: launch.cwd }),
    };
    const { shell, watcher } = this.#options;
    if (shell === null) return spawn(launch.command, { ...options, shell: true });
    // A first - or + would be read as an option of the shell.
    let order = ['-c', /^[-+]/.test(launch.command) ? ` ${launch.command}` : launch.command];
    if (Buffer.byteLength(launch.command) >= longestArgument) {
      writeFileSync(launch.script, launch.command, { mode: 0o600 });
      order = [launch.script];
    }
    if (watcher === null) return spawn(shell, order, options);
    return spawn(shell, ['-c', gate, shell, ...order], { ...options, stdio: [...stdio, 'pipe'] });
  }

  #ended(child: ChildProcess, status: number | null, signal: NodeJS.Signals | null): void {
    const pid = child.pid!;
    this.#child = null;
    this.#failures = 0;
    if (this.#signalled) signalGroup(pid, 'SIGKILL');
    if (signalGroup(pid, 0)) this.#leftovers.add(pid);
    else this.#options.watcher?.remove(pid);
    this.#gone?.();
    for (const group of this.#leftovers) {
      if (signalGroup(group, 0)) continue;
      this.#leftovers.delete(group);
      this.#options.watcher?.remove(group);
    }
    if (!this.#closed) this.#handlers.ended({ status, signal, refused: null }, true);
  }

  #refused(error: unknown): void {
    this.#child = null;
    if (this.#closed) return;
    const reason = reasonOf(error);
    this.#handlers.ended({ status: null, signal: null, refused: reason }, false);
    if (++this.#failures > mostFailures) {
      this.#handlers.broken(new MillraceError('ERR_SPAWN', `no command can be started: ${reason}`, { cause: error }));
      return;
    }
    this.#cancelWait = this.#options.clock.after(pause, () => this.#handlers.ready());
  }
}

function letGo(child: ChildProcess): void {
  const opener = child.stdio[3] as Writable | null | undefined;
  if (!opener) return;
  // One that was killed at once leaves nobody to read it.
  opener.on('error', () => {});
  opener.end('\n', () => opener.destroy());
}
