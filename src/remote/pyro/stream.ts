/** The items of a method of Python that returns an iterator or generator: each is asked for when it is wanted, so that nothing is made ahead. */
import { MillraceError } from '../../base/errors.ts';
import { isEndOfStream } from './exceptions.ts';

export interface StreamSource {
  /** The next item. */
  next(id: string): Promise<unknown>;
  /** Nobody wants more: not answered. */
  close(id: string): void;
}

/** States. *open*. *ended*: by its end, an error of the generator, or `return` (what leaving a loop calls); every further step is done. */
export class PyroStream implements AsyncIterableIterator<unknown> {
  readonly #source: StreamSource;
  readonly #id: string;
  #ended = false;

  constructor(source: StreamSource, id: string) {
    this.#source = source;
    this.#id = id;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** An item is lost with the connection that carried it; the next step connects again, and goes on behind it where the daemon still has the stream. */
  async next(): Promise<IteratorResult<unknown>> {
    if (this.#ended) return { done: true, value: undefined };
    try {
      return { done: false, value: await this.#source.next(this.#id) };
    } catch (error) {
      const lost = error instanceof MillraceError && (error.code === 'ERR_CONNECTION_CLOSED' || error.code === 'ERR_TIMEOUT');
      if (!lost) this.#ended = true;
      if (isEndOfStream(error)) return { done: true, value: undefined };
      throw error;
    }
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    if (!this.#ended) this.#source.close(this.#id);
    this.#ended = true;
    return { done: true, value };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
