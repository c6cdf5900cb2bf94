/**
 * A file that lines are appended to while a run goes on: in their order, many to a write, at the latest after a second, and never in the way of the thread. The
 * first failure is told once; nothing is written after it. (Where each piece is to be written before one goes on: `redirect-file.ts`.)
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';

/** Text that waits is written after so long (ms), or when there is so much of it. */
const longestWait = 1_000;
const mostWaiting = 65_536;

/** Bytes that are looked at, from the end of a file, for its last line break. */
const lookBack = 65_536;

export interface AppendFileOptions {
  readonly clock: Clock;
  /** What a new file begins with. */
  readonly header: string;
  /** Keep what is in the file, but for a last line that was cut off. False: begin anew. */
  readonly keep: boolean;
  failed(error: Error): void;
}

export class AppendFile {
  readonly #file: FileHandle;
  readonly #options: AppendFileOptions;
  #waiting = '';
  #writing: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;
  #error: Error | null = null;

  /** Rejects with the error of the file system. */
  static async open(path: string, options: AppendFileOptions): Promise<AppendFile> {
    const file = await open(path, options.keep ? 'a+' : 'w', 0o600);
    try {
      const size = options.keep ? await cutToLines(file) : 0;
      const appending = new AppendFile(file, options);
      if (size === 0) appending.write(options.header);
      return appending;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(file: FileHandle, options: AppendFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  write(text: string): void {
    if (text === '' || this.#error !== null) return;
    this.#waiting += text;
    if (this.#writing !== null) return;
    if (this.#waiting.length >= mostWaiting) this.#flush();
    else
      this.#stopTimer ??= this.#options.clock.after(longestWait, () => {
        this.#stopTimer = null;
        if (this.#writing === null) this.#flush();
      });
  }

  /** Write what waits and close; rejects with the error that the file failed with. */
  async close(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = null;
    while (this.#writing !== null) await this.#writing;
    if (this.#waiting !== '' && this.#error === null) {
      this.#flush();
      while (this.#writing !== null) await this.#writing;
    }
    await this.#file.close().catch((error: Error) => this.#fail(error));
    if (this.#error !== null) throw this.#error;
  }

  #flush(): void {
    const text = this.#waiting;
    this.#waiting = '';
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#writing = this.#file
      .appendFile(text)
      .catch((error: Error) => this.#fail(error))
      .then(() => {
        this.#writing = null;
        const more = this.#waiting;
        this.#waiting = '';
        this.write(more);
      });
  }

  #fail(error: Error): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.#waiting = '';
    this.#options.failed(error);
  }
}

/** Drop what follows the last line break; the bytes that are left. */
async function cutToLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - lookBack);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
    const last = buffer.subarray(0, bytesRead).lastIndexOf(10);
    end = last === -1 ? from : from + last + 1;
    if (last !== -1) break;
  }
  if (end < size) await file.truncate(end);
  return end;
}
