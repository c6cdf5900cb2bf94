/**
 * Brings objects to this client that other clients have, or the server: a few at a time, each in stretches of which some are under way at once. Large ones
 * go straight to a file.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NumberMap } from '../../base/number-map.ts';
import { largestRead } from '../../protocol/graph-messages.ts';
import { nothing, type ObjectStore } from './store.ts';

/**
 * Objects that are fetched at a time: many small ones or a few large ones, of any size two, so that where the next one is has been asked before the one before
 * it has come. And stretches of one that are under way.
 */
const mostObjects = 512;
const mostBytes = 16 * 2 ** 20;
const always = 2;
const mostStretches = 4;
/** From this size on an object does not go through memory. */
const large = 32 * 2 ** 20;

/** Where the bytes of an object come from; another one may be tried when it fails. */
export interface FetchSource {
  /** Fills the place from there on; how many bytes there were. When it rejects, the place is no longer written to. */
  read(n: number, offset: number, place: Uint8Array): Promise<number>;
}

export interface FetcherParts {
  readonly store: ObjectStore;
  /** In the order in which to try them. */
  sources(n: number, size: number): Promise<readonly FetchSource[]>;
  arrived(n: number): void;
  /** Nobody gives it. */
  failed(n: number, error: unknown): void;
}

export class Fetcher {
  readonly #parts: FetcherParts;
  /** Sizes of those that wait, in order. */
  readonly #waiting: NumberMap<number> = new NumberMap();
  readonly #busy: Map<number, number> = new Map();
  #bytes = 0;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  want(n: number, size: number): void {
    if (this.#busy.has(n) || this.#waiting.has(n)) return;
    this.#waiting.set(n, size);
    this.#next();
  }

  callOff(n: number): void {
    this.#waiting.delete(n);
  }

  #next(): void {
    for (const [n, size] of this.#waiting) {
      if (this.#busy.size >= mostObjects || (this.#busy.size >= always && this.#bytes + size > mostBytes)) return;
      this.#waiting.delete(n);
      this.#busy.set(n, size);
      this.#bytes += size;
      void this.#fetch(n, size).then(
        () => this.#done(n, null),
        (error: unknown) => this.#done(n, error),
      );
    }
  }

  #done(n: number, error: unknown): void {
    this.#bytes -= this.#busy.get(n)!;
    this.#busy.delete(n);
    if (error === null) this.#parts.arrived(n);
    else this.#parts.failed(n, error);
    this.#next();
  }

  async #fetch(n: number, size: number): Promise<void> {
    const { store } = this.#parts;
    if (size === 0) {
      store.addBytes(n, nothing);
      return;
    }
    let last: unknown = new Error('nobody has it');
    for (const source of await this.#parts.sources(n, size)) {
      try {
        await this.#from(source, n, size);
        return;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  async #from(source: FetchSource, n: number, size: number): Promise<void> {
    const { store } = this.#parts;
    if (size < large) {
      const bytes = store.room(size);
      await stretches(size, (offset, length) => whole(source, n, offset, bytes.subarray(offset, offset + length)));
      store.addBytes(n, bytes);
      return;
    }
    const path = join(store.folder, `fetch-${n}`);
    const file = openSync(path, 'w', 0o600);
    try {
      await stretches(size, async (offset, length) => {
        const part = store.parts.take();
        try {
          await whole(source, n, offset, part.subarray(0, length));
          writeSync(file, part, 0, length, offset);
        } finally {
          store.parts.give(part);
        }
      });
    } finally {
      closeSync(file);
    }
    store.addFile(n, path);
  }
}

async function whole(source: FetchSource, n: number, offset: number, place: Uint8Array): Promise<void> {
  const length = await source.read(n, offset, place);
  if (length !== place.length) throw new Error(`a stretch of ${place.length} bytes came with ${length}`);
}

/** Some at once, in any order. */
async function stretches(size: number, take: (offset: number, length: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    try {
      while (next < size) {
        const offset = next;
        const length = Math.min(largestRead, size - offset);
        next += length;
        await take(offset, length);
      }
    } catch (error) {
      next = size;
      throw error;
    }
  };
  if (size <= largestRead) {
    await worker();
    return;
  }
  const workers = await Promise.allSettled(Array.from({ length: mostStretches }, worker));
  for (const done of workers) if (done.status === 'rejected') throw done.reason;
}
