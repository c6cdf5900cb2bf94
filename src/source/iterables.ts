/**
 * Readers of iterables: one for those that answer at once, which costs no promise per item, and one for those that do not.
 */
import type { Clock } from '../base/clock.ts';
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
    const until = this.#clock.now() + longestTurn;
    try {
      do {
        const next = this.#iterator.next();
        if (next.done) {
          this.#ended = true;
          break;
        }
        items.push(next.value);
      } while (items.length < limit && this.#clock.now() < until);
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

export class AsyncIterableReader implements SourceReader {
  readonly #iterator: AsyncIterator<TaskInput>;
  #waiting = false;
  #ended = false;

  constructor(iterable: AsyncIterable<TaskInput>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  async take(_limit: number): Promise<readonly TaskInput[]> {
    if (this.#ended) return [];
    this.#waiting = true;
    try {
      const next = await this.#iterator.next();
      if (!next.done) return [next.value];
      this.#ended = true;
      return [];
    } catch (error) {
      this.#ended = true;
      throw thrownBySource(error);
    } finally {
      this.#waiting = false;
    }
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const returned = Promise.resolve(this.#iterator.return?.()).then(nothing, nothing);
    // A generator that still owes an item answers `return` only after it, which may be never.
    if (!this.#waiting) await returned;
  }
}

/** What a source threw, as ours; its own error stays the cause. */
export function thrownBySource(error: unknown): MillraceError {
  if (error instanceof MillraceError && error.code.startsWith('ERR_SOURCE')) return error;
  const reason = reasonOf(error);
  return new MillraceError('ERR_SOURCE', `the source of tasks failed: ${reason}`, { cause: error });
}

function nothing(): void {}
