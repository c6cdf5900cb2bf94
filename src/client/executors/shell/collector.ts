/** What the files of a command that has ended become: part of its result, files that the result names, or output for elsewhere. */
import type { ResultExtra } from '../../../task/result.ts';
import type { Execution } from '../../executor.ts';
import type { InheritedStreams } from './inherit.ts';
import type { Capture } from './options.ts';
import type { Redirection } from './redirection.ts';
import { type Captured, type CommandFiles, discard, keep, type Spool, sizeOf, type Unread } from './spool.ts';

export interface CollectorParts {
  readonly spool: Spool;
  readonly capture: Capture;
  readonly captureLimit: number;
  readonly inherited: InheritedStreams | null;
  readonly redirection: Redirection | null;
}

export interface Collected {
  readonly extra: ResultExtra | null;
  /** Settles with the redirection; null: nothing is redirected. */
  readonly redirected: Promise<void> | null;
}

/** The beginning of a stream, or why it was not read; null: there is none. */
type Output = Captured | Unread | null;

export class Collector {
  readonly #parts: CollectorParts;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** The files that a command is to write: those of its slot, or under the names that its result will tell, or none. */
  place(files: CommandFiles, { id, attempt }: Execution): CommandFiles {
    const { spool, capture: mode, redirection } = this.#parts;
    if (mode === 'none' || mode === 'lines') {
      const kept = (stream: 'stdout' | 'stderr', path: string): string => (redirection?.wants(stream) ? path : '/dev/null');
      return { ...files, output: kept('stdout', files.output), errors: kept('stderr', files.errors) };
    }
    if (mode !== 'files') return files;
    return { ...files, output: spool.resultPath(id, attempt, 'out'), errors: spool.resultPath(id, attempt, 'err') };
  }

  /** The command never began. */
  drop(files: CommandFiles): void {
    discardOwn(files.output);
    discardOwn(files.errors);
  }

  /**
   * null: no more files may be opened for now, and the output is to be asked for again. Not `patient`: what cannot be read stays in its file, which
   * the result names; output for elsewhere is waited for all the same.
   */
  collect(files: CommandFiles, execution: Execution, patient: boolean): Collected | null {
    const { capture: mode, redirection } = this.#parts;
    const outputs = mode === 'result' ? [this.#read(files.output), this.#read(files.errors)] : [];
    if (patient && outputs.includes('later')) return null;
    // Before anything else becomes of the files.
    const redirected = redirection?.add(files.output, files.errors) ?? null;
    if (redirected === 'later') return null;
    return { extra: this.#extra(files, execution, outputs), redirected };
  }

  #extra(files: CommandFiles, execution: Execution, outputs: readonly Output[]): ResultExtra | null {
    const { capture: mode, inherited } = this.#parts;
    switch (mode) {
      case 'none':
      case 'lines':
        this.drop(files);
        return null;
      case 'files':
        return { stdoutPath: files.output, stderrPath: files.errors };
      case 'inherit':
        inherited?.add(files.output, files.errors);
        return null;
      case 'result': {
        const extra: ResultExtra = {};
        this.#stream(files.output, outputs[0]!, extra, 'stdout', execution);
        this.#stream(files.errors, outputs[1]!, extra, 'stderr', execution);
        // An empty object costs bytes in every result on the wire and in the store.
        for (const _ in extra) return extra;
        return null;
      }
    }
  }

  #read(path: string): Output {
    const size = sizeOf(path);
    return size === 0 ? null : this.#parts.spool.capture(path, size, this.#parts.captureLimit);
  }

  #stream(path: string, output: Output, extra: ResultExtra, name: 'stdout' | 'stderr', execution: Execution): void {
    const captured = typeof output === 'string' ? null : output;
    if (captured !== null && captured.content.length > 0) extra[name] = captured.content;
    // What cannot be read (no file can be opened, the disk fails) is whole in its file.
    if (typeof output === 'string' || captured?.truncated) {
      const kept = this.#parts.spool.resultPath(execution.id, execution.attempt, name === 'stdout' ? 'out' : 'err');
      if (keep(path, kept)) {
        extra.truncated = true;
        extra[`${name}Path`] = kept;
        return;
      }
      if (captured !== null) extra.truncated = true;
    }
    discard(path);
  }
}

function discardOwn(path: string): void {
  if (path !== '/dev/null') discard(path);
}
