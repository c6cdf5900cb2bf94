/**
 * The shell command of a template's `{% … %}`: a process of its own for each line, in a group of its own. It costs a `spawn` of the client's
 * thread, some ms; the event loop goes on while it runs.
 *
 * Its standard input is a lifeline: a second process of the group waits for its end and then kills the group. So nothing is left when
 * this process dies, however it dies, nor of what the command put into the background.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { TaskSignal } from '../../executor.ts';

const longestRun = 10_000;
const mostOutput = 64 * 1024;
const mostErrors = 4 * 1024;

const script = 'exec 3<&0 0</dev/null; (cat <&3; kill -KILL 0) >/dev/null 2>&1 & exec /bin/sh -c "$1" 3<&-';

export interface PartLaunch {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly clock: Clock;
}

export class PartCommand {
  /** What it printed, without trailing white space. Rejects with ERR_TEMPLATE: a status other than 0, a signal, too much, too long. */
  readonly output: Promise<string>;
  readonly #child: ChildProcess;
  readonly #command: string;
  #refused: string | null = null;

  constructor(command: string, { env, cwd, clock }: PartLaunch) {
    this.#command = command;
    this.#child = spawn('/bin/sh', ['-c', script, 'sh', command], {
      stdio: 'pipe',
      detached: true,
      windowsHide: true,
      env: { ...env },
      ...(cwd === null ? {} : { cwd }),
    });
    this.output = this.#run(clock);
  }

  /** To its whole group. */
  signal(signal: TaskSignal): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // It is gone.
    }
  }

  #run(clock: Clock): Promise<string> {
    const child = this.#child;
    const printed: Buffer[] = [];
    const complained: Buffer[] = [];
    let size = 0;
    let errors = 0;
    const stopTimer = clock.after(longestRun, () => this.#refuse(`took longer than ${longestRun / 1_000} s`));
    child.stdin?.on('error', nothing);
    child.stdout?.on('data', (bytes: Buffer) => {
      size += bytes.length;
      if (size <= mostOutput) printed.push(bytes);
      else this.#refuse(`printed more than ${mostOutput / 1024} KiB`);
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      if (errors < mostErrors) complained.push(bytes.subarray(0, mostErrors - errors));
      errors += bytes.length;
    });
    return new Promise((resolve, reject) => {
      child.once('error', (cause) => {
        stopTimer();
        reject(this.#failure(`could not be started: ${cause.message}`, '', cause));
      });
      // What it left behind may hold its output open, and ends with it.
      child.once('exit', () => {
        stopTimer();
        child.stdin?.destroy();
        this.signal('SIGKILL');
      });
      child.once('close', (status: number | null, signal: NodeJS.Signals | null) => {
        const how = this.#refused ?? (signal === null ? (status === 0 ? null : `ended with status ${status}`) : `was ended by ${signal}`);
        if (how === null) resolve(Buffer.concat(printed).toString().trimEnd());
        else reject(this.#failure(how, Buffer.concat(complained).toString().trim()));
      });
    });
  }

  #refuse(reason: string): void {
    this.#refused ??= reason;
    this.signal('SIGKILL');
  }

  #failure(how: string, stderr: string, cause?: unknown): MillraceError {
    const said = stderr === '' ? '' : `: ${stderr}`;
    return new MillraceError('ERR_TEMPLATE', `the template's {% ${this.#command.slice(0, 200)} %} ${how}${said}`, { cause });
  }
}

function nothing(): void {}
