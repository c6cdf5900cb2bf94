/**
 * The decoder for the bodies that calls are made of: a few dozen bytes of plain msgpack, read and checked in one pass (0.4 µs, against 1.4 µs for the look over
 * them and msgpackr, which makes a view of each new buffer). Whatever is not as simple as that, or not in order, is left to the decoder of all bodies, which
 * also says what is wrong with it.
 */

/** Bytes of the largest body that is read here. */
export const smallBody = 512;

/** `{ t: 1, d: [` */
const opening = Uint8Array.of(0x82, 0xa1, 0x74, 0x01, 0xa1, 0x64);

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Longer texts are decoded faster by the system. */
const shortText = 24;

/** One may be used again and again. */
export class SmallBodyReader {
  readonly #deepest: number;
  #bytes: Uint8Array = opening;
  #at = 0;
  #fits = true;

  /** `deepest`: arrays and maps within each other, the envelope's two included. */
  constructor(deepest: number) {
    this.#deepest = deepest;
  }

  /** The messages of a body; null: it is not for this reader. */
  read(body: Uint8Array): unknown[] | null {
    if (body.length > smallBody) return null;
    for (let i = 0; i < opening.length; i++) if (body[i] !== opening[i]) return null;
    this.#bytes = body;
    this.#at = opening.length;
    this.#fits = true;
    const messages = this.#value(1);
    return this.#fits && this.#at === body.length && Array.isArray(messages) ? messages : null;
  }

  #value(depth: number): unknown {
    const token = this.#next();
    if (token < 0x80) return token;
    if (token < 0x90) return this.#map(token & 15, depth + 1);
    if (token < 0xa0) return this.#array(token & 15, depth + 1);
    if (token < 0xc0) return this.#text(token & 31);
    if (token >= 0xe0) return token - 256;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.#double();
      case 0xcc:
        return this.#next();
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xd0:
        return (this.#next() << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd9:
        return this.#text(this.#next());
      case 0xdd:
        return this.#array(this.#unsigned(4), depth + 1);
      default:
        return this.#leave();
    }
  }

  #next(): number {
    const byte = this.#bytes[this.#at++];
    return byte === undefined ? this.#leave() : byte;
  }

  /** Gives what stands for nothing. */
  #leave(): 0 {
    this.#fits = false;
    return 0;
  }

  #unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#next();
    return value;
  }

  #double(): number {
    for (let i = 0; i < 8; i++) doubleBytes[littleEndian ? 7 - i : i] = this.#next();
    return double[0]!;
  }

  #array(count: number, depth: number): unknown[] {
    const items: unknown[] = [];
    if (depth > this.#deepest) this.#leave();
    for (let i = 0; i < count && this.#fits; i++) items.push(this.#value(depth));
    return items;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    if (depth > this.#deepest) this.#leave();
    for (let i = 0; i < count && this.#fits; i++) {
      const token = this.#next();
      const key = token >= 0xa0 && token < 0xc0 ? this.#text(token & 31) : this.#key();
      if (key === '__proto__') this.#leave();
      else map[key] = this.#value(depth);
    }
    return map;
  }

  #key(): string {
    this.#leave();
    return '';
  }

  #text(length: number): string {
    const from = this.#at;
    const to = from + length;
    this.#at = to;
    let text = '';
    if (to > this.#bytes.length || length > shortText) return this.#longText(from, to);
    for (let i = from; i < to; i++) {
      const byte = this.#bytes[i]!;
      if (byte > 127) return this.#longText(from, to);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #longText(from: number, to: number): string {
    const { buffer, byteOffset, length } = this.#bytes;
    if (to > length) this.#leave();
    return this.#fits ? Buffer.from(buffer, byteOffset + from, to - from).toString('utf8') : '';
  }
}
