/**
 * Plain data as msgpack, byte for byte as msgpackr writes it with the options of `codec.ts`, straight into the frame that will leave.
 *
 * Only for what nearly all messages are: what is not plain, or very long, is left to msgpackr. Its encoder knows all that msgpack can be, which V8 optimizes twice in
 * each thread: 420 of 1,600 ms of compiling in a run of 50,000 calls, and for what is written here a bound of one look over the bytes as well.
 */

/** Longer texts, and longer bytes, are left to msgpackr, which moves them once. */
const long = 64 * 1024;
const longBytes = 1024 * 1024;
/** Above this many characters a native call is quicker than a loop. */
const short = 64;

/** A value that was packed before: it stands in a message as what it holds. */
export class Packed {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** For msgpackr, which would make a record of it. */
  toJSON(): never {
    throw new TypeError('what is packed goes with plain data only');
  }
}

const nothing = Buffer.alloc(0);
/** Frames in up to this much memory (bytes) leave it to the next one of their connection, those in up to the other to the next one of their thread. */
const kept = { short: 4_096, long: 512 * 1024 } as const;

/**
 * The memory of long frames: what one leaves when all of it has gone serves the next. A thread that passes on what others made has so little garbage of its own
 * that none of it is collected: the frames of 50,000 tasks were 4 MB.
 */
export class FrameMemory {
  #spare: Buffer = nothing;

  take(size: number): Buffer {
    const spare = this.#spare;
    if (size <= kept.short || size > spare.length) return Buffer.allocUnsafeSlow(size);
    this.#spare = nothing;
    return spare;
  }

  giveBack(memory: Buffer): void {
    const { length } = memory;
    if (length > kept.short && length <= kept.long && length > this.#spare.length) this.#spare = memory;
  }
}

/** Of all connections of this thread: no two of them write at a time. */
export const frameMemory: FrameMemory = new FrameMemory();

export class MsgpackWriter {
  readonly #deepest: number;
  readonly #memory: FrameMemory | null;
  #bytes: Buffer = nothing;
  #at = 0;

