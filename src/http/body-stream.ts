/** A body that is sent as it comes: what gives it is read once, no faster than it is sent, and let go of when its request has ended. */
import { Buffer } from 'node:buffer';
import { MillraceError } from '../base/errors.ts';
import { roundEnd } from '../base/tick.ts';

type Next = IteratorResult<unknown, unknown>;

/** Small chunks go together up to so much (bytes): one by one a line costs 13 µs, together 5. */
const longestPiece = 65_536;

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

  /** What came within a round of the event loop, as one. The loop turns between two of them: a source that never waits must not hold up time-outs and answers. */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      let next = ask(this.#iterator);
      while (!this.#ended) {
        let came: Next | null = await next;
        const round = roundEnd();
        const pieces: Uint8Array[] = [];
        let size = 0;
        while (came !== null && came.done !== true) {
          const piece = bytesOf(came.value);
          pieces.push(piece);
          size += piece.length;
          next = ask(this.#iterator);
          came = size < longestPiece ? await Promise.race([next, round]) : null;
        }
        this.#ended ||= came?.done === true;
        if (size > 0) yield pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size);
        await round;
      }
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

/** The next one, which is asked for before the last one is sent: who waits for it hears of a failure, and nobody has to. */
function ask(iterator: AsyncIterator<unknown>): Promise<Next> {
  const next = Promise.resolve(iterator.next());
  next.catch(() => {});
  return next;
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  throw new MillraceError('ERR_OPTION', `a body that comes in pieces must have texts or bytes in it, not ${typeof value}`);
}
