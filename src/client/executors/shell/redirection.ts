/**
 * The whole output of commands on its way elsewhere, to sinks that somebody else made: one task after the other in the order of their
 * ending, each stream in pieces, so that output of any length needs the memory of one piece. What becomes of the files meanwhile does
 * not matter: they are open.
 */
import { close, closeSync, fstat, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { isOutOfFiles } from './spool.ts';

/** Takes bytes, one piece after the other, which are its own from then on (memory that no pool shares); resolves when they were written, rejects when they cannot be. */
export interface OutputSink {
  write(bytes: Uint8Array): Promise<void>;
  /** After the last write. */
  close(): Promise<void>;
}

/** Where the output of commands goes as well; null: nowhere. */
export interface OutputSinks {
  readonly stdout: OutputSink | null;
  readonly stderr: OutputSink | null;
}

/** Bytes of one piece. */
const pieceBytes = 256 * 1024;

const readAt = promisify(read);
const closeFile = promisify(close);
const sizeAt = promisify(fstat);

export class Redirection {
  readonly #sinks: OutputSinks;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(sinks: OutputSinks) {
    this.#sinks = sinks;
  }

  /** Whether this stream goes anywhere. */
  wants(stream: 'stdout' | 'stderr'): boolean {
    return this.#sinks[stream] !== null;
  }

  /**
   * The output of a command that has ended: it may be renamed or removed as soon as this returns. Resolves when all of it was written.
   * 'later': no more files may be opened for now, nothing was added.
   */
  add(output: string, errors: string): Promise<void> | 'later' {
    const files: (readonly [number, OutputSink])[] = [];
    for (const [path, sink] of [[output, this.#sinks.stdout] as const, [errors, this.#sinks.stderr] as const]) {
      const file = sink === null ? null : opened(path);
      if (file === 'later') {
        for (const [open] of files) closeSync(open);
        return 'later';
      }
      if (file !== null && sink !== null) files.push([file, sink]);
    }
    const written = this.#last.then(() => this.#copy(files));
    this.#last = written.catch(() => {});
    return written;
  }

  /** Gives up what was not written yet; resolves when the sinks are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#sinks.stdout?.close(), this.#sinks.stderr?.close()]);
    await this.#last;
  }

  async #copy(files: readonly (readonly [number, OutputSink])[]): Promise<void> {
    try {
      for (const [file, sink] of files) {
        // What a process in the background adds from now on is not the command's.
        const { size } = await sizeAt(file);
        for (let at = 0; at < size && !this.#closed; ) {
          const { bytesRead, buffer } = await readAt(
            file,
            Buffer.allocUnsafeSlow(Math.min(pieceBytes, size - at)),
            0,
            Math.min(pieceBytes, size - at),
            at,
          );
          if (bytesRead === 0) break;
          at += bytesRead;
          await sink.write(bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead));
        }
      }
    } finally {
      for (const [file] of files) await closeFile(file);
    }
  }
}

function opened(path: string): number | 'later' | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isOutOfFiles(error)) return 'later';
    // The command never began, or somebody emptied the spool.
    return null;
  }
}
