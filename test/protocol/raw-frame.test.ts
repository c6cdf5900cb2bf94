import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { FrameParser, rawHead, rawId, rawStart } from '../../src/protocol/frame.ts';
import { defaultLimits } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { Landings } from '../../src/transport/landings.ts';

function rawFrame(id: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([rawStart(id, bytes.length), bytes]);
}

function packed(...messages: Message[]): Buffer {
  const packer = new FramePacker(defaultLimits);
  for (const message of messages) packer.add(message);
  return Buffer.concat(packer.take().map(({ bytes }) => bytes));
}

/** What a connection makes of a stream; `each`: after every chunk. */
class Reader {
  readonly messages: Message[] = [];
  readonly landings: Landings;
  readonly #parser: FrameParser;
  readonly #decoder: FrameDecoder = new FrameDecoder(defaultLimits);

  constructor() {
    this.landings = new Landings(() => this.#parser.abandon());
    this.#parser = new FrameParser(() => defaultLimits.frame, {
      head: rawHead,
      find: (head, length) => this.landings.find(head, length),
    });
  }

  get held(): number {
    return this.#parser.held;
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk);
    for (let body = this.#parser.next(); body !== null; body = this.#parser.next()) {
      const decoded = this.landings.take() ?? this.#decoder.decode(body);
      if (decoded.kind === 'messages') this.messages.push(...decoded.messages);
    }
  }
}

function cut(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return [...chunks, stream.subarray(at)].filter(({ length }) => length > 0);
}

test.each([
  [1, 3, '8ac1000000000001616263'],
  [2 ** 40 + 5, 3, '8ac1010000000005616263'],
])('the bytes that answer request %i stand behind its number', (id, size, hex) => {
  expect(rawFrame(id, Buffer.from('abc').subarray(0, size)).toString('hex')).toBe(hex);
});

const piece = fc.record({
  size: fc.nat({ max: 3_000 }),
  /** Bare bytes with a place, without one, with one that is too small; or a message. */
  kind: fc.constantFrom('placed', 'loose', 'small', 'message'),
});

test('bare bytes and messages come out in order, each in its place, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 12 }), (pieces, sizes) => {
      const reader = new Reader();
      const places = new Map<number, Buffer>();
      const stream = pieces.map(({ size, kind }, id) => {
        const bytes = Buffer.alloc(size, id + 1);
        if (kind === 'placed') places.set(id, Buffer.alloc(size + 5));
        if (kind === 'small') places.set(id, Buffer.alloc(Math.max(0, size - 1)));
        return kind === 'message' ? packed(['=', id, bytes]) : rawFrame(id, bytes);
      });
      for (const [id, place] of places) reader.landings.set(id, place);
      for (const chunk of cut(Buffer.concat(stream), sizes)) reader.push(chunk);
      expect(reader.messages.map(([tag, id]) => [tag, id])).toEqual(pieces.map((_, id) => ['=', id]));
      for (const [, id, value] of reader.messages as ['=', number, Uint8Array][]) {
        expect(Buffer.from(value).equals(Buffer.alloc(pieces[id]!.size, id + 1))).toBe(true);
        const place = places.get(id);
        // Either all of it stands at the start of its place, or nothing of it does.
        const landed = value.buffer === place?.buffer && value.byteOffset === place.byteOffset;
        const expected = landed ? value.length : 0;
        if (place !== undefined) expect(place.filter((byte) => byte !== 0).length).toBe(expected);
      }
    }),
  );
});

test('what comes in many chunks goes straight to its place: nothing of it is held', () => {
  const reader = new Reader();
  const place = Buffer.alloc(100_000);
  reader.landings.set(9, place);
  const chunks = cut(
    rawFrame(9, Buffer.alloc(100_000, 7)),
    Array.from({ length: 20 }, () => 5_000),
  );
  for (const chunk of chunks.slice(0, -1)) {
    reader.push(chunk);
    expect(reader.held).toBeLessThanOrEqual(rawHead);
  }
  reader.push(chunks.at(-1)!);
  expect(place.equals(Buffer.alloc(100_000, 7))).toBe(true);
});

test('a place that is taken back in the middle is not written to any more, and what follows is understood', () => {
  const reader = new Reader();
  const place = Buffer.alloc(1_000);
  reader.landings.set(3, place);
  const [first, ...rest] = cut(Buffer.concat([rawFrame(3, Buffer.alloc(1_000, 1)), packed(['heartbeat'])]), [400, 300]);
  reader.push(first!);
  reader.landings.set(3, null);
  const before = Buffer.from(place);
  for (const chunk of rest) reader.push(chunk);
  expect(place.equals(before)).toBe(true);
  expect(reader.messages.at(-1)).toEqual(['heartbeat']);
});

describe('chance', () => {
  test('whatever follows the mark is an answer with that number, or blames who sent it', () => {
    const decoder = new FrameDecoder(defaultLimits);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const body = Buffer.concat([Uint8Array.of(0xc1), bytes]);
        if (body.length < rawHead) {
          expect(() => decoder.decode(body)).toThrowError(MillraceError);
          return;
        }
        const decoded = decoder.decode(body);
        expect(decoded).toEqual({ kind: 'messages', messages: [['=', rawId(body), body.subarray(rawHead)]] });
      }),
    );
  });
});
