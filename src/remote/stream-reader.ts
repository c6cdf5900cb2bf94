/**
 * The side of a stream that reads: an `AsyncIterable` of what the other side has, with a window of what may be on its way. Nothing is asked for before the first
 * item is. After a lost connection it reads on over the next one, where the other side keeps it for a while.
 */
import { MillraceError } from '../base/errors.ts';
import { streamWindow } from './stream-source.ts';

/** What the stream says to the other side now. */
export interface ReaderLink {
  /** It takes so much in all, by weight. */
  grant(total: number): void;
  /** It is not read any more. */
  quit(): void;
}

interface Waiting {
  resolve(step: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
  /** Who asks: a stream that is asked for an item is in use, whoever else holds it. */
  readonly user: object;
}

interface Chunk {
  readonly items: readonly unknown[];
  readonly weight: number;
}

const done: IteratorResult<unknown, undefined> = { done: true, value: undefined };

/** More than the window: what a message of the largest kind may weigh. */
const slack = 17 * 1024 * 1024;

/** States. *open*. *lost*: its connection is gone, `renew` finds the next when an item is asked for. *ended*: what came is still read. *over*. */
export class StreamReader {
  readonly #renew: (() => Promise<void>) | null;
  #link: ReaderLink | null;
  #chunks: Chunk[] = [];
  #at = 0;
  #waiting: Waiting[] = [];
  #granted = 0;
  #consumed = 0;
  #heard = 0;
  #arrived = 0;
  #end: { readonly failed: boolean; readonly error: unknown } | null = null;
  #renewing = false;

  /** `renew`: attaches it to the next connection; null: it ends with this one. */
  constructor(link: ReaderLink, renew: (() => Promise<void>) | null) {
    this.#link = link;
    this.#renew = renew;
  }

  /** Items that came, and what is granted in all: where to read on. */
  get place(): { readonly arrived: number; readonly granted: number } {
    return { arrived: this.#arrived, granted: this.#granted };
  }

  /** @throws ERR_PROTOCOL for more than was granted */
  items(items: readonly unknown[], weight: number): void {
    if (this.#end !== null) return;
    this.#heard += weight;
    if (this.#heard > this.#granted + slack) throw new MillraceError('ERR_PROTOCOL', 'a stream brings more than was asked for');
    this.#arrived += items.length;
    this.#chunks.push({ items, weight });
    while (this.#waiting.length > 0 && this.#chunks.length > 0) this.#waiting.shift()!.resolve({ done: false, value: this.#take() });
  }

  ended(failed: boolean, error: unknown): void {
    if (this.#end !== null) return;
    this.#end = { failed, error };
    this.#link?.quit();
    this.#link = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) this.#settle(each);
  }

  /** The connection is over. `lost`: not in good order. */
  lost(lost: boolean, error: MillraceError | null): void {
    if (this.#end !== null) return;
    this.#link = null;
    if (!lost || this.#renew === null)
      this.ended(true, new MillraceError('ERR_CONNECTION_CLOSED', 'the connection ended within a stream', { cause: error ?? undefined }));
    else if (this.#waiting.length > 0) this.#reopen(this.#renew);
  }

  /** Reads on over another connection. */
  attach(link: ReaderLink): void {
    if (this.#end !== null) {
      link.quit();
      return;
    }
    this.#link = link;
    this.#grant();
  }

  next(user: object): Promise<IteratorResult<unknown, undefined>> {
    if (this.#chunks.length > 0) return Promise.resolve({ done: false, value: this.#take() });
    return new Promise((resolve, reject) => {
      if (this.#end !== null) {
        this.#settle({ resolve, reject, user });
        return;
      }
      this.#waiting.push({ resolve, reject, user });
      if (this.#link !== null) this.#grant();
      else if (this.#renew !== null) this.#reopen(this.#renew);
    });
  }

  /** Early end: the far end is closed. */
  quit(): void {
    this.#chunks = [];
    this.ended(false, undefined);
  }

  #take(): unknown {
    const chunk = this.#chunks[0]!;
    const item = chunk.items[this.#at++];
    if (this.#at < chunk.items.length) return item;
    this.#chunks.shift();
    this.#at = 0;
    this.#consumed += chunk.weight;
    this.#grant();
    return item;
  }

  /** Not for each message: when an eighth of the window is free. */
  #grant(): void {
    const total = this.#consumed + streamWindow;
    if (this.#link === null || (total - this.#granted < streamWindow / 8 && this.#granted > 0)) return;
    this.#granted = total;
    this.#link.grant(total);
  }

  #settle({ resolve, reject }: Waiting): void {
    const { failed, error } = this.#end!;
    // An error is thrown once; then the stream is over.
    this.#end = { failed: false, error: undefined };
    if (failed) reject(error);
    else resolve(done);
  }

  #reopen(renew: () => Promise<void>): void {
    if (this.#renewing) return;
    this.#renewing = true;
    renew().then(
      () => {
        this.#renewing = false;
      },
      (error: unknown) => {
        this.#renewing = false;
        this.ended(true, error);
      },
    );
  }
}

/** What the user of a stream holds: it may be read once. */
export class RemoteStream<T = unknown> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #reader: StreamReader;

  constructor(reader: StreamReader) {
    this.#reader = reader;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#reader.next(this) as Promise<IteratorResult<T, undefined>>;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#reader.quit();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.quit();
  }
}
