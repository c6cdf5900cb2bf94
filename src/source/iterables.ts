/**
 * Readers of iterables: one for those that answer at once, which costs no promise per item, and one for those that do not.
 */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { TaskInput } from '../task/task.ts';
import type { SourceReader } from './reader.ts';

/** A generator that computes its items must not hold the event loop: what is at hand after this long (ms) goes out. */
const longestTurn = 10;

export class IterableReader implements SourceReader {
  readonly #clock: Clock;
  readonly #iterator: Iterator<TaskInput>;
  #failure: MillraceError | null = null;
  #ended = false;

  constructor(iterable: Iterable<TaskInput>, clock: Clock) {
    this.#clock = clock;
    this.#iterator = iterable[Symbol.iterator]();
  }

  take(limit: number): readonly TaskInput[] {
    if (this.#failure !== null) throw this.#failure;
    const items: TaskInput[] = [];
    if (this.#ended) return items;
    const began = this.#clock.now();
    // To read the clock takes longer than most items: once for as many as came in no more than an eighth of the time.
    let look = 1;
    try {
      do {
        const next = this.#iterator.next();
        if (next.done) {
          this.#ended = true;
          break;
        }
        items.push(next.value);
        if (items.length < look) continue;
        const passed = this.#clock.now() - began;
        if (passed >= longestTurn) break;
        look = passed * 8 < longestTurn ? look * 2 : look + 1;
      } while (items.length < limit);
    } catch (error) {
      this.#ended = true;
      this.#failure = thrownBySource(error);
      if (items.length === 0) throw this.#failure;
    }
    return items;
  }

  close(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      try {
        this.#iterator.return?.();
      } catch {
        // A source that is given up may fail in its clean-up: nobody waits for its items any more.
      }
    }
    return Promise.resolve();
  }
}

/**
 * Items that come in one round of the event loop are given together: a generator that has them at hand costs a promise each, not a turn of its reader too
 * (5 µs an item against 1). It is asked for the next item before the last are given, but never for more than there is room for.
 */
export class AsyncIterableReader implements SourceReader {
  readonly #iterator: AsyncIterator<TaskInput>;
  /** Came, and were not given yet. */
  #items: TaskInput[] = [];
  /** Who waits for items, and at most how many. */
  #waiting: Deferred<readonly TaskInput[]> | null = null;
  #limit = 0;
  /** The iterator owes an item. */
  #reading = false;
  #answering = false;
  #failure: MillraceError | null = null;
  #ended = false;

  constructor(iterable: AsyncIterable<TaskInput>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  take(limit: number): Promise<readonly TaskInput[]> {
    const waiting = deferred<readonly TaskInput[]>();
    this.#waiting = waiting;
    this.#limit = limit;
    if (this.#ended) this.#answer();
    else {
      if (this.#items.length > 0) this.#answerSoon();
      if (!this.#reading) void this.#read();
    }
    return waiting.promise;
  }

  halt(): readonly TaskInput[] {
    this.#limit = 0;
    const items = this.#items;
    this.#items = [];
    return items;
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const returned = Promise.resolve(this.#iterator.return?.()).then(nothing, nothing);
    // A generator that still owes an item answers `return` only after it, which may be never.
    if (!this.#reading) await returned;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#ended && this.#waiting !== null && this.#items.length < this.#limit) {
        const next = await this.#iterator.next();
        if (next.done) this.#ended = true;
        else {
          // Not by push(): see the loader.
          this.#items[this.#items.length] = next.value;
          this.#answerSoon();
        }
      }
    } catch (error) {
      this.#ended = true;
      this.#failure = thrownBySource(error);
    }
    this.#reading = false;
    if (this.#ended || (this.#items.length > 0 && this.#items.length >= this.#limit)) this.#answer();
  }

  /** With whatever else comes in this round. */
  #answerSoon(): void {
    if (this.#answering) return;
    this.#answering = true;
    setImmediate(() => {
      this.#answering = false;
      if (this.#items.length > 0) this.#answer();
    });
  }

  #answer(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    const items = this.#items;
    this.#items = [];
    if (items.length === 0 && this.#failure !== null) waiting.reject(this.#failure);
    else waiting.resolve(items);
  }
}

/** What a source threw, as ours; its own error stays the cause. */
export function thrownBySource(error: unknown): MillraceError {
  if (error instanceof MillraceError && error.code.startsWith('ERR_SOURCE')) return error;
  const reason = reasonOf(error);
  return new MillraceError('ERR_SOURCE', `the source of tasks failed: ${reason}`, { cause: error });
}

function nothing(): void {}
