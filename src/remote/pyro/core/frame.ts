/**
 * Frames of Pyro's wire protocol 48: a header of 24 bytes with a sum over its fields, annotations, data. Pure: bytes in, frames out. Nothing of a frame is
 * read before all of it is there and, where there is a key, its digest is right.
 */
import { MillraceError } from '../../../base/errors.ts';

export const kinds = { connect: 1, connected: 2, refused: 3, invoke: 4, result: 5, ping: 6 } as const;

export const flags = { exception: 1, compressed: 2, oneway: 4, batch: 8, metadata: 16, stream: 32, keepSerialized: 64 } as const;

/** The id of JSON among Pyro's serializers. */
export const jsonSerializer = 2;

const version = 48;
const magic = 0x34e9;
const mark = 0x5059_524f; // 'PYRO'
const headerBytes = 24;
const chunkHeader = 6;
const digestBytes = 20;

export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly sequence: number;
  readonly serializer: number;
  readonly annotations: ReadonlyMap<string, Buffer>;
  readonly data: Buffer;
}

export interface OutgoingFrame {
  readonly kind: number;
  readonly flags: number;
  readonly sequence: number;
  /** Names of 4 ASCII characters. */
  readonly annotations?: Readonly<Record<string, Uint8Array>>;
  readonly text: string;
}

/** The digest under the key of both sides. */
export interface Seal {
  digest(parts: readonly Uint8Array[]): Uint8Array;
  matches(given: Uint8Array, parts: readonly Uint8Array[]): boolean;
}

function sumOf(kind: number, bits: number, sequence: number, data: number, serializer: number, annotations: number): number {
  return (kind + version + data + annotations + serializer + bits + sequence + magic) & 0xffff;
}

/** @throws ERR_FRAME_TOO_LARGE for what is larger than `largest` bytes */
export function encodeFrame(frame: OutgoingFrame, seal: Seal | null, largest: number): Buffer {
  const { kind, sequence, text } = frame;
  const chunks = Object.entries(frame.annotations ?? {});
  const dataLength = Buffer.byteLength(text);
  let annotationLength = seal === null ? 0 : chunkHeader + digestBytes;
  for (const [, chunk] of chunks) annotationLength += chunkHeader + chunk.length;
  if (dataLength + annotationLength > largest)
    throw new MillraceError('ERR_FRAME_TOO_LARGE', `a message of ${dataLength} bytes is larger than the limit of ${largest}`);
  const bytes = Buffer.allocUnsafe(headerBytes + annotationLength + dataLength);
  bytes.writeUInt32BE(mark, 0);
  bytes.writeUInt16BE(version, 4);
  bytes.writeUInt16BE(kind, 6);
  bytes.writeUInt16BE(frame.flags, 8);
  bytes.writeUInt16BE(sequence, 10);
  bytes.writeInt32BE(dataLength, 12);
  bytes.writeUInt16BE(jsonSerializer, 16);
  bytes.writeUInt16BE(annotationLength, 18);
  bytes.writeUInt16BE(0, 20);
  bytes.writeUInt16BE(sumOf(kind, frame.flags, sequence, dataLength, jsonSerializer, annotationLength), 22);
  let at = headerBytes;
  const chunk = (name: string, length: number): number => {
    at += bytes.write(name, at, 4, 'latin1');
    at = bytes.writeUInt16BE(length, at);
    at += length;
    return at - length;
  };
  for (const [name, part] of chunks) bytes.set(part, chunk(name, part.length));
  const digestAt = seal === null ? 0 : chunk('HMAC', digestBytes);
  bytes.write(text, at, 'utf8');
  if (seal !== null) {
    const parts = chunks.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
    bytes.set(seal.digest([bytes.subarray(at), ...parts]), digestAt);
  }
  return bytes;
}

interface Header extends Omit<Frame, 'annotations' | 'data'> {
  readonly dataLength: number;
  readonly annotationLength: number;
}

const none: ReadonlyMap<string, Buffer> = new Map();

const malformed = (what: string): MillraceError => new MillraceError('ERR_PROTOCOL', `a message of Pyro's wire protocol ${what}`);

/** Cuts a stream of bytes into frames. After it has thrown, the stream is of no more use. */
export class FrameReader {
  readonly #seal: Seal | null;
  #largest: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #header: Header | null = null;

