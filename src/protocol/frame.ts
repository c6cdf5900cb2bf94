/**
 * Frames: how a stream of bytes is cut into bodies, before anything of a body is looked at.
 *
 * A frame is a length and a body. The length is base-128, most significant group first, the last byte marked by its high
 * bit (net-ipc's form). At most five bytes of it are read, and a length above the cap ends the connection before
 * a byte of the body is kept.
 */
import { MillraceError } from '../base/errors.ts';
import type { Answer } from './messages.ts';

/** Where the end of a body goes instead of into memory of its own. */
export interface Landing {
  /** Bytes at the start of the body that tell the one from the other. */
  readonly head: number;
  /** What the body begins with, and its length. null: nowhere else. */
  find(head: Uint8Array, length: number): Uint8Array | null;
}

/** The longest header that is read: 35 bits, far above any cap. */
export const longestHeader = 5;

/** Writes the header of a body of `length` bytes so that it ends before `end`; returns where it starts. */
export function writeHeader(target: Uint8Array, end: number, length: number): number {
  let start = end - 1;
  target[start] = (length & 127) | 128;
  for (let rest = Math.floor(length / 128); rest > 0; rest = Math.floor(rest / 128)) target[--start] = rest & 127;
  return start;
}

/** One whole frame around a body. */
export function frameOf(body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(body.length + longestHeader);
  frame.set(body, longestHeader);
  return frame.subarray(writeHeader(frame, longestHeader, body.length));
}

/** Bytes of a body after which its length is believed. */
const believed = 256 * 1024;

/**
 * Cuts chunks into bodies.
 *
 * In the header: bytes are taken one at a time. In the body: a body that lies whole in its chunk is returned as a view of
 * it; one that spans chunks is copied together in a buffer that at most doubles as bytes really arrive, up to 256 KiB, so a claimed length
 * costs nothing; whoever has sent that much gets the whole, whose pages the system gives out as they are filled. Of one that has a landing only the head is
 * returned: the rest was copied straight to its place. `next` is called until it returns null; only then may `push` bring the next chunk.
 */
export class FrameParser {
  readonly #cap: () => number;
  readonly #landing: Landing | null;
  #chunk: Buffer | null = null;
  #offset = 0;
  #headerBytes = 0;
  #length = 0;
  #inBody = false;
  #body: Buffer | null = null;
  #filled = 0;
  /** The head of a body whose rest goes to `#place`; null there: it is thrown away. */
  #head: Buffer | null = null;
  #place: Uint8Array | null = null;

  /** `cap`: the largest body allowed now. */
  constructor(cap: () => number, landing: Landing | null = null) {
    this.#cap = cap;
    this.#landing = landing;
  }

  /** Bytes of an unfinished frame that are held. */
  get held(): number {
    return this.#head === null ? this.#filled : this.#head.length;
  }

  /** What is still to come of a body does not go to its place any more: that is used for other things. */
  abandon(): void {
    this.#place = null;
  }

