/** A body that is sent as it comes: what gives it is read once, no faster than it is sent, and let go of when its request has ended. */
import { MillraceError } from '../base/errors.ts';

type Chunk = Uint8Array | string;

export class BodyStream {
  readonly #source: AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | null = null;
  #ended = false;
  /** What its source threw. */
  failure: { readonly thrown: unknown } | null = null;

  constructor(source: AsyncIterable<unknown>) {
    this.#source = source;
    // A stream may fail before it is read, a file that is not there: it tells that to its reader then, and without a listener would end the process.
    const stream = source as { on?: (event: 'error', listener: () => void) => unknown };
    if (typeof stream.on === 'function') stream.on('error', () => {});
  }

  async *chunks(): AsyncGenerator<Chunk, void, void> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      for (let next = await this.#iterator.next(); next.done !== true; next = await this.#iterator.next()) yield chunkOf(next.value);
      this.#ended = true;
    } catch (thrown) {
      this.failure ??= { thrown };
      throw thrown;
    }
  }

  /** Nothing more is wanted. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    // A stream that waits for more would let `return` wait, too.
    const stream = this.#source as { destroy?: () => unknown };
    if (typeof stream.destroy === 'function') stream.destroy();
    else void this.#iterator?.return?.()?.catch(() => {});
  }
}

function chunkOf(value: unknown): Chunk {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new MillraceError('ERR_OPTION', `a body that comes in pieces must have texts or bytes in it, not ${typeof value}`);
}
