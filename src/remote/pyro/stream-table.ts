/**
 * Results that are iterators: their items stay here and are asked for one by one. A stream whose caller is gone waits for it a while, since Pyro's proxies
 * go on with a stream over a new connection.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import { newOwnedId } from '../../base/ids.ts';
import { textOf } from './core/text.ts';
import { PythonError } from './exceptions.ts';

type AnyIterator = Pick<AsyncIterator<unknown>, 'next' | 'return'>;

interface Stream {
  readonly iterator: AnyIterator;
  session: string | null;
  stopTimer: (() => void) | null;
}

/** Of one connection. */
const most = 1_000;

/** The iterator of a result that is a stream of items; null: it is a value. Texts, lists, sets and maps are values. */
export function iteratorOf(value: unknown): AnyIterator | null {
  if (typeof value !== 'object' || value === null) return null;
  if (Symbol.asyncIterator in value) return (value as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  if (!(Symbol.iterator in value) || typeof (value as { next?: unknown }).next !== 'function') return null;
  return (value as Iterable<unknown>)[Symbol.iterator]() as unknown as AnyIterator;
}

export class StreamTable {
  readonly #clock: Clock;
  readonly #linger: number;
  readonly #streams: Map<string, Stream> = new Map();
  readonly #bySession: Map<string, Set<string>> = new Map();

  /** `linger`: ms. */
  constructor(clock: Clock, linger: number) {
    this.#clock = clock;
    this.#linger = linger;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Its id, which nobody can guess. @throws ERR_REMOTE for one too many */
  add(iterator: AnyIterator, session: string): string {
    if ((this.#bySession.get(session)?.size ?? 0) >= most) {
      finish(iterator);
      throw new MillraceError('ERR_REMOTE', `this connection has ${most} open streams: read or close some first`);
    }
    const { token } = newOwnedId();
    const stream: Stream = { iterator, session: null, stopTimer: null };
    this.#streams.set(token, stream);
    this.#belong(token, stream, session);
    return token;
  }

  /** The next item, for whoever knows the id. Rejects with StopIteration behind the last one. */
  async next(id: unknown, session: string): Promise<unknown> {
    const stream = this.#streams.get(textOf(id));
    if (stream === undefined) throw new MillraceError('ERR_REMOTE', 'item stream terminated');
    this.#belong(textOf(id), stream, session);
    let step: IteratorResult<unknown>;
    try {
      step = await stream.iterator.next();
    } catch (error) {
      this.#forget(textOf(id));
      throw error;
    }
    if (step.done !== true) return step.value;
    this.#forget(textOf(id));
    throw new PythonError('builtins.StopIteration');
  }

  close(id: unknown): void {
    const stream = this.#forget(textOf(id));
    if (stream !== undefined) finish(stream.iterator);
  }

  /** A connection is over. */
  leave(session: string): void {
    for (const id of this.#bySession.get(session) ?? []) {
      const stream = this.#streams.get(id)!;
      stream.session = null;
      stream.stopTimer = this.#clock.after(this.#linger, () => this.close(id), { unref: true });
    }
    this.#bySession.delete(session);
  }

  end(): void {
    for (const id of [...this.#streams.keys()]) this.close(id);
  }

  #belong(id: string, stream: Stream, session: string): void {
    stream.stopTimer?.();
    stream.stopTimer = null;
    if (stream.session === session) return;
    this.#release(id, stream);
    stream.session = session;
    const ids = this.#bySession.get(session);
    if (ids === undefined) this.#bySession.set(session, new Set([id]));
    else ids.add(id);
  }

  #release(id: string, { session }: Stream): void {
    const ids = session === null ? undefined : this.#bySession.get(session);
    ids?.delete(id);
    if (ids?.size === 0) this.#bySession.delete(session!);
  }

  #forget(id: string): Stream | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) return undefined;
    this.#streams.delete(id);
    stream.stopTimer?.();
    this.#release(id, stream);
    return stream;
  }
}

function finish(iterator: AnyIterator): void {
  Promise.resolve()
    .then(() => iterator.return?.())
    .catch(() => {});
}
