/**
 * The executor of shell commands: gives commands to lanes, and turns what is left of a command (status, signal, files) into its end.
 * It knows nothing of how a lane starts its processes.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { ResultExtra } from '../../../task/result.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, TaskSignal } from '../../executor.ts';
import { refusal } from './command-line.ts';
import type { InheritedStreams } from './inherit.ts';
import type { Lane, LaneEnd, LaneHandlers } from './lane.ts';
import type { Capture } from './options.ts';
import { type CommandFiles, capture, discard, keep, type Spool, sizeOf } from './spool.ts';
import type { Watcher } from './watcher.ts';

/** How often the size of running commands' output is looked at, in ms. */
const limitInterval = 1_000;
/** How long a slot rests after a file could not be written, in ms. */
const fullDiskPause = 200;

export interface ShellExecutorParts {
  readonly spool: Spool;
  readonly watcher: Watcher | null;
  readonly inherited: InheritedStreams | null;
  readonly capture: Capture;
  readonly captureLimit: number;
  readonly outputLimit: number | null;
  readonly keepFiles: boolean;
  readonly overlap: boolean;
  readonly clock: Clock;
  readonly makeLane: (handlers: LaneHandlers) => Lane;
}

interface Run {
  readonly execution: Execution;
  readonly files: CommandFiles;
  /** By the wall clock, and by the monotonic one. */
  readonly startedAt: number;
  readonly at: number;
  tooMuch: boolean;
}

interface Slot {
  readonly lane: Lane;
  readonly queue: Execution[];
  run: Run | null;
  /** The lane has a new shell to make before it is idle again. */
  recovering: boolean;
  commands: number;
}

function directoryError(cwd: string): MillraceError | null {
  try {
    if (!statSync(cwd).isDirectory()) return new MillraceError('ERR_CWD', `the working directory ${cwd} is not a directory`);
    accessSync(cwd, constants.X_OK);
    return null;
  } catch (cause) {
    return new MillraceError('ERR_CWD', `the working directory ${cwd} does not exist on this client or may not be entered`, { cause });
  }
}

/**
 * A slot is idle (no run, empty queue), running (a run), or recovering (its lane has not said `ready` after an end): a command that is
 * started meanwhile is kept by the lane. After `close()` nothing is reported.
 */
export class ShellExecutor implements Executor {
  readonly #parts: ShellExecutorParts;
  readonly #handlers: ExecutorHandlers;
  readonly #slots: Slot[] = [];
  /** Resolves when every lane was ready once. */
  readonly ready: Promise<void>;
  #closed = false;
  #stopChecks: (() => void) | null = null;

