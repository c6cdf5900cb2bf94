/**
 * A stream of the user's that text or bytes are redirected to. An error of the stream never ends the process, whether or not it belongs to a
 * write, until this side lets go of it; the stream stays open.
 */
import type { Writable } from 'node:stream';
import { MillraceError, reasonOf } from '../base/errors.ts';

export class RedirectStream {
  readonly #stream: Writable;
  readonly #name: string;
  readonly #broken: (cause: Error) => void;

  /** `name`: what it is, for messages. `failed`: the stream failed, also when nothing was being written to it. */
  constructor(stream: Writable, name: string, failed: (error: MillraceError) => void) {
    this.#stream = stream;
    this.#name = name;
    this.#broken = (cause) => failed(this.#unwritable(cause));
    // Whoever made it may have given it nothing but a `write`.
    if (typeof stream.on === 'function') stream.on('error', this.#broken);
  }

  /** Resolves when the stream has taken it; rejects with ERR_REDIRECT when it cannot. */
  write(content: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      try {
        this.#stream.write(content, (cause?: Error | null) => (cause ? reject(this.#unwritable(cause)) : resolve()));
      } catch (thrown) {
        reject(this.#unwritable(thrown));
      }
    });
  }

  /** Nothing will be written any more. */
  release(): void {
    if (typeof this.#stream.removeListener === 'function') this.#stream.removeListener('error', this.#broken);
  }

  #unwritable(cause: unknown): MillraceError {
    return new MillraceError('ERR_REDIRECT', `${this.#name} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}
