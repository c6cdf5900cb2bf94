import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameParser, frameOf } from '../../src/protocol/frame.ts';

function parseAll(chunks: readonly Buffer[], cap = 1 << 24): Buffer[] {
  const parser = new FrameParser(() => cap);
  const bodies: Buffer[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let body = parser.next(); body !== null; body = parser.next()) bodies.push(Buffer.from(body));
  }
  return bodies;
}

test.each([
  [1, '81'],
  [127, 'ff'],
  [128, '0180'],
  [16_383, '7fff'],
  [16_384, '010080'],
  [65_536, '040080'],
])('a body of %i bytes has the header %s', (length, header) => {
  const frame = frameOf(Buffer.alloc(length));
  expect(frame.subarray(0, frame.length - length).toString('hex')).toBe(header);
});

test('bodies come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 300 })),
      (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map(frameOf));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of cuts) {
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        chunks.push(stream.subarray(at));
        expect(parseAll(chunks)).toEqual(bodies.map((body) => Buffer.from(body)));
      },
    ),
  );
});

test('a stream that comes byte by byte is put together', () => {
  const body = Buffer.alloc(10_000, 3);
  expect(parseAll([...frameOf(body)].map((byte) => Buffer.from([byte])))).toEqual([body]);
});

test.each([
  ['2 GiB', '0800000080'],
  ['16 MiB and a byte', '08000081'],
  ['2^35 - 1', '7f7f7f7fff'],
  ['a length that has passed the cap and goes on', '7f7f7f7f'],
])('a claim of %s is refused before a byte of the body is kept', (_, hex) => {
  const parser = new FrameParser(() => 16 * 1024 * 1024);
  parser.push(Buffer.from(hex, 'hex'));
  expect(() => parser.next()).toThrowError(expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }));
  expect(parser.held).toBe(0);
});

test.each([
  ['zeros without end', '000000000000'],
  ['one leading zero', '0081ff'],
  ['an empty frame', '80'],
])('a header of %s is refused', (_, hex) => {
  const parser = new FrameParser(() => 100);
  parser.push(Buffer.from(hex, 'hex'));
  expect(() => parser.next()).toThrowError(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
});

test('a header that never ends is refused at its fifth byte', () => {
  const parser = new FrameParser(() => Number.MAX_SAFE_INTEGER);
  parser.push(Buffer.from([1, 1, 1, 1, 1, 1, 1]));
  expect(() => parser.next()).toThrowError(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
});

test('a body that was announced but not sent takes no more than twice what came', () => {
  const parser = new FrameParser(() => 16 * 1024 * 1024);
  const frame = frameOf(Buffer.alloc(16 * 1024 * 1024));
  parser.push(frame.subarray(0, 5_000));
  expect(parser.next()).toBeNull();
  expect(parser.held).toBeLessThan(5_000);
});

test('the cap is asked for each frame', () => {
  let cap = 10;
  const parser = new FrameParser(() => cap);
  parser.push(Buffer.concat([frameOf(Buffer.alloc(10)), frameOf(Buffer.alloc(20))]));
  expect(parser.next()).toHaveLength(10);
  cap = 20;
  expect(parser.next()).toHaveLength(20);
});
