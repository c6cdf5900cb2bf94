/**
 * The executor of shell commands: gives commands to lanes, and turns what is left of a command (status, signal, files) into its end.
 * It knows nothing of how a lane starts its processes.
 */
import { resolve } from 'node:path';
import { type Clock, pauseFor } from '../../../base/clock.ts';
import { MillraceError } from '../../../base/errors.ts';
import { libraryError, type ResultExtra } from '../../../task/result.ts';
import type { Execution, ExecutionEnd, Executor, ExecutorHandlers, OutputFiles, TaskSignal } from '../../executor.ts';
import type { Collector } from './collector.ts';
import { refusal } from './command-line.ts';
import type { InheritedStreams } from './inherit.ts';
import type { Lane, LaneEnd, LaneHandlers } from './lane.ts';
import type { LinePipes } from './line-pipes.ts';
import type { Monitor } from './monitor.ts';
import { OutputWatch } from './output-watch.ts';
import type { Redirection } from './redirection.ts';
import type { Run, Settled, Slot } from './slot.ts';
import { type CommandFiles, discard, type Spool } from './spool.ts';
import type { Watcher } from './watcher.ts';
import { directoryError } from './working-directory.ts';

/** How long a slot rests after a file could not be written, in ms. */
const fullDiskPause = 200;
/** How long output waits for a file that can be opened before its result names the file that it is in, and how often it is tried, in ms. */
const readPatience = 60_000;
const readPause = 50;

export interface ShellExecutorParts {
  readonly spool: Spool;
  readonly watcher: Watcher | null;
  readonly collector: Collector;
  readonly inherited: InheritedStreams | null;
  /** Output is read while commands run; null: it is not. */
  readonly lines: LinePipes | null;
  /** Output goes elsewhere as well; null: it does not. */
  readonly redirection: Redirection | null;
  /** null: nobody looks what commands use. */
  readonly monitor: Monitor | null;
  /** Commands are told the names of their files. */
  readonly tellPaths: boolean;
  readonly outputLimit: number | null;
  readonly keepFiles: boolean;
  readonly overlap: boolean;
  readonly clock: Clock;
  readonly makeLane: (handlers: LaneHandlers) => Lane;
}

/**
 * A slot is idle (no run, empty queue), running (a run), recovering (its lane has not said `ready` after an end), or delivering (the output of
 * its last command is on its way, and its end is told after that; it may be recovering too): a command that is started meanwhile waits. After
 * `close()` nothing is reported.
 */
export class ShellExecutor implements Executor {
  readonly #parts: ShellExecutorParts;
  readonly #handlers: ExecutorHandlers;
  readonly #slots: Slot[] = [];
  /** Resolves when every lane was ready once. */
  readonly ready: Promise<void>;
  #closed = false;
  readonly #outputWatch: OutputWatch | null;