  constructor(seal: Seal | null, largest: number) {
    this.#seal = seal;
    this.#largest = largest;
  }

  /** The limit from the next header on. */
  set largest(bytes: number) {
    this.#largest = bytes;
  }

  /** Bytes that were not read yet. */
  get size(): number {
    return this.#size;
  }

  push(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
  }

  /** The next whole frame; null: more bytes are needed. @throws ERR_PROTOCOL, ERR_FRAME_TOO_LARGE, ERR_AUTH */
  next(): Frame | null {
    if (this.#header === null) {
      if (this.#size < headerBytes) return null;
      this.#header = readHeader(this.#take(headerBytes), this.#largest);
    }
    const { kind, flags: bits, sequence, serializer, dataLength, annotationLength } = this.#header;
    if (this.#size < dataLength + annotationLength) return null;
    this.#header = null;
    const body = this.#take(dataLength + annotationLength);
    const annotations = annotationLength === 0 ? none : readAnnotations(body.subarray(0, annotationLength));
    const data = annotationLength === 0 ? body : body.subarray(annotationLength);
    const frame: Frame = { kind, flags: bits, sequence, serializer, annotations, data };
    checkSeal(frame, this.#seal);
    return frame;
  }

  #take(length: number): Buffer {
    this.#size -= length;
    const [first] = this.#chunks;
    if (length === 0) return Buffer.alloc(0);
    if (first !== undefined && first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    let have = 0;
    let count = 0;
    while (have < length) have += this.#chunks[count++]!.length;
    const parts = this.#chunks.splice(0, count);
    const rest = have - length;
    if (rest > 0) {
      const last = parts[parts.length - 1]!;
      this.#chunks.unshift(last.subarray(last.length - rest));
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
  }
}

function readHeader(bytes: Buffer, largest: number): Header {
  if (bytes.readUInt32BE(0) !== mark) throw malformed("does not begin with 'PYRO'");
  const spoken = bytes.readUInt16BE(4);
  if (spoken !== version)
    throw new MillraceError(
      'ERR_VERSION',
      `the other side speaks version ${spoken} of Pyro's wire protocol; spoken here is ${version} (Pyro4)`,
    );
  const kind = bytes.readUInt16BE(6);
  const bits = bytes.readUInt16BE(8);
  const sequence = bytes.readUInt16BE(10);
  const dataLength = bytes.readInt32BE(12);
  const serializer = bytes.readUInt16BE(16);
  const annotationLength = bytes.readUInt16BE(18);
  if (bytes.readUInt16BE(22) !== sumOf(kind, bits, sequence, dataLength, serializer, annotationLength))
    throw malformed('has a wrong checksum');
  if (dataLength < 0) throw malformed('has a negative length');
  if (dataLength + annotationLength > largest)
    throw new MillraceError(
      'ERR_FRAME_TOO_LARGE',
      `a message of ${dataLength + annotationLength} bytes came, which is larger than the limit of ${largest}`,
    );
  return { kind, flags: bits, sequence, serializer, dataLength, annotationLength };
}

function readAnnotations(bytes: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < chunkHeader) throw malformed('has an annotation that ends too soon');
    const name = bytes.toString('latin1', at, at + 4);
    const end = at + chunkHeader + bytes.readUInt16BE(at + 4);
    if (end > bytes.length) throw malformed('has an annotation that ends too soon');
    if (found.has(name)) throw malformed('has an annotation twice');
    found.set(name, bytes.subarray(at + chunkHeader, end));
    at = end;
  }
  return found;
}

/** @throws ERR_AUTH */
function checkSeal({ annotations, data }: Frame, seal: Seal | null): void {
  const given = annotations.get('HMAC');
  if (seal === null && given === undefined) return;
  if (seal === null) throw new MillraceError('ERR_AUTH', 'the other side has a key for its messages (hmac): give it as `auth`');
  if (given === undefined) throw new MillraceError('ERR_AUTH', 'the other side has no key for its messages (hmac)');
  const names = [...annotations.keys()].filter((name) => name !== 'HMAC').sort();
  if (!seal.matches(given, [data, ...names.map((name) => annotations.get(name)!)]))
    throw new MillraceError('ERR_AUTH', 'the other side has another key for its messages (hmac)');
}
