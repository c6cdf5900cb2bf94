/**
 * Messages to frame bodies and back: msgpack, after authentication.
 *
 * A body is net-ipc's envelope `{ t, d }`; `t` 1 carries an array of messages, `t` 6 ends a connection in good order. Values are plain data: nil,
 * booleans, numbers, strings, binary, arrays, objects. The sender refuses what the receiver would, so that a bad value
 * fails its own call (`ERR_NOT_CLONEABLE`) and never the connection.
 */
import type { Packr, Unpackr } from 'msgpackr';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { msgpackr } from '../task/msgpackr.ts';
import { isRaw, longestHeader, rawAnswer, writeHeader } from './frame.ts';
import type { Limits } from './limits.ts';
import type { Message } from './messages.ts';
import { MsgpackScanner, type ScanLimits } from './msgpack-scan.ts';
import { type FrameMemory, MsgpackWriter, Packed } from './msgpack-write.ts';
import { PlainBodyReader } from './plain-body.ts';
import { checkMessage } from './shape.ts';

/** Kinds of envelopes that are used, net-ipc's numbers. */
const envelope = { messages: 1, end: 6 } as const;

function refuseFunction(): never {
  throw new TypeError('a function is no data');
}

// msgpackr would write a function as nil without a word.
const options = {
  writeFunction: refuseFunction,
  useRecords: false,
  variableMapSize: true,
  copyBuffers: true,
  skipValues: [undefined],
  encodeUndefinedAsNil: true,
};

/** msgpackr's REUSE_BUFFER_MODE, RESET_BUFFER_MODE and RESERVE_START_SPACE; its entry for Node declares them all but exports one. */
const [reuse, reset, reserve] = [512, 1024, 2048] as const;

/** `{ t: 1, d: [` with a 32-bit count to come. */
const opening = Uint8Array.of(0x82, 0xa1, 0x74, 0x01, 0xa1, 0x64, 0xdd);
const reserved = longestHeader + opening.length + 4;
const packing = reuse | reset | reserve | reserved;

/** msgpackr shares one growing buffer among all packers; above this it is replaced, or one large message would be held for ever. */
const largestKeptBuffer = 1024 * 1024;

/** A message from this size on is a frame of its own, in the memory in which it was packed; its bytes are not copied where it arrives either. */
const large = 1024 * 1024;

/** The memory of a frame that was not begun. */
const none = Buffer.alloc(0);

/** msgpackr's reused buffer: what was packed lies between `start` and `end`, behind the reserved room. */
type PackedView = Buffer & { start?: number; end?: number };

/** A packed frame: the body and, before it, room in which its header was written. */
export interface PackedFrame {
  /** Header and body. */
  readonly bytes: Buffer;
  /** Where the body starts. */
  readonly bodyAt: number;
  readonly messages: number;
}

/**
 * Packs messages into frames as they are sent: each is encoded at once (so later changes of it are not seen), and frames
 * are cut at `limits.cut`.
 */
export class FramePacker {
  readonly #writer: MsgpackWriter;
  /** For what the writer leaves to it. */
  #packr: Packr | null = null;
  readonly #scanner: MsgpackScanner;
  readonly #limits: Limits;
  /** No fewer bytes can hold more values than the receiver allows. */
  readonly #harmless: number;
  #messages = 0;
  #nextSize = 512;
  #ready: PackedFrame[] = [];
  #readyBytes = 0;

  /** `memory`: of frames that leave it behind when they are written (`takeTo`). */
  constructor(limits: Limits, memory: FrameMemory | null = null) {
    this.#limits = limits;
    this.#writer = new MsgpackWriter(limits.depth - 2, memory);
    this.#scanner = new MsgpackScanner({ ...limits, depth: limits.depth - 2 });
    this.#harmless = Math.min(limits.items, limits.containers);
  }

  /** Bytes packed and not taken. */
  get pending(): number {
    return this.#readyBytes + (this.#messages === 0 ? 0 : this.#writer.at);
  }

