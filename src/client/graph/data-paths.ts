/** The ways of objects between this client and others: by the server for now. */
import { MillraceError } from '../../base/errors.ts';
import { checkStretch } from '../../protocol/graph-work.ts';
import type { FetchSource } from './fetcher.ts';
import type { GraphWorkParts } from './members.ts';
import type { ObjectStore } from './store.ts';

export class DataPaths {
  readonly #parts: GraphWorkParts;
  readonly #store: ObjectStore;

  constructor(parts: GraphWorkParts, store: ObjectStore) {
    this.#parts = parts;
    this.#store = store;
  }

  /** Where an object can be had, the best first. */
  async sources(_n: number): Promise<readonly FetchSource[]> {
    return [{ read: (n, offset, length) => this.#relayed(n, offset, length) }];
  }

  /** A stretch of an object that is here, for whoever asks. @throws ERR_NOT_FOUND, ERR_PROTOCOL */
  answer(parameters: unknown): Uint8Array {
    const { n, offset, length } = checkStretch(parameters);
    return this.#store.read(n, offset, length);
  }

  connected(): void {}

  async close(): Promise<void> {}

  async #relayed(n: number, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#parts.ask('graph.bytes', { n, offset, length });
    if (bytes instanceof Uint8Array) return bytes;
    throw new MillraceError('ERR_PROTOCOL', 'the server answered with something that are no bytes');
  }
}
