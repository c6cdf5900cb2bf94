/**
 * The side of a stream that has the items: an iterable, an iterator or a stream of this side is pulled as far as the other side has granted, many items to a
 * message. What was not consumed yet is kept where the stream may be read on over another connection.
 */
import { deferred } from '../base/deferred.ts';
import { isThenable } from '../base/thenable.ts';
import { atTickEnd } from '../base/tick.ts';
import { weightOf } from './core/weight.ts';

/** Bytes, by weight, that a reader grants beyond what it has consumed. */
export const streamWindow: number = 1024 * 1024;
/** A message is sent at so many items or bytes. */
const mostItems = 256;
const mostBytes = 64 * 1024;

/** What a message of items weighs for both sides, from what crosses. */
export function chunkWeight(packed: unknown): number {
  return weightOf(packed) + 64 * (Array.isArray(packed) ? packed.length : 0);
}

/** The connection of a stream now. */
export interface SourceLink {
  /** Sends items; gives their weight. @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE */
  items(items: readonly unknown[]): number;
  end(failed: boolean, error: unknown): void;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

interface Chunk {
  readonly items: readonly unknown[];
  /** Of all items up to its end. */
  readonly count: number;
  readonly weight: number;
}

/** Whether a value is a stream of items: an async iterable, an iterator, or an iterable that is no collection which crosses as a value. */
export function isStream(part: object): part is AsyncIterable<unknown> | Iterable<unknown> {
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = part as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  if (typeof later === 'function') return true;
  if (typeof now !== 'function') return false;
  return !(Array.isArray(part) || part instanceof Map || part instanceof Set || ArrayBuffer.isView(part) || part instanceof String);
}

/** States. *still*: nothing was granted yet. *pulling*. *waiting*: for a grant. *ended*: all was pulled, the end was told. *over* (`close`): the iterator is closed. */
export class StreamSource {
  readonly #iterable: AsyncIterable<unknown> | Iterable<unknown>;
  readonly #keeps: boolean;
  #iterator: AnyIterator | null = null;
  #link: SourceLink | null;
  #granted = 0;
  #sent = 0;
  #count = 0;
  #batch: unknown[] = [];
  #batchBytes = 0;
  #kept: Chunk[] = [];
  #wake: (() => void) | null = null;
  #flushDue = false;
  #end: { readonly failed: boolean; readonly error: unknown } | null = null;
  #over = false;

  /** `keeps`: it may be read on over another connection. */
  constructor(iterable: AsyncIterable<unknown> | Iterable<unknown>, link: SourceLink, keeps: boolean) {
    this.#iterable = iterable;
    this.#link = link;
    this.#keeps = keeps;
  }

  /** The end was told. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** The other side takes so much in all. */
  grant(total: number): void {
    if (!(total > this.#granted)) return;
    this.#granted = total;
    while (this.#kept.length > 0 && this.#kept[0]!.weight <= total - streamWindow) this.#kept.shift();
    if (this.#iterator === null && !this.#over) void this.#pull();
    else this.#awake();
  }

  /** The connection is lost: nothing is sent before `attach`. */
  detach(): void {
    this.#link = null;
  }

  /** Goes on over another connection, behind the items that had arrived. */
  attach(link: SourceLink, arrived: number, granted: number): void {
    this.#link = link;
    try {
      for (const { items, count } of this.#kept) if (count > arrived) link.items(items);
      if (this.#end !== null) link.end(this.#end.failed, this.#end.error);
    } catch (error) {
      this.#finish(true, error);
    }
    this.grant(granted);
    this.#awake();
  }

  /** Nobody reads it any more: the iterator is closed. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#batch = [];
    this.#kept = [];
    this.#awake();
    if (this.#end === null) void this.#return();
  }

  async #pull(): Promise<void> {
    try {
      const iterator = this.#open();
      while (!this.#over) {
        if (this.#sent >= this.#granted || this.#link === null) {
          this.#flush();
          if (this.#sent >= this.#granted || this.#link === null) await this.#granting();
          continue;
        }
        let step = iterator.next();
        if (isThenable(step)) {
          if (this.#batch.length > 0) this.#flushSoon();
          step = await step;
        }
        if (this.#over) return;
        if (step.done) {
          this.#flush();
          this.#finish(false, undefined);
          return;
        }
        this.#add(step.value);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #open(): AnyIterator {
    const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = this.#iterable as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
    this.#iterator = later === undefined ? now!.call(this.#iterable) : later.call(this.#iterable);
    return this.#iterator;
  }

  #add(item: unknown): void {
    this.#batch.push(item);
    this.#batchBytes += item instanceof Uint8Array ? item.byteLength : typeof item === 'string' ? item.length : 0;
    if (this.#batch.length >= mostItems || this.#batchBytes >= mostBytes) this.#flush();
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    atTickEnd(() => {
      this.#flushDue = false;
      try {
        this.#flush();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #flush(): void {
    if (this.#batch.length === 0 || this.#link === null || this.#over) return;
    const items = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    this.#sent += this.#link.items(items);
    this.#count += items.length;
    if (this.#keeps) this.#kept.push({ items, count: this.#count, weight: this.#sent });
  }

  #granting(): Promise<void> {
    const { promise, resolve } = deferred<void>();
    this.#wake = resolve;
    return promise;
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** An item could not be had or sent: the end tells why, and the iterator is closed. */
  fail(error: unknown): void {
    if (this.#over || this.#end !== null) return;
    try {
      this.#flush();
    } catch {
      // What could not cross is what the end tells.
    }
    this.#finish(true, error);
    void this.#return();
  }

  #finish(failed: boolean, error: unknown): void {
    this.#end = { failed, error };
    this.#link?.end(failed, error);
  }

  async #return(): Promise<void> {
    try {
      await (this.#iterator ?? this.#open()).return?.();
    } catch {
      // Nobody is there to hear it.
    }
  }
}