  /** Encodes one message. Throws `ERR_NOT_CLONEABLE` or `ERR_FRAME_TOO_LARGE`; the frame is as before then. */
  add(message: Message): void {
    const writer = this.#writer;
    if (this.#messages === 0) this.#begin(this.#nextSize);
    const start = writer.at;
    if (!writer.write(message)) {
      this.#addPacked(message);
      return;
    }
    const size = writer.at - start;
    try {
      this.#checkSize(size);
      if (size > this.#harmless) this.#look(writer.bytes, start, writer.at);
    } catch (error) {
      writer.back(start);
      throw error;
    }
    if (this.#messages > 0 && (writer.at > this.#limits.cut || size >= large)) {
      const { bytes } = writer;
      this.#cut(start);
      this.#begin(reserved + size);
      bytes.copy(writer.bytes, reserved, start, start + size);
      writer.back(reserved + size);
    }
    this.#messages++;
    if (size >= large) this.#cut(writer.at);
  }

  /** All frames packed so far. */
  take(): PackedFrame[] {
    if (this.#messages > 0) this.#cut(this.#writer.at);
    const frames = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    return frames;
  }

  /** Hands all frames packed so far over. True: the bytes have left already, and their memory may serve again. */
  takeTo(write: (bytes: Buffer) => boolean): void {
    if (this.#ready.length > 0) {
      for (const { bytes } of this.take()) write(bytes);
      return;
    }
    if (this.#messages === 0) return;
    const { bytes: memory, at: end } = this.#writer;
    const frame = framed(memory, 0, end, this.#messages);
    this.#startAnew(end);
    if (write(frame)) this.#writer.leave(memory, reserved);
  }

  /** What is not plain, or long. */
  #addPacked(message: Message): void {
    const buffer = this.#encode(message);
    const { start: room = 0, end = buffer.length } = buffer;
    const start = room + reserved;
    const size = end - start;
    this.#checkSize(size);
    const writer = this.#writer;
    if (this.#messages > 0 && (writer.at + size > this.#limits.cut || size >= large)) this.#cut(writer.at);
    if (size >= large) {
      this.#push(buffer, room, end, 1);
      this.#packr!.useBuffer(Buffer.allocUnsafeSlow(8_192));
      return;
    }
    if (this.#messages === 0) this.#begin(this.#nextSize);
    writer.reserve(size);
    buffer.copy(writer.bytes, writer.at, start, end);
    writer.back(writer.at + size);
    this.#messages++;
    if (buffer.length > largestKeptBuffer) this.#packr!.useBuffer(Buffer.allocUnsafeSlow(8_192));
  }

  #encode(message: Message): PackedView {
    this.#packr ??= new (msgpackr().Packr)(options);
    let packed: PackedView;
    try {
      packed = this.#packr.pack(message, packing);
    } catch (error) {
      throw notCloneable(error);
    }
    this.#look(packed, (packed.start ?? 0) + reserved, packed.end);
    return packed;
  }

  /** What the receiver would refuse. */
  #look(bytes: Uint8Array, start: number, end?: number): void {
    try {
      this.#scanner.scan(bytes, start, end);
    } catch (error) {
      throw notCloneable(error);
    }
  }

  #checkSize(size: number): void {
    const { frame } = this.#limits;
    if (size + reserved <= frame) return;
    throw new MillraceError('ERR_FRAME_TOO_LARGE', `a message of ${size} bytes is over the limit of ${frame}: send it in parts`);
  }

  /** An empty frame, if there is none. */
  #begin(size: number): void {
    if (this.#writer.bytes.length === 0) this.#writer.into(this.#writer.allocate(Math.max(size, 2 * reserved)), reserved);
  }

  /** A frame of what lies up to `end`, behind the room that was reserved from `room` on. */
  #push(buffer: Buffer, room: number, end: number, messages: number): void {
    const bytes = framed(buffer, room, end, messages);
    this.#ready.push({ bytes, bodyAt: bytes.length - (end - room - longestHeader), messages });
    this.#readyBytes += bytes.length;
  }

  #cut(end: number): void {
    this.#push(this.#writer.bytes, 0, end, this.#messages);
    this.#startAnew(end);
  }

  #startAnew(end: number): void {
    this.#nextSize = Math.min(this.#limits.cut, Math.max(256, Math.ceil(end * 1.25)));
    this.#writer.into(none, 0);
    this.#messages = 0;
  }
}