  /** `deepest`: arrays and objects that may lie in one another; `memory`: of those whose frames leave it behind. */
  constructor(deepest: number, memory: FrameMemory | null = null) {
    this.#deepest = deepest;
    this.#memory = memory;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Where the next value goes. */
  get at(): number {
    return this.#at;
  }

  /** Go on in this memory, from here on. */
  into(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** What follows goes here: what was written behind is given up. */
  back(at: number): void {
    this.#at = at;
  }

  /** What was written into this memory has left: the next frame may begin there, `at`. */
  leave(memory: Buffer, at: number): void {
    if (memory.length <= kept.short) this.into(memory, at);
    else this.#memory?.giveBack(memory);
  }

  allocate(size: number): Buffer {
    return this.#memory === null ? Buffer.allocUnsafeSlow(size) : this.#memory.take(size);
  }

  /** Room for so many bytes more, in larger memory if need be. */
  reserve(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const grown = this.allocate(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#memory?.giveBack(this.#bytes);
    this.#bytes = grown;
  }

  /** False: it is left to msgpackr, and nothing was written. */
  write(value: unknown): boolean {
    const start = this.#at;
    try {
      if (this.#put(value, 0)) return true;
    } catch {
      // A getter threw: msgpackr will say so.
    }
    this.#at = start;
    return false;
  }

  #put(value: unknown, depth: number): boolean {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number') {
      this.#number(value);
      return true;
    }
    if (this.#at + 5 > this.#bytes.length) this.reserve(5);
    if (value === null || value === undefined) this.#bytes[this.#at++] = 0xc0;
    else if (value === true) this.#bytes[this.#at++] = 0xc3;
    else if (value === false) this.#bytes[this.#at++] = 0xc2;
    else if (typeof value !== 'object') return false;
    else {
      const made = value.constructor;
      if (made === Array) return this.#list(value as unknown[], depth + 1);
      if (made === Object) return this.#record(value as Readonly<Record<string, unknown>>, depth + 1);
      if (made === Uint8Array || made === Buffer) return this.#binary(value as Uint8Array);
      if (made === Packed) return this.#packed(value as Packed);
      return false;
    }
    return true;
  }

  #list(list: readonly unknown[], depth: number): boolean {
    const { length } = list;
    if (depth > this.#deepest) return false;
    if (length < 0x10) this.#bytes[this.#at++] = 0x90 | length;
    else this.#sized(0xdc, length);
    for (let i = 0; i < length; i++) if (!this.#put(list[i], depth)) return false;
    return true;
  }

  #record(record: Readonly<Record<string, unknown>>, depth: number): boolean {
    if (depth > this.#deepest) return false;
    const keys = Object.keys(record);
    let count = 0;
    for (const key of keys) if (record[key] !== undefined) count++;
    if (count < 0x10) this.#bytes[this.#at++] = 0x80 | count;
    else this.#sized(0xde, count);
    for (const key of keys) {
      const value = record[key];
      if (value === undefined) continue;
      if (key === '__proto__' || !this.#text(key) || !this.#put(value, depth)) return false;
    }
    return true;
  }

  #binary(binary: Uint8Array): boolean {
    const { length } = binary;
    if (length > longBytes) return false;
    this.reserve(length + 5);
    if (length < 0x100) this.#tagged(0xc4, length);
    else this.#sized(0xc5, length);
    this.#bytes.set(binary, this.#at);
    this.#at += length;
    return true;
  }

  #packed({ bytes }: Packed): true {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return true;
  }

  /** A count of 16 bits behind its tag, or one of 32 behind the next tag. */
  #sized(tag: number, count: number): void {
    const bytes = this.#bytes;
    if (count < 0x10000) {
      bytes[this.#at++] = tag;
    } else {
      bytes[this.#at++] = tag + 1;
      bytes[this.#at++] = count >>> 24;
      bytes[this.#at++] = (count >>> 16) & 0xff;
    }
    bytes[this.#at++] = (count >>> 8) & 0xff;
    bytes[this.#at++] = count & 0xff;
  }

  #tagged(tag: number, value: number): void {
    this.#bytes[this.#at++] = tag;
    this.#bytes[this.#at++] = value;
  }

  #number(value: number): void {
    if (this.#at + 9 > this.#bytes.length) this.reserve(9);
    const bytes = this.#bytes;
    if (value >>> 0 === value) {
      if (value < 0x80) bytes[this.#at++] = value;
      else if (value < 0x100) this.#tagged(0xcc, value);
      else this.#sized(0xcd, value);
    } else if (value >> 0 === value) {
      if (value >= -0x20) bytes[this.#at++] = value & 0xff;
      else if (value >= -0x80) this.#tagged(0xd0, value & 0xff);
      else if (value >= -0x8000) this.#sized(0xd1, value & 0xffff);
      else {
        bytes[this.#at] = 0xd2;
        this.#at = bytes.writeInt32BE(value, this.#at + 1);
      }
    } else {
      bytes[this.#at] = 0xcb;
      this.#at = bytes.writeDoubleBE(value, this.#at + 1);
    }
  }

  #text(text: string): boolean {
    const { length } = text;
    if (length > long) return false;
    if (this.#at + 5 + length * 3 > this.#bytes.length) this.reserve(5 + length * 3);
    const bytes = this.#bytes;
    const start = this.#at;
    if (length < 0x20) {
      let at = start + 1;
      let i = 0;
      for (let code = 0; i < length; i++) {
        code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (i === length) {
        bytes[start] = 0xa0 | length;
        this.#at = at;
        return true;
      }
    }
    return this.#longText(text, bytes, start);
  }

  #longText(text: string, bytes: Buffer, start: number): boolean {
    const { length } = text;
    // Where it would begin if it were ASCII: else it is moved by a byte or two.
    const body = start + (length < 0x20 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5);
    // As msgpackr does, whose short texts keep half of a pair of surrogates and whose long ones do not.
    const written = length < short ? utf8(text, bytes, body) : bytes.write(text, body);
    const header = written < 0x20 ? 1 : written < 0x100 ? 2 : written < 0x10000 ? 3 : 5;
    if (start + header !== body) bytes.copyWithin(start + header, body, body + written);
    if (header === 1) bytes[this.#at++] = 0xa0 | written;
    else if (header === 2) this.#tagged(0xd9, written);
    else this.#sized(0xda, written);
    this.#at += written;
    return true;
  }
}

/** Each code of UTF-16 by itself where it has no partner; the bytes written. */
function utf8(text: string, bytes: Buffer, from: number): number {
  let at = from;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code < 0x800) bytes[at++] = (code >> 6) | 0xc0;
    else {
      const next = (code & 0xfc00) === 0xd800 ? text.charCodeAt(i + 1) : 0;
      if ((next & 0xfc00) === 0xdc00) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (next & 0x3ff);
        i++;
        bytes[at++] = (code >> 18) | 0xf0;
        bytes[at++] = ((code >> 12) & 0x3f) | 0x80;
      } else bytes[at++] = (code >> 12) | 0xe0;
      bytes[at++] = ((code >> 6) & 0x3f) | 0x80;
    }
    bytes[at++] = (code & 0x3f) | 0x80;
  }
  return at - from;
}
