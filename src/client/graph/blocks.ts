/**
 * Memory for objects of middling size, used again as soon as nobody reads what was there. Of fresh memory for each, what has ended waits for the garbage collector,
 * which looks at the few bytes of its handles: where objects of 10 kB passed through, three times as many as there were.
 */

/** Smaller ones weigh little more than their handles; larger ones are few. */
const smallest = 4 * 1024;
const largest = 64 * 1024;
/** Sizes are rounded up to this. */
const step = 1024;
/** Unused memory that is kept for the next (bytes). */
const mostUnused = 8 * 2 ** 20;

export class Blocks {
  readonly #unused: Map<number, ArrayBuffer[]> = new Map();
  readonly #own: WeakSet<ArrayBufferLike> = new WeakSet();
  #bytes = 0;

  /** Bytes that lie unused. */
  get unused(): number {
    return this.#bytes;
  }

  /** So many bytes, with anything in them. */
  take(size: number): Buffer {
    if (size < smallest || size > largest) return Buffer.allocUnsafeSlow(size);
    const whole = Math.ceil(size / step) * step;
    let block = this.#unused.get(whole)?.pop();
    if (block === undefined) {
      block = new ArrayBuffer(whole);
      this.#own.add(block);
    } else this.#bytes -= whole;
    return Buffer.from(block, 0, size);
  }

  /** Nobody reads or writes it any more: what is not of `take` is left alone. */
  give({ buffer, length }: Uint8Array): void {
    if (length < smallest || !this.#own.has(buffer) || this.#bytes + buffer.byteLength > mostUnused) return;
    const same = this.#unused.get(buffer.byteLength);
    if (same === undefined) this.#unused.set(buffer.byteLength, [buffer as ArrayBuffer]);
    else same.push(buffer as ArrayBuffer);
    this.#bytes += buffer.byteLength;
  }
}
