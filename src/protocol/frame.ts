/**
 * Frames: how a stream of bytes is cut into bodies, before anything of a body is looked at.
 *
 * A frame is a length and a body. The length is base-128, most significant group first, the last byte marked by its high
 * bit (net-ipc's form). At most five bytes of it are read, and a length above the cap ends the connection before
 * a byte of the body is kept.
 */
import { MillraceError } from '../base/errors.ts';

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
 * costs nothing; whoever has sent that much gets the whole, whose pages the system gives out as they are filled. `next` is called until it returns null; only then may `push` bring the next chunk.
 */
export class FrameParser {
  readonly #cap: () => number;
  #chunk: Buffer | null = null;
  #offset = 0;
  #headerBytes = 0;
  #length = 0;
  #inBody = false;
  #body: Buffer | null = null;
  #filled = 0;

  /** `cap`: the largest body allowed now. */
  constructor(cap: () => number) {
    this.#cap = cap;
  }

  /** Bytes of an unfinished frame that are held. */
  get held(): number {
    return this.#filled;
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
    if (this.#body === null && available >= missing) {
      const body = chunk.subarray(this.#offset, this.#offset + missing);
      this.#advance(chunk, missing);
      this.#inBody = false;
      return body;
    }
    const taken = Math.min(missing, available);
    this.#keep(chunk.subarray(this.#offset, this.#offset + taken));
    this.#advance(chunk, taken);
    if (this.#filled < this.#length) return null;
    const body = this.#body?.subarray(0, this.#length) ?? null;
    this.#body = null;
    this.#filled = 0;
    this.#inBody = false;
    return body;
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
