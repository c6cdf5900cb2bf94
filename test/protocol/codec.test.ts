import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endBody, FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { FrameParser, frameOf } from '../../src/protocol/frame.ts';
import { defaultLimits, limitsWith } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { messageTags } from '../../src/protocol/shape.ts';
import { golden } from './golden.ts';
import { hostileBodies } from './hostile-bodies.ts';

function bodiesOf(bytes: Buffer): Buffer[] {
  const parser = new FrameParser(() => defaultLimits.frame);
  const bodies: Buffer[] = [];
  parser.push(bytes);
  for (let body = parser.next(); body !== null; body = parser.next()) bodies.push(body);
  return bodies;
}

function unpacked(bytes: Buffer): readonly Message[] {
  const decoder = new FrameDecoder(defaultLimits);
  return bodiesOf(bytes).flatMap((body) => {
    const decoded = decoder.decode(body);
    return decoded.kind === 'messages' ? decoded.messages : [];
  });
}

function packed(...messages: Message[]): Buffer[] {
  const packer = new FramePacker(defaultLimits);
  for (const message of messages) packer.add(message);
  return packer.take().map(({ bytes }) => bytes);
}

describe('golden frames', () => {
  test('there is one for every tag', () => {
    expect(new Set(golden.map(({ message }) => message[0]))).toEqual(new Set(messageTags));
  });

  test.each(golden.map((entry) => [entry.message[0], entry] as const))('%s is written as it always was', (_, { message, hex }) => {
    expect(packed(message).map((bytes) => bytes.toString('hex'))).toEqual([hex]);
  });

  test.each(golden.map((entry) => [entry.message[0], entry] as const))('%s is read as it always was', (_, { message, hex }) => {
    const [read] = unpacked(Buffer.from(hex, 'hex'));
    expect(JSON.stringify(read, bytesAsList)).toBe(JSON.stringify(message, bytesAsList));
  });

  test('the end of a connection is an envelope without messages', () => {
    expect(Buffer.from(frameOf(endBody)).toString('hex')).toBe('8481a17406');
    expect(new FrameDecoder(defaultLimits).decode(endBody)).toEqual({ kind: 'end' });
  });
});

function bytesAsList(_: string, value: unknown): unknown {
  const data = (value as { type?: string; data?: number[] } | null)?.type === 'Buffer' ? (value as { data: number[] }).data : value;
  return data instanceof Uint8Array ? [...data] : data;
}

test('messages of one tick are one frame, in order', () => {
  const frames = packed(['want', 1, 2, 3], ['heartbeat'], ['ack', 4]);
  expect(frames).toHaveLength(1);
  expect(unpacked(frames[0]!)).toEqual([['want', 1, 2, 3], ['heartbeat'], ['ack', 4]]);
});

test('a frame is cut before the message that would bring it over the cut', () => {
  const packer = new FramePacker(limitsWith({ cut: 1_000 }));
  for (let i = 0; i < 10; i++) packer.add(['event', 'x', 'y'.repeat(400)]);
  packer.add(['event', 'x', 'z'.repeat(5_000)]);
  packer.add(['ack', 1]);
  const frames = packer.take();
  expect(frames.map((frame) => frame.messages)).toEqual([2, 2, 2, 2, 2, 1, 1]);
  expect(frames.slice(0, 5).every((frame) => frame.bytes.length <= 1_000 + 16)).toBe(true);
  expect(packer.pending).toBe(0);
  expect(packer.take()).toEqual([]);
});

test('a message that is refused leaves the frame as it was', () => {
  const packer = new FramePacker(defaultLimits);
  packer.add(['ack', 1]);
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(() => packer.add(['event', 'x', cycle])).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
  expect(() => packer.add(['event', 'x', () => 0])).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
  packer.add(['ack', 2]);
  expect(unpacked(packer.take()[0]!.bytes)).toEqual([
    ['ack', 1],
    ['ack', 2],
  ]);
});

test('a field that is undefined is left out', () => {
  expect(unpacked(packed(['event', 'x', { a: undefined, b: 1 }])[0]!)).toEqual([['event', 'x', { b: 1 }]]);
});

test('binary values of a decoded message do not hold the frame that they came in', () => {
  const frame = packed(['event', 'x', new Uint8Array([1, 2, 3])], ['event', 'x', 'y'.repeat(100_000)])[0]!;
  const bytes = unpacked(frame)[0]![2] as Uint8Array;
  expect(bytes.buffer.byteLength).toBeLessThan(16_384);
});

test('any plain data comes back as it was', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.string({ unit: 'binary' }).filter((text) => !/\p{Surrogate}/u.test(text)),
      // msgpack has whole numbers: the sign of zero is lost, which no field of the protocol needs (values of users are encoded apart).
      fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('any'), { maxLength: 8 }),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('any'),
        { maxKeys: 8, noNullPrototype: true },
      ),
    ),
  })).any;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), (values) => {
      const messages = values.map((data): Message => ['event', 'x', data]);
      expect(packed(...messages).flatMap(unpacked)).toEqual(messages);
    }),
    { numRuns: 300 },
  );
}, 20_000);

describe('hostile bodies', () => {
  test.each(hostileBodies)('%s is refused', (_, hex) => {
    const before = process.memoryUsage().rss;
    expect(() => new FrameDecoder(defaultLimits).decode(Buffer.from(hex, 'hex'))).toThrowError(
      expect.objectContaining({ code: 'ERR_PROTOCOL' }),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('random bytes and damaged frames never throw anything but ERR_PROTOCOL', () => {
    const decoder = new FrameDecoder(defaultLimits);
    const tryOne = (body: Uint8Array): void => {
      try {
        decoder.decode(body);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_PROTOCOL' });
      }
    };
    const bodies = golden.flatMap(({ hex }) => bodiesOf(Buffer.from(hex, 'hex')));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => tryOne(body)),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), (body, at, byte, end) => {
        const damaged = Buffer.from(body);
        damaged[at % damaged.length] = byte;
        tryOne(damaged.subarray(0, end % 3 === 0 ? end % damaged.length : damaged.length));
      }),
      { numRuns: 5_000 },
    );
  }, 20_000);
});