  constructor(slots: number, parts: ShellExecutorParts, handlers: ExecutorHandlers) {
    this.#parts = parts;
    this.#handlers = handlers;
    const firsts: Promise<void>[] = [];
    for (let number = 0; number < slots; number++) {
      firsts.push(
        new Promise<void>((stands, fails) => {
          let first = true;
          const lane = parts.makeLane({
            ended: (end, idle) => this.#ended(number, end, idle),
            ready: () => {
              if (first) stands();
              else this.#idle(number);
              first = false;
            },
            broken: (error) => {
              if (first) fails(error);
              else if (!this.#closed) handlers.failed(error);
            },
          });
          this.#slots.push({ lane, queue: [], run: null, recovering: false, commands: 0 });
        }),
      );
    }
    this.ready = Promise.all(firsts).then(() => {});
  }

  start(slot: number, executions: readonly Execution[]): void {
    const state = this.#slots[slot]!;
    state.queue.push(...executions);
    if (state.run === null && !state.recovering) this.#next(slot, state);
  }

  signal(slot: number, signal: TaskSignal): void {
    this.#slots[slot]?.lane.signal(signal);
  }

  /** Kills every process and keeps the spool and the watcher: another executor takes them over. */
  async closeLanes(): Promise<void> {
    this.#closed = true;
    this.#stopChecks?.();
    await Promise.all(this.#slots.map((slot) => slot.lane.close()));
  }

  async close(): Promise<void> {
    await this.closeLanes();
    await this.#parts.inherited?.drained();
    await this.#parts.watcher?.close();
    this.#parts.spool.remove(this.#parts.keepFiles);
  }

  #next(number: number, slot: Slot): void {
    const execution = slot.queue.shift();
    if (execution === undefined || this.#closed) return;
    const { clock, spool } = this.#parts;
    const cwd = execution.cwd === null ? null : resolve(execution.cwd);
    const startedAt = clock.wall();
    const at = clock.now();
    const bad = refusal(execution.command, execution.env) ?? (cwd === null ? null : directoryError(cwd));
    let files: CommandFiles | null = null;
    let failure: MillraceError | null = null;
    if (bad === null) {
      try {
        files = this.#files(number, slot.commands++, execution);
      } catch (error) {
        failure = new MillraceError('ERR_SPAWN', `the input of a command cannot be written to ${spool.commands}`, { cause: error });
      }
    }
    if (files === null) {
      slot.run = { execution, files: spool.files(number, 0, null), startedAt, at, tooMuch: false };
      // Not before start() has returned: its caller may not be ready for an answer. A full disk is not asked again at once.
      const answer = (): void => this.#refused(number, slot, bad, failure);
      if (failure === null) queueMicrotask(answer);
      else clock.after(fullDiskPause, answer);
      return;
    }
    slot.run = { execution, files, startedAt, at, tooMuch: false };
    if (this.#parts.outputLimit !== null && this.#stopChecks === null) this.#checkLater();
    slot.lane.start({ command: execution.command, env: execution.env, cwd, ...files });
  }

  #files(number: number, n: number, execution: Execution): CommandFiles {
    const { spool, capture: mode } = this.#parts;
    const files = spool.files(number, n, execution.input);
    if (mode === 'none') return { ...files, output: '/dev/null', errors: '/dev/null' };
    if (mode !== 'files') return files;
    const { id, attempt } = execution;
    return { ...files, output: spool.resultPath(id, attempt, 'out'), errors: spool.resultPath(id, attempt, 'err') };
  }

  /** `bad`: it can never run. `failure`: it could not now. */
  #refused(number: number, slot: Slot, bad: MillraceError | null, failure: MillraceError | null): void {
    const run = slot.run;
    if (run === null || this.#closed) return;
    slot.run = null;
    const end = this.#bareEnd(run, bad === null ? null : { error: taskError(bad) });
    const idle = slot.queue.length === 0;
    this.#handlers.ended(number, [failure === null ? end : { ...end, notStarted: failure }], idle);
    if (!idle) this.#next(number, slot);
  }

  #idle(number: number): void {
    const slot = this.#slots[number]!;
    if (this.#closed || !slot.recovering) return;
    slot.recovering = false;
    if (slot.queue.length > 0) this.#next(number, slot);
    else if (slot.run === null) this.#handlers.ended(number, [], true);
  }

  #ended(number: number, end: LaneEnd, idle: boolean): void {
    const slot = this.#slots[number]!;
    const run = slot.run;
    if (run === null || this.#closed) return;
    slot.run = null;
    slot.recovering = !idle;
    const durationMs = this.#parts.clock.now() - run.at;
    let say = idle;
    if (idle && slot.queue.length > 0) {
      this.#next(number, slot);
      say = false;
    } else if (idle && this.#parts.overlap) {
      this.#handlers.ended(number, [], true);
      say = false;
    }
    this.#handlers.ended(number, [this.#settle(run, end, durationMs)], say);
  }

  #bareEnd(run: Run, extra: ResultExtra | null): ExecutionEnd {
    const { startedAt, execution } = run;
    return { key: execution.key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra };
  }

  #settle(run: Run, end: LaneEnd, durationMs: number): ExecutionEnd {
    const { execution, files, startedAt } = run;
    if (files.input !== '/dev/null') discard(files.input);
    if (execution.command.length > 30_000) discard(files.script);
    if (end.refused !== null) {
      if (this.#parts.capture !== 'none') {
        discard(files.output);
        discard(files.errors);
      }
      this.#mend();
      const notStarted = new MillraceError('ERR_SPAWN', `the command could not be started: ${end.refused}`);
      return { ...this.#bareEnd(run, null), notStarted };
    }
    let extra: ResultExtra | null = this.#collect(run);
    if (end.signal !== null) extra = { ...extra, signal: end.signal };
    if (run.tooMuch) {
      const limit = this.#parts.outputLimit;
      extra = {
        ...extra,
        error: taskError(new MillraceError('ERR_OUTPUT_LIMIT', `the command wrote more than ${limit} bytes and was killed`)),
      };
    }
    const outcome = end.status === 0 && !run.tooMuch ? 'succeeded' : 'failed';
    return { key: execution.key, outcome, exitStatus: end.status, startedAt, durationMs, extra };
  }

  #mend(): void {
    try {
      this.#parts.spool.mend();
    } catch {
      // The disk or the limit that refused the command refuses this too; the next command will say so.
    }
  }

  #collect(run: Run): ResultExtra | null {
    const { files, execution } = run;
    const mode = this.#parts.capture;
    if (mode === 'none') return null;
    if (mode === 'files') return { stdoutPath: files.output, stderrPath: files.errors };
    if (mode === 'inherit') {
      this.#parts.inherited?.add(files.output, files.errors);
      return null;
    }
    const extra: ResultExtra = {};
    this.#stream(files.output, extra, 'stdout', execution);
    this.#stream(files.errors, extra, 'stderr', execution);
    // An empty object costs bytes in every result on the wire and in the store.
    for (const _ in extra) return extra;
    return null;
  }

  #stream(path: string, extra: ResultExtra, name: 'stdout' | 'stderr', execution: Execution): void {
    const size = sizeOf(path);
    const captured = size === 0 ? null : capture(path, size, this.#parts.captureLimit);
    if (captured !== null) {
      if (captured.content.length > 0) extra[name] = captured.content;
      if (captured.truncated) {
        extra.truncated = true;
        const kept = this.#parts.spool.resultPath(execution.id, execution.attempt, name === 'stdout' ? 'out' : 'err');
        if (keep(path, kept)) {
          extra[`${name}Path`] = kept;
          return;
        }
      }
    }
    discard(path);
  }

  #checkLater(): void {
    this.#stopChecks = this.#parts.clock.after(
      limitInterval,
      () => {
        this.#stopChecks = null;
        let running = false;
        for (const slot of this.#slots) {
          if (slot.run === null) continue;
          running = true;
          if (sizeOf(slot.run.files.output) + sizeOf(slot.run.files.errors) <= this.#parts.outputLimit!) continue;
          slot.run.tooMuch = true;
          slot.lane.signal('SIGKILL');
        }
        if (running) this.#checkLater();
      },
      { unref: true },
    );
  }
}

function taskError(error: MillraceError): NonNullable<ResultExtra['error']> {
  return { name: error.name, message: error.message, code: error.code, stack: null };
}