/** Header and body of a frame whose messages lie up to `end`, behind the room that was reserved from `room` on. */
function framed(buffer: Buffer, room: number, end: number, messages: number): Buffer {
  const bodyAt = room + longestHeader;
  for (let i = 0; i < opening.length; i++) buffer[bodyAt + i] = opening[i]!;
  for (let at = room + reserved - 1, rest = messages; at >= room + reserved - 4; rest >>>= 8) buffer[at--] = rest & 255;
  return buffer.subarray(writeHeader(buffer, bodyAt, end - bodyAt), end);
}

/** Packs values once, for messages that pass them on. */
export class ValuePacker {
  readonly #packer: FramePacker;

  /** `around`: bytes of a message beside its value. */
  constructor(limits: Limits, around = 1_024) {
    this.#packer = new FramePacker({ ...limits, depth: limits.depth - 1, frame: limits.frame - around });
  }

  /** Throws `ERR_NOT_CLONEABLE` or `ERR_FRAME_TOO_LARGE`. */
  pack(value: readonly unknown[]): Packed {
    // A frame of one message, without what is before it.
    this.#packer.add(value as unknown as Message);
    const [frame] = this.#packer.take();
    const { bytes, bodyAt } = frame!;
    return new Packed(bytes.subarray(bodyAt + opening.length + 4));
  }
}

/** What a `ValuePacker` was given. */
export function unpackValue({ bytes }: Packed): unknown {
  return new (msgpackr().Unpackr)(options).unpack(bytes);
}

function notCloneable(cause: unknown): MillraceError {
  const why = reasonOf(cause);
  return new MillraceError('ERR_NOT_CLONEABLE', `a message holds something that is not plain data: ${why}`, { cause });
}

/** What a body means. */
export type Decoded = { readonly kind: 'messages'; readonly messages: readonly Message[] } | { readonly kind: 'end' };

/** Decodes bodies after authentication: looked over first, then decoded, then every message's shape is checked. */
export class FrameDecoder {
  /** For what the reader of plain bodies leaves to them; the second lets bytes in a large body stay where they are. */
  #unpackr: Unpackr | null = null;
  #views: Unpackr | null = null;
  readonly #scanner: MsgpackScanner;
  readonly #plain: PlainBodyReader;
  readonly #trusted: boolean;

  /** `trusted`: the frames come from this very library, in this process: they are not looked at before and after (0.5 µs a task). `views`: bytes are not copied. */
  constructor(limits: ScanLimits, trusted = false, views = false) {
    this.#scanner = new MsgpackScanner(limits);
    this.#plain = new PlainBodyReader(limits, large, views);
    this.#trusted = trusted;
  }

  /** Throws `ERR_PROTOCOL`. */
  decode(body: Uint8Array): Decoded {
    if (isRaw(body)) return { kind: 'messages', messages: [rawAnswer(body)] };
    const plain = this.#plain.read(body);
    if (plain !== null) return { kind: 'messages', messages: this.#trusted ? (plain as Message[]) : plain.map(checkMessage) };
    if (endBody.equals(body)) return { kind: 'end' };
    if (!this.#trusted) this.#scanner.scan(body);
    const value: unknown = this.#decoderOf(body).unpack(body);
    if (typeof value !== 'object' || value === null) throw new MillraceError('ERR_PROTOCOL', 'a frame without an envelope');
    const { t, d } = value as { t?: unknown; d?: unknown };
    if (t === envelope.end) return { kind: 'end' };
    if (t !== envelope.messages || !Array.isArray(d)) throw new MillraceError('ERR_PROTOCOL', 'a frame with an unknown envelope');
    return { kind: 'messages', messages: this.#trusted ? (d as Message[]) : d.map(checkMessage) };
  }

  #decoderOf({ length }: Uint8Array): Unpackr {
    const { Unpackr } = msgpackr();
    if (length < large) this.#unpackr ??= new Unpackr(options);
    else this.#views ??= new Unpackr({ ...options, copyBuffers: false });
    return (length < large ? this.#unpackr : this.#views)!;
  }
}

/** The body that ends a connection in good order. */
export const endBody: Buffer = Buffer.of(0x81, 0xa1, 0x74, envelope.end);