  constructor(slots: number, parts: ShellExecutorParts, handlers: ExecutorHandlers) {
    this.#parts = parts;
    this.#handlers = handlers;
    const { outputLimit, clock } = parts;
    this.#outputWatch = outputLimit === null ? null : new OutputWatch(outputLimit, clock, (tooMuch) => this.#checkOutput(tooMuch));
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
          this.#slots.push({ lane, queue: [], run: null, recovering: false, delivering: 0, delivered: Promise.resolve(), commands: 0 });
        }),
      );
    }
    this.ready = Promise.all(firsts).then(() => {});
  }

  start(slot: number, executions: readonly Execution[]): void {
    const state = this.#slots[slot]!;
    state.queue.push(...executions);
    if (state.run === null && !state.recovering && state.delivering === 0) this.#next(slot, state);
  }

  signal(slot: number, signal: TaskSignal): void {
    this.#slots[slot]?.lane.signal(signal);
  }

  files(slot: number, key: number): OutputFiles | null {
    const run = this.#slots[slot]?.run ?? null;
    return run?.execution.key === key ? run.files : null;
  }

  /** Kills every process and keeps the spool and the watcher: another executor takes them over. */
  async closeLanes(): Promise<void> {
    this.#closed = true;
    this.#outputWatch?.close();
    this.#parts.monitor?.close();
    await Promise.all(this.#slots.map((slot) => slot.lane.close()));
  }

  async close(): Promise<void> {
    await this.closeLanes();
    this.#parts.lines?.close();
    await this.#parts.redirection?.close();
    await this.#parts.inherited?.drained();
    await this.#parts.watcher?.close();
    this.#parts.spool.remove(this.#parts.keepFiles);
  }

  #next(number: number, slot: Slot): void {
    const execution = slot.queue.shift();
    if (execution === undefined || this.#closed) return;
    const { clock, spool, collector, lines } = this.#parts;
    const cwd = execution.cwd === null ? null : resolve(execution.cwd);
    const startedAt = clock.wall();
    const at = clock.now();
    const bad = refusal(execution.command, execution.env) ?? (cwd === null ? null : directoryError(cwd));
    let files: CommandFiles | null = null;
    /** The same with pipes in place of its output. */
    let streamed: CommandFiles | null = null;
    let failure: MillraceError | null = null;
    if (bad === null) {
      try {
        files = collector.place(spool.files(number, slot.commands++, execution.input), execution);
        const copy = { stdout: files.output !== '/dev/null', stderr: files.errors !== '/dev/null' };
        streamed = lines?.begin(number, execution, files, copy) ?? null;
      } catch (error) {
        files = null;
        this.#mend();
        lines?.mend(number);
        failure = new MillraceError('ERR_SPAWN', `the input of a command cannot be written to ${spool.commands}`, { cause: error });
      }
    }
    if (files === null) {
      slot.run = { execution, files: spool.files(number, 0, null), startedAt, at, tooMuch: false, usage: null };
      // Not before start() has returned: its caller may not be ready for an answer. A full disk is not asked again at once.
      const answer = (): void => this.#refused(number, slot, bad, failure);
      if (failure === null) queueMicrotask(answer);
      else clock.after(fullDiskPause, answer);
      return;
    }
    slot.run = { execution, files, startedAt, at, tooMuch: false, usage: null };
    this.#outputWatch?.begin();
    const { tellPaths } = this.#parts;
    const env = tellPaths ? { TASK_OUTPATH: files.output, TASK_ERRPATH: files.errors, ...execution.env } : execution.env;
    const { input, output, errors, script } = streamed ?? files;
    slot.lane.start({ command: execution.command, env, cwd, input, output, errors, script, piped: streamed !== null });
    this.#parts.monitor?.begin(number, execution, at, () => slot.lane.tree);
  }

  /** `bad`: it can never run. `failure`: it could not now. */
  #refused(number: number, slot: Slot, bad: MillraceError | null, failure: MillraceError | null): void {
    const run = slot.run;
    if (run === null || this.#closed) return;
    slot.run = null;
    const end = this.#bareEnd(run, bad === null ? null : { error: libraryError(bad.code, bad.message) });
    const idle = slot.queue.length === 0;
    this.#handlers.ended(number, [failure === null ? end : { ...end, notStarted: failure }], idle);
    if (!idle) this.#next(number, slot);
  }

  #idle(number: number): void {
    const slot = this.#slots[number]!;
    if (this.#closed || !slot.recovering) return;
    slot.recovering = false;
    if (slot.delivering > 0) return;
    if (slot.queue.length > 0) this.#next(number, slot);
    else if (slot.run === null) this.#handlers.ended(number, [], true);
  }

  #ended(number: number, end: LaneEnd, idle: boolean): void {
    const slot = this.#slots[number]!;
    const run = slot.run;
    if (run === null || this.#closed) return;
    slot.run = null;
    slot.recovering = !idle;
    run.usage = this.#parts.monitor?.end(number) ?? null;
    const durationMs = this.#parts.clock.now() - run.at;
    if (this.#parts.lines !== null || this.#parts.redirection !== null || slot.delivering > 0) {
      this.#deliverNext(number, slot, run, end, durationMs);
      return;
    }
    let say = idle;
    if (idle && slot.queue.length > 0) {
      this.#next(number, slot);
      say = false;
    } else if (idle && this.#parts.overlap) {
      this.#handlers.ended(number, [], true);
      say = false;
    }
    const settled = this.#settle(run, end, durationMs, true);
    if (settled === null) this.#deliverNext(number, slot, run, end, durationMs);
    else this.#handlers.ended(number, [settled.ended], say);
  }

  /** The end is told when its output is where it belongs: what is recorded was delivered. The slot waits, and so a slow reader slows the commands. */
  #deliverNext(number: number, slot: Slot, run: Run, end: LaneEnd, durationMs: number): void {
    slot.delivering++;
    if (slot.run === null) this.#handlers.quiet?.(number);
    slot.delivered = slot.delivered.then(() => this.#deliver(number, slot, run, end, durationMs));
  }

  async #deliver(number: number, slot: Slot, run: Run, end: LaneEnd, durationMs: number): Promise<void> {
    try {
      await this.#parts.lines?.end(number);
      const { clock } = this.#parts;
      const until = clock.now() + readPatience;
      let settled: Settled | null = null;
      while (!this.#closed && settled === null) {
        settled = this.#settle(run, end, durationMs, clock.now() < until);
        if (settled === null) await pauseFor(clock, readPause);
      }
      await settled?.redirected;
      if (this.#closed || settled === null) return;
      slot.delivering--;
      const free = !slot.recovering && slot.run === null && slot.delivering === 0;
      const idle = free && slot.queue.length === 0;
      this.#handlers.ended(number, [settled.ended], idle);
      if (free && !idle) this.#next(number, slot);
    } catch (thrown) {
      if (!this.#closed) this.#handlers.failed(MillraceError.from(thrown, 'ERR_REDIRECT'));
    }
  }

  #bareEnd(run: Run, extra: ResultExtra | null): ExecutionEnd {
    const { startedAt, execution } = run;
    return { key: execution.key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra };
  }

  /** null: no more files may be opened for now; to be called again (`Collector.collect`). */
  #settle(run: Run, end: LaneEnd, durationMs: number, patient: boolean): Settled | null {
    const { execution, files, startedAt } = run;
    if (files.input !== '/dev/null') discard(files.input);
    if (execution.command.length > 30_000) discard(files.script);
    if (end.refused !== null) {
      this.#parts.collector.drop(files);
      this.#mend();
      const notStarted = new MillraceError('ERR_SPAWN', `the command could not be started: ${end.refused}`);
      return { ended: { ...this.#bareEnd(run, null), notStarted }, redirected: null };
    }
    const collected = this.#parts.collector.collect(files, execution, patient);
    if (collected === null) return null;
    let { extra } = collected;
    if (run.usage !== null) extra = { ...extra, ...run.usage };
    if (end.signal !== null) extra = { ...extra, signal: end.signal };
    if (run.tooMuch) {
      const limit = this.#parts.outputLimit;
      extra = { ...extra, error: libraryError('ERR_OUTPUT_LIMIT', `the command wrote more than ${limit} bytes and was killed`) };
    }
    const outcome = end.status === 0 && !run.tooMuch ? 'succeeded' : 'failed';
    const ended: ExecutionEnd = { key: execution.key, outcome, exitStatus: end.status, startedAt, durationMs, extra };
    return { ended, redirected: collected.redirected };
  }

  #mend(): void {
    try {
      this.#parts.spool.mend();
    } catch {
      // The disk or the limit that refused the command refuses this too; the next command will say so.
    }
  }

  /** Kills what has written too much; false: nothing runs. */
  #checkOutput(tooMuch: (files: CommandFiles) => boolean): boolean {
    let running = false;
    for (const { run, lane } of this.#slots) {
      if (run === null) continue;
      running = true;
      if (!tooMuch(run.files)) continue;
      run.tooMuch = true;
      lane.signal('SIGKILL');
    }
    return running;
  }
}
