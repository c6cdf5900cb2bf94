/**
 * The decoder for what nearly all bodies are: plain msgpack of less than a megabyte, read and held to the limits in one pass. A call takes 0.4 µs, against 1.4
 * µs for the look over its bytes and msgpackr; and V8 compiles this once in each thread, msgpackr's one large function six times in a run of 50,000 tasks.
 * Whatever is not as simple as that, or not in order, is left to the decoder of all bodies, which also says what is wrong with it.
 */
import type { ScanLimits } from './msgpack-scan.ts';

/** `{ t: 1, d: [` */
const opening = Uint8Array.of(0x82, 0xa1, 0x74, 0x01, 0xa1, 0x64);

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const copyOf = Uint8Array.prototype.slice;

/** Longer texts are decoded faster by the system. */
const shortText = 12;
/** Texts that tasks of one bundle share, as the name of their function, are made once: the last one of a length is looked at, so many are kept. */
const shared = { least: 24, most: 256, kept: 16 } as const;

/** One may be used again and again. */
export class PlainBodyReader {
  readonly #limits: ScanLimits;
  readonly #longest: number;
  readonly #views: boolean;
  readonly #texts: string[];
  #bytes: Uint8Array = opening;
  #at = 0;
  #items = 0;
  #containers = 0;
  #fits = true;

  /** `limits.depth`: arrays and maps within each other, the envelope's two included. Bodies of `longest` bytes and more are left to the other. `views`: bytes stay where they are. */
  constructor(limits: ScanLimits, longest: number, views = false) {
    this.#limits = limits;
    this.#longest = longest;
    this.#views = views;
    this.#texts = Array.from({ length: shared.kept }, () => '');
  }

  /** The messages of a body; null: it is not for this reader. */
  read(body: Uint8Array): unknown[] | null {
    if (body.length >= this.#longest) return null;
    for (let i = 0; i < opening.length; i++) if (body[i] !== opening[i]) return null;
    this.#bytes = body;
    this.#at = opening.length;
    // The envelope: a map, its keys and its kind.
    this.#items = 4;
    this.#containers = 1;
    this.#fits = true;
    const messages = this.#value(1);
    this.#bytes = opening;
    const { items, containers } = this.#limits;
    const within = this.#items <= items && this.#containers <= containers;
    return this.#fits && within && this.#at === body.length && Array.isArray(messages) ? messages : null;
  }

  #value(depth: number): unknown {
    this.#items++;
    const token = this.#next();
    if (token < 0x80) return token;
    if (token < 0xc0) {
      if (token >= 0xa0) return this.#text(token & 31);
      return token < 0x90 ? this.#map(token & 15, depth + 1) : this.#array(token & 15, depth + 1);
    }
    if (token >= 0xe0) return token - 256;
    return token === 0xc0 ? null : this.#long(token, depth);
  }

  /** What has its length or its value in the bytes behind the first. */
  #long(token: number, depth: number): unknown {
    switch (token) {
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
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#unsigned(1 << (token - 0xc4)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (token - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(2 << (token - 0xdc)), depth + 1);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 << (token - 0xde)), depth + 1);
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

  /** Whether what opens here may have so many values: each takes a byte at least, and nothing is read of what would go over a limit. */
  #mayOpen(count: number, depth: number): boolean {
    const { depth: deepest, items, containers } = this.#limits;
    this.#containers++;
    if (depth > deepest || this.#at + count > this.#bytes.length || this.#items + count > items || this.#containers > containers)
      this.#leave();
    return this.#fits;
  }

  #unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#next();
    return value;
  }

  #double(): number {
    const at = this.#at;
    this.#at = at + 8;
    if (this.#at > this.#bytes.length) return this.#leave();
    for (let i = 0; i < 8; i++) doubleBytes[littleEndian ? 7 - i : i] = this.#bytes[at + i]!;
    return double[0]!;
  }

  #array(count: number, depth: number): unknown[] {
    if (!this.#mayOpen(count, depth)) return [];
    // A task: of the kind that a literal makes, as those that a store reads. One with room for holes is another shape to V8, which compiled for either anew.
    if (count === 4) return [this.#value(depth), this.#value(depth), this.#value(depth), this.#value(depth)];
    // Of this length at once: a list that grows has room for 17 before it has two.
    const items = new Array<unknown>(count);
    for (let i = 0; i < count && this.#fits; i++) items[i] = this.#value(depth);
    return items;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    if (!this.#mayOpen(2 * count, depth)) return map;
    this.#items += count;
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

  #binary(length: number): Uint8Array {
    const from = this.#at;
    this.#at = from + length;
    if (this.#at > this.#bytes.length) this.#leave();
    if (!this.#fits) return opening;
    return this.#views ? this.#bytes.subarray(from, this.#at) : copyOf.call(this.#bytes, from, this.#at);
  }

  #text(length: number): string {
    const from = this.#at;
    const to = from + length;
    this.#at = to;
    if (to > this.#bytes.length || length > shortText) return this.#longText(from, to);
    const bytes = this.#bytes;
    let text = '';
    let i = from;
    // Each piece that is joined on is a text of its own until then: four characters at a time make a third of them.
    for (; i + 4 <= to; i += 4) {
      const first = bytes[i]!;
      const second = bytes[i + 1]!;
      const third = bytes[i + 2]!;
      const fourth = bytes[i + 3]!;
      if ((first | second | third | fourth) > 127) return this.#longText(from, to);
      text += String.fromCharCode(first, second, third, fourth);
    }
    for (; i < to; i++) {
      const byte = bytes[i]!;
      if (byte > 127) return this.#longText(from, to);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #longText(from: number, to: number): string {
    const bytes = this.#bytes;
    if (to > bytes.length) this.#leave();
    if (!this.#fits) return '';
    const length = to - from;
    const place = length >= shared.least && length <= shared.most ? length % shared.kept : -1;
    if (place >= 0 && isAt(bytes, from, length, this.#texts[place]!)) return this.#texts[place]!;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('utf8');
    if (place >= 0) this.#texts[place] = text;
    return text;
  }
}

/** Whether these bytes are this text, which has one for each character then. */
function isAt(bytes: Uint8Array, from: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  // From the end: names of one place begin alike.
  for (let i = length - 1; i >= 0; i--) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}
