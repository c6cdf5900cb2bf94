import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { expect, test } from 'vitest';
import { FrameDecoder, FramePacker, unpackValue, ValuePacker } from '../../src/protocol/codec.ts';
import { defaultLimits, limitsWith } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { FrameMemory, MsgpackWriter } from '../../src/protocol/msgpack-write.ts';

/** As the codec has them. */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  copyBuffers: true,
  skipValues: [undefined],
  encodeUndefinedAsNil: true,
} as ConstructorParameters<typeof Packr>[0]);

function written(value: unknown, deepest = 20): string | null {
  const writer = new MsgpackWriter(deepest);
  writer.into(Buffer.alloc(8), 3);
  return writer.write(value) ? writer.bytes.subarray(3, writer.at).toString('hex') : null;
}

/** Long as well: lengths and counts have headers of one to five bytes. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', '\udc00x', 'ä\ud83d', '😀', 'é'.repeat(31), `${'é'.repeat(20)}\ud800`, `${'x'.repeat(63)}\ud800`),
  fc
    .tuple(fc.constantFrom('x', 'é', '€', '😀'), fc.constantFrom(31, 32, 63, 64, 127, 128, 200, 255, 256, 22_000, 32_768))
    .map(([letter, n]) => letter.repeat(n)),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    31,
    32,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
    -(2 ** 31),
    -(2 ** 31) - 1,
  ),
);
const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(new Uint8Array(255), new Uint8Array(256), Buffer.alloc(65_535)));
const plain = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    number,
    bytes,
    fc.constantFrom(null, undefined, true, false),
    fc.array(tie('any'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__' && key !== 'constructor'),
      tie('any'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).any;

test('plain data is written byte for byte as msgpackr writes it', () => {
  fc.assert(
    fc.property(plain, (value) => {
      // Not compared by the matcher, which would print megabytes.
      expect(written(value) === Buffer.from(packr.pack(value)).toString('hex')).toBe(true);
    }),
    { numRuns: 400 },
  );
}, 30_000);

test.each([15, 16, 65_535, 65_536])('a list of %i items, and a record of as many fields, are written as msgpackr writes them', (length) => {
  const list = Array.from({ length }, (_, i) => i);
  expect(written(list)).toBe(Buffer.from(packr.pack(list)).toString('hex'));
  const record = Object.fromEntries(list.map((i) => [`k${i}`, i]));
  expect(written(record)).toBe(Buffer.from(packr.pack(record)).toString('hex'));
});

test.each([
  ['a function', () => 0],
  ['a date', new Date(0)],
  ['a map', new Map()],
  ['a bigint', 1n],
  ['a symbol', Symbol('x')],
  ['an object without a prototype', Object.create(null)],
  ['an object of a class', new (class Point {})()],
  ['a list of a class', new (class List extends Array {})()],
  ['a field named constructor', { constructor: 1 }],
  ['a field named __proto__', JSON.parse('{"__proto__":1}')],
  ['numbers of another size', new Uint16Array(2)],
  ['a long text', 'x'.repeat(70_000)],
  ['long bytes', new Uint8Array(1_100_000)],
])('%s is left to msgpackr, wherever it stands, and nothing of it is written', (_, value) => {
  const writer = new MsgpackWriter(20);
  writer.into(Buffer.alloc(8), 3);
  for (const place of [value, [1, value], { a: 'b', c: [value] }]) {
    expect(writer.write(place)).toBe(false);
    expect(writer.at).toBe(3);
  }
});

test('what is nested too deeply, or throws when it is read, is left to msgpackr', () => {
  const nested = (depth: number): unknown => (depth === 0 ? [] : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) });
  expect(written(nested(19))).not.toBeNull();
  expect(written(nested(20))).toBeNull();
  const trap = {
    get a(): never {
      throw new Error('no');
    },
  };
  expect(written([1, trap])).toBeNull();
});

function unpacked(packer: FramePacker): readonly Message[] {
  const decoder = new FrameDecoder(defaultLimits);
  return packer.take().flatMap(({ bytes, bodyAt }) => {
    const decoded = decoder.decode(bytes.subarray(bodyAt));
    return decoded.kind === 'messages' ? decoded.messages : [];
  });
}

test('messages that the writer takes and messages that it leaves to msgpackr are one frame, in order, without those that were refused', () => {
  const packer = new FramePacker(defaultLimits);
  const messages: Message[] = [];
  for (let i = 0; i < 50; i++) {
    messages.push(['event', 'x', i], ['event', 'x', 'y'.repeat(i % 10 === 0 ? 70_000 : 100 * i)]);
    if (i % 25 === 0)
      messages.push(
        ['event', 'large', 'z'.repeat(1_200_000)],
        ['event', 'large', Array.from({ length: 40_000 }, () => 'item of a long list')],
      );
  }
  for (const message of messages) {
    packer.add(message);
    expect(() => packer.add(['event', 'x', [1, () => 0]])).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
  }
  expect(packer.pending).toBeGreaterThan(2_000_000);
  expect(unpacked(packer)).toEqual(messages);
  expect(packer.pending).toBe(0);
});

test('a message with more values than the receiver allows, or over the size of a frame, is refused where it is sent', () => {
  const few = new FramePacker(limitsWith({ items: 100, containers: 10 }));
  few.add(['event', 'x', [1, 2, 3]]);
  expect(() => few.add(['event', 'x', Array.from({ length: 200 }, () => 1)])).toThrowError(
    expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }),
  );
  expect(() => few.add(['event', 'x', Array.from({ length: 20 }, () => [])])).toThrowError(
    expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }),
  );
  expect(unpacked(few)).toEqual([['event', 'x', [1, 2, 3]]]);
  const small = new FramePacker(limitsWith({ frame: 10_000 }));
  expect(() => small.add(['event', 'x', Array.from({ length: 400 }, () => 'thirty characters of some text')])).toThrowError(
    expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }),
  );
});

test('a list that was packed before stands in a message as the list', () => {
  const values = new ValuePacker(defaultLimits);
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 5 }), (list) => {
      const [direct, passed] = [new FramePacker(defaultLimits), new FramePacker(defaultLimits)];
      const packed = values.pack(list);
      direct.add(['event', 'x', list]);
      passed.add(['event', 'x', packed]);
      expect(passed.take()[0]!.bytes.equals(direct.take()[0]!.bytes)).toBe(true);
    }),
    { numRuns: 100 },
  );
}, 30_000);

test('a packed list of megabytes is a frame of its own, and one that does not fit into a frame is refused where it is packed', () => {
  const list = Array.from({ length: 60_000 }, (_, i) => `item ${i} of a long list`);
  const packer = new FramePacker(defaultLimits);
  packer.add(['ack', 1]);
  packer.add(['event', 'x', new ValuePacker(defaultLimits).pack(list)]);
  packer.add(['ack', 2]);
  expect(unpacked(packer)).toEqual([
    ['ack', 1],
    ['event', 'x', list],
    ['ack', 2],
  ]);
  const small = new ValuePacker(limitsWith({ frame: 10_000 }));
  expect(() => small.pack(list)).toThrowError(expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }));
  expect(() => small.pack([() => 0])).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
  expect(unpackValue(small.pack(['x']))).toEqual(['x']);
});

test('what is packed beside something that is not plain is refused, and never made a record of', () => {
  const packed = new ValuePacker(defaultLimits).pack([1]);
  expect(() => new FramePacker(defaultLimits).add(['event', 'x', [packed, new Map()]])).toThrowError(
    expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }),
  );
});

test('bytes are written as msgpackr writes them, short and long', () => {
  const packr = new Packr({ useRecords: false });
  for (const length of [0, 255, 256, 65_535, 65_536, 300_000]) {
    const bytes = new Uint8Array(length).fill(7);
    expect(written([1, bytes])).toBe(packr.pack([1, bytes]).toString('hex'));
  }
});

test('a long frame that has left leaves its memory to the next one, of whichever connection, and one that waits keeps it', () => {
  const memory = new FrameMemory();
  const [one, other] = [new FramePacker(defaultLimits, memory), new FramePacker(defaultLimits, memory)];
  const frames: Buffer[] = [];
  const send = (packer: FramePacker, length: number, gone: boolean): ArrayBufferLike => {
    packer.add(['event', 'x', new Uint8Array(length).fill(frames.length)]);
    packer.takeTo((bytes) => {
      frames.push(bytes);
      return gone;
    });
    return frames[frames.length - 1]!.buffer;
  };
  const first = send(one, 20_000, true);
  expect(send(other, 15_000, true)).toBe(first);
  expect(send(other, 12_000, false)).toBe(first);
  const waiting = Buffer.from(frames[2]!);
  expect(send(other, 12_000, true)).not.toBe(first);
  expect(send(one, 12_000, true)).not.toBe(first);
  expect(frames[2]!.equals(waiting)).toBe(true);
  // What is longer than most would be held for ever.
  expect(send(one, 600_000, true)).not.toBe(send(one, 600_000, true));
});
