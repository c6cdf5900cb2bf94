import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { defaultLimits, limitsWith } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { SmallBodyReader, smallBody } from '../../src/protocol/small-body.ts';

/** Limits that a small body could exceed, so that all bodies take the long way. */
const longWay = new FrameDecoder(limitsWith({ items: smallBody - 1 }));
const short = new SmallBodyReader(defaultLimits.depth);

function bodyOf(...messages: Message[]): Uint8Array {
  const packer = new FramePacker(defaultLimits);
  for (const message of messages) packer.add(message);
  const [frame] = packer.take();
  return new Uint8Array(frame!.bytes.subarray(frame!.bodyAt));
}

/** What the long way makes of it; null: it is refused. */
function longRead(body: Uint8Array): unknown {
  try {
    const decoded = longWay.decode(body);
    return decoded.kind === 'messages' ? decoded.messages : null;
  } catch {
    return null;
  }
}

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -1, 127, 128, -32, -33, -128, -129, 65_535, 65_536, -32_769, 2 ** 31, 2 ** 32, 2 ** 53, 0.5),
    fc.double(),
    fc.integer(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ maxLength: 30 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

test('a small body of plain data is read as the decoder of all bodies reads it', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(plain, { minLength: 1, maxLength: 3 }), (values) => {
      const body = bodyOf(...values.map((value): Message => ['event', 'note', value]));
      const messages = short.read(body);
      if (messages === null) return;
      read++;
      expect(messages).toEqual(longRead(body));
    }),
    { numRuns: 2_000 },
  );
  expect(read).toBeGreaterThan(1_000);
});

test('bytes that are changed, cut or added to are read as the decoder of all bodies reads them, or left to it', () => {
  const seen = { read: 0, left: 0 };
  const change = fc.tuple(fc.nat({ max: smallBody }), fc.nat({ max: 255 }), fc.constantFrom('set', 'cut', 'add'));
  fc.assert(
    fc.property(plain, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
      let bytes = bodyOf(['?', 1, 'call', ['object', 'method', [value], 0]]);
      for (const [place, byte, kind] of changes) {
        const at = place % bytes.length;
        if (kind === 'cut') bytes = bytes.slice(0, Math.max(1, at));
        else if (kind === 'add') bytes = Uint8Array.of(...bytes, byte);
        else bytes[at] = byte;
      }
      const messages = short.read(bytes);
      seen[messages === null ? 'left' : 'read']++;
      const whole = longRead(bytes);
      // What is no message at all is refused after it was read.
      if (messages !== null && whole !== null) expect(messages).toEqual(whole);
      if (messages !== null && whole === null) expect(() => new FrameDecoder(defaultLimits).decode(bytes)).toThrow();
    }),
    { numRuns: 5_000 },
  );
  expect(seen.read).toBeGreaterThan(50);
  expect(seen.left).toBeGreaterThan(50);
});

test('a key that would change a prototype, bytes, and what is nested too deeply are left to the decoder of all bodies', () => {
  const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`82a17401a164dd00000001${text}`, 'hex'));
  expect(short.read(hex(`81a9${Buffer.from('__proto__').toString('hex')}80`))).toBeNull();
  expect(short.read(hex('c40107'))).toBeNull();
  expect(short.read(hex(`${'91'.repeat(63)}c0`))).toBeNull();
  expect(short.read(hex(`${'91'.repeat(62)}c0`))).toHaveLength(1);
});
