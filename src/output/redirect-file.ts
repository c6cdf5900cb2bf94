/**
 * A file that text or bytes are redirected to, piece after piece in the order of the calls: what is in it stays, what other processes append
 * too, and each piece is written before its promise resolves. A file that is made is for this user only (0600).
 */
import { close, open, write } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, pauseFor, systemClock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeFile = promisify(write);

/** A standard stream that is a socket cannot be opened by its name (ENXIO). */
const standard: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2, '/dev/fd/1': 1, '/dev/fd/2': 2 };

/** How long to wait before a stream that takes nothing now is tried again, in ms. */
const fullPause = 5;

export class RedirectFile {
  readonly path: string;
  readonly #file: number;
  readonly #owned: boolean;
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  /** Rejects with ERR_REDIRECT when the file can be neither opened nor made. */
  static async open(path: string, clock: Clock = systemClock): Promise<RedirectFile> {
    try {
      return new RedirectFile(path, await openFile(path, 'a', 0o600), true, clock);
    } catch (cause) {
      const known = standard[path];
      if (known !== undefined) return new RedirectFile(path, known, false, clock);
      const reason = reasonOf(cause);
      throw new MillraceError('ERR_REDIRECT', `${path} cannot be appended to (${reason}): check the path, its folder and their owner`, {
        cause,
      });
    }
  }

  private constructor(path: string, file: number, owned: boolean, clock: Clock) {
    this.path = path;
    this.#file = file;
    this.#owned = owned;
    this.#clock = clock;
  }

  /** Resolves when all of it was written; rejects with ERR_REDIRECT when it cannot be (a full disk). */
  write(content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const written = this.#last.then(() => this.#write(bytes));
    this.#last = written.catch(() => {});
    return written;
  }

  /** Resolves when what was given to `write` is written and the file is closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    if (this.#owned) await closeFile(this.#file);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      try {
        const { bytesWritten } = await writeFile(this.#file, bytes, from, bytes.length - from, null);
        from += bytesWritten;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') {
          await pauseFor(this.#clock, fullPause);
          continue;
        }
        const reason = reasonOf(cause);
        throw new MillraceError('ERR_REDIRECT', `${this.path} cannot be written (${reason})`, { cause });
      }
    }
  }
}
