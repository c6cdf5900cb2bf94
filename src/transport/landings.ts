/** Where answers that come as bare bytes are to be written: places by the number of the request, and the one that is being filled. */
import { NumberMap } from '../base/number-map.ts';
import type { Decoded } from '../protocol/codec.ts';
import { isRaw, rawHead, rawId } from '../protocol/frame.ts';

export class Landings {
  readonly #abandon: () => void;
  readonly #places: NumberMap<Uint8Array> = new NumberMap();
  #filling: { readonly id: number; readonly place: Uint8Array } | null = null;

  /** `abandon`: what is being filled is used for other things now. */
  constructor(abandon: () => void) {
    this.#abandon = abandon;
  }

  set(id: number, place: Uint8Array | null): void {
    if (place !== null) {
      this.#places.set(id, place);
      return;
    }
    this.#places.delete(id);
    if (this.#filling?.id !== id) return;
    this.#filling = { id, place: new Uint8Array(0) };
    this.#abandon();
  }

  /** For a body that begins so and is so long; null: it goes the usual way. */
  find(head: Uint8Array, length: number): Uint8Array | null {
    if (this.#places.size === 0 || !isRaw(head)) return null;
    const id = rawId(head);
    const size = length - rawHead;
    const place = this.#places.get(id);
    if (place === undefined || size > place.length) return null;
    this.#places.delete(id);
    this.#filling = { id, place: place.subarray(0, size) };
    return this.#filling.place;
  }

  /** The body that has ended was written to its place: what it says. null: it was not. */
  take(): Decoded | null {
    if (this.#filling === null) return null;
    const { id, place } = this.#filling;
    this.#filling = null;
    return { kind: 'messages', messages: [['=', id, place]] };
  }
}
