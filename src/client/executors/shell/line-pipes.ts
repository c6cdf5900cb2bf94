/**
 * Output line by line, while commands run: two named pipes for each slot, and what is read from them as lines of the task that runs there.
 * Memory is bounded: of each stream one chunk (64 KiB) and the beginning of a line are held; while a chunk's lines are being dealt with nothing
 * more is read, and a command that goes on writing waits.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Clock } from '../../../base/clock.ts';
import { deferred } from '../../../base/deferred.ts';
import { MillraceError } from '../../../base/errors.ts';
import type { Execution, OutputLines } from '../../executor.ts';
import { LineSplitter } from './line-splitter.ts';
import { NamedPipe } from './named-pipe.ts';
import type { CommandFiles } from './spool.ts';

/** Paths given to one `mkfifo`. */
const batch = 1_000;

export interface LinePipesOptions {
  /** An existing private folder. */
  readonly folder: string;
  readonly slots: number;
  /** In which `mkfifo` is found. */
  readonly path: string | undefined;
  readonly clock: Clock;
  take(lines: OutputLines): void | Promise<void>;
  /** Taking failed: nothing can go on. */
  failed(error: MillraceError): void;
}

interface Stream {
  readonly pipe: NamedPipe;
  splitter: LineSplitter;
  /** Where all of it is kept as well; null: nowhere. */
  copy: number | null;
}

interface SlotPipes {
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** The task whose output it is. */
  execution: Execution | null;
}

const names = ['stdout', 'stderr'] as const;

export class LinePipes {
  readonly #options: LinePipesOptions;
  readonly #slots: readonly SlotPipes[];
  #closed = false;

  /** Rejects with ERR_SPAWN where there are no named pipes. */
  static async open(options: LinePipesOptions): Promise<LinePipes> {
    const pipes = new LinePipes(options);
    const paths = pipes.#slots.flatMap(({ stdout, stderr }) => [stdout.pipe.path, stderr.pipe.path]);
    for (let from = 0; from < paths.length; from += batch) await makePipes(paths.slice(from, from + batch), options.path);
    return pipes;
  }

  private constructor(options: LinePipesOptions) {
    this.#options = options;
    const stream = (path: string): Stream => ({ pipe: new NamedPipe(path, options.clock), splitter: new LineSplitter(), copy: null });
    this.#slots = Array.from({ length: options.slots }, (_, slot) => ({
      stdout: stream(`${options.folder}/${slot}.out`),
      stderr: stream(`${options.folder}/${slot}.err`),
      execution: null,
    }));
  }

  /** What the command of this execution is to write to. `copy`: the streams that are kept in the command's files as well. Throws what opening throws. */
  begin(slot: number, execution: Execution, files: CommandFiles, copy: { stdout: boolean; stderr: boolean }): CommandFiles {
    const pipes = this.#slots[slot]!;
    pipes.execution = execution;
    try {
      for (const name of names) {
        const stream = pipes[name];
        stream.splitter = new LineSplitter();
        if (copy[name]) stream.copy = openSync(name === 'stdout' ? files.output : files.errors, 'w', 0o600);
        stream.pipe.open(
          (chunk) => this.#take(slot, pipes, name, chunk),
          (thrown) => this.#options.failed(MillraceError.from(thrown)),
        );
      }
    } catch (error) {
      for (const name of names) {
        pipes[name].pipe.close();
        closeCopy(pipes[name]);
      }
      throw error;
    }
    return { ...files, output: pipes.stdout.pipe.path, errors: pipes.stderr.pipe.path };
  }

  /** Somebody removed the pipes of a slot: they are there again when its command is tried the next time. The folder is there. */
  mend(slot: number): void {
    const pipes = this.#slots[slot]!;
    void this.#renew(names.map((name) => pipes[name])).catch(() => {});
  }

  /** The slot's command is over: resolves when all of its lines were taken and the pipes are ready for the next. */
  async end(slot: number): Promise<void> {
    const pipes = this.#slots[slot]!;
    const clean = await Promise.all(names.map((name) => pipes[name].pipe.finish()));
    if (this.#closed) return;
    for (const name of names) {
      closeCopy(pipes[name]);
      await this.#tell(slot, pipes, name, pipes[name].splitter.end());
    }
    pipes.execution = null;
    const held = names.filter((_, i) => !clean[i]).map((name) => pipes[name]);
    if (held.length > 0 && !this.#closed) await this.#renew(held);
  }

  close(): void {
    this.#closed = true;
    for (const pipes of this.#slots) {
      for (const name of names) {
        pipes[name].pipe.close();
        closeCopy(pipes[name]);
      }
    }
  }

  async #renew(streams: readonly Stream[]): Promise<void> {
    const paths = streams.map(({ pipe }) => pipe.path);
    for (const path of paths) rmSync(path, { force: true });
    await makePipes(paths, this.#options.path);
  }

  #take(slot: number, pipes: SlotPipes, name: (typeof names)[number], chunk: Buffer): void | Promise<void> {
    const stream = pipes[name];
    if (stream.copy !== null) {
      try {
        writeSync(stream.copy, chunk);
      } catch (cause) {
        this.#options.failed(new MillraceError('ERR_REDIRECT', 'output on its way cannot be written to the spool folder', { cause }));
      }
    }
    return this.#tell(slot, pipes, name, stream.splitter.push(chunk));
  }

  #tell(slot: number, pipes: SlotPipes, stream: (typeof names)[number], lines: readonly string[]): void | Promise<void> {
    if (lines.length === 0 || pipes.execution === null) return;
    const { id, attempt } = pipes.execution;
    return this.#options.take({ id, attempt, slot, stream, lines });
  }
}

function closeCopy(stream: Stream): void {
  if (stream.copy !== null) closeSync(stream.copy);
  stream.copy = null;
}

async function makePipes(paths: readonly string[], path: string | undefined): Promise<void> {
  const refused = (cause: unknown): MillraceError =>
    new MillraceError('ERR_SPAWN', 'output cannot be read line by line here: `mkfifo` makes no named pipes in the spool folder', { cause });
  const done = deferred<void>();
  try {
    const child = spawn('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore', env: path === undefined ? {} : { PATH: path } });
    child.once('error', (error) => done.reject(refused(error)));
    child.once('exit', (status) => (status === 0 ? done.resolve() : done.reject(refused(new Error(`mkfifo ended with ${status}`)))));
  } catch (error) {
    throw refused(error);
  }
  await done.promise;
}