  push(chunk: Buffer): void {
    if (this.#chunk !== null) throw new MillraceError('ERR_INTERNAL', 'a chunk was pushed before the last one was used up');
    if (chunk.length === 0) return;
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole body, or null: push more. Throws `ERR_PROTOCOL` or `ERR_FRAME_TOO_LARGE`; the stream is then useless. */
  next(): Buffer | null {
    const chunk = this.#chunk;
    if (chunk === null) return null;
    if (!this.#inBody && !this.#header(chunk)) return null;
    const missing = this.#length - this.#filled;
    const available = chunk.length - this.#offset;
    if (this.#filled === 0 && available >= missing) {
      const body = chunk.subarray(this.#offset, this.#offset + missing);
      this.#advance(chunk, missing);
      this.#inBody = false;
      return body;
    }
    if (this.#filled === 0 && available > 0) this.#land(chunk);
    const taken = Math.min(missing, available);
    const part = chunk.subarray(this.#offset, this.#offset + taken);
    if (this.#head === null) this.#keep(part);
    else {
      this.#place?.set(this.#filled === 0 ? part.subarray(this.#head.length) : part, Math.max(0, this.#filled - this.#head.length));
      this.#filled += taken;
    }
    this.#advance(chunk, taken);
    if (this.#filled < this.#length) return null;
    const body = this.#head ?? this.#body?.subarray(0, this.#length) ?? null;
    this.#body = null;
    this.#head = null;
    this.#place = null;
    this.#filled = 0;
    this.#inBody = false;
    return body;
  }

  /** A body that begins here and does not end in this chunk; a head that is cut by its end is not looked at. */
  #land(chunk: Buffer): void {
    if (this.#landing === null || chunk.length - this.#offset < this.#landing.head) return;
    const head = chunk.subarray(this.#offset, this.#offset + this.#landing.head);
    this.#place = this.#landing.find(head, this.#length);
    if (this.#place !== null) this.#head = Buffer.from(head);
  }

  #advance(chunk: Buffer, bytes: number): void {
    this.#offset += bytes;
    if (this.#offset === chunk.length) this.#chunk = null;
  }

  #header(chunk: Buffer): boolean {
    while (this.#offset < chunk.length) {
      const byte = chunk[this.#offset++]!;
      if (this.#headerBytes === 0 && byte === 0) throw new MillraceError('ERR_PROTOCOL', 'a frame length starts with a zero');
      this.#length = (this.#headerBytes === 0 ? 0 : this.#length * 128) + (byte & 127);
      this.#headerBytes++;
      const cap = this.#cap();
      if (this.#length > cap)
        throw new MillraceError('ERR_FRAME_TOO_LARGE', `a frame of at least ${this.#length} bytes is over the limit of ${cap}`);
      if (byte > 127) {
        this.#headerBytes = 0;
        return this.#startBody(chunk);
      }
      if (this.#headerBytes === longestHeader) throw new MillraceError('ERR_PROTOCOL', 'a frame length has no end');
    }
    this.#chunk = null;
    return false;
  }

  #startBody(chunk: Buffer): boolean {
    if (this.#length === 0) throw new MillraceError('ERR_PROTOCOL', 'an empty frame');
    this.#inBody = true;
    if (this.#offset < chunk.length) return true;
    this.#chunk = null;
    return false;
  }

  #keep(part: Buffer): void {
    const needed = this.#filled + part.length;
    if (this.#body === null || this.#body.length < needed) {
      const most = needed >= believed ? this.#length : Math.max(needed, 2 * (this.#body?.length ?? 0), 4_096);
      const grown = Buffer.allocUnsafe(Math.min(this.#length, most));
      this.#body?.copy(grown, 0, 0, this.#filled);
      this.#body = grown;
    }
    part.copy(this.#body, this.#filled);
    this.#filled = needed;
  }
}

// ---- raw frames: the answer to a request that is nothing but bytes, past the codec, behind a mark with which no msgpack value begins ----

const mark = 0xc1;
/** The mark, and the number in 48 bits. */
export const rawHead = 7;

export function isRaw(body: Uint8Array): boolean {
  return body[0] === mark;
}

/** Which request it answers. */
export function rawId(body: Uint8Array): number {
  let id = 0;
  for (let i = 1; i < rawHead; i++) id = id * 256 + body[i]!;
  return id;
}

/** All of a frame but the bytes themselves, of which there are `size`. */
export function rawStart(id: number, size: number): Buffer {
  const start = Buffer.allocUnsafe(longestHeader + rawHead);
  start[longestHeader] = mark;
  start.writeUIntBE(id, longestHeader + 1, rawHead - 1);
  return start.subarray(writeHeader(start, longestHeader, rawHead + size));
}

/** The answer that a raw body is. Throws `ERR_PROTOCOL`. */
export function rawAnswer(body: Uint8Array): Answer {
  if (body.length < rawHead) throw new MillraceError('ERR_PROTOCOL', 'a raw frame without the number of its request');
  return ['=', rawId(body), body.subarray(rawHead)];
}
