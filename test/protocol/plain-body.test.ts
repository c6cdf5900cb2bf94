import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { expect, test } from 'vitest';
import { FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { defaultLimits, limitsWith } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import { MsgpackScanner } from '../../src/protocol/msgpack-scan.ts';
import { PlainBodyReader } from '../../src/protocol/plain-body.ts';
import { checkMessage } from '../../src/protocol/shape.ts';

const scanner = new MsgpackScanner(defaultLimits);
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });
const reader = new PlainBodyReader(defaultLimits, 2 ** 20);

function bodyOf(...messages: Message[]): Uint8Array {
  const packer = new FramePacker(defaultLimits);
  for (const message of messages) packer.add(message);
  const [frame] = packer.take();
  return new Uint8Array(frame!.bytes.subarray(frame!.bodyAt));
}

/** What the long way makes of it; null: it is refused. */
function longRead(body: Uint8Array): unknown {
  try {
    scanner.scan(body);
    const { t, d } = unpackr.unpack(body);
    return t === 1 && Array.isArray(d) ? d.map(checkMessage) : null;
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
    fc.constantFrom('file:///a/module/of/functions.mjs#one', 'file:///a/module/of/functions.mjs#two', 'é'.repeat(20), 'x'.repeat(300)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(fc.nat(), { minLength: 16, maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ maxLength: 30 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

test('a body of plain data is read as the decoder of all bodies reads it', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(plain, { minLength: 1, maxLength: 3 }), (values) => {
      const body = bodyOf(...values.map((value): Message => ['event', 'note', value]));
      const messages = reader.read(body);
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
  const change = fc.tuple(fc.nat({ max: 512 }), fc.nat({ max: 255 }), fc.constantFrom('set', 'cut', 'add'));
  fc.assert(
    fc.property(plain, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
      let bytes = bodyOf(['?', 1, 'call', ['object', 'method', [value], 0]]);
      for (const [place, byte, kind] of changes) {
        const at = place % bytes.length;
        if (kind === 'cut') bytes = bytes.slice(0, Math.max(1, at));
        else if (kind === 'add') bytes = Uint8Array.of(...bytes, byte);
        else bytes[at] = byte;
      }
      const messages = reader.read(bytes);
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

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`82a17401a164dd00000001${text}`, 'hex'));

test('a key that would change a prototype, a claim beyond the end, and what is nested too deeply are left to the decoder of all bodies', () => {
  expect(reader.read(hex(`81a9${Buffer.from('__proto__').toString('hex')}80`))).toBeNull();
  expect(reader.read(hex('ddffffffff'))).toBeNull();
  expect(reader.read(hex('c6ffffffff00'))).toBeNull();
  expect(reader.read(hex(`${'91'.repeat(63)}c0`))).toBeNull();
  expect(reader.read(hex(`${'91'.repeat(62)}c0`))).toHaveLength(1);
});

test('it reads exactly as many values and as many lists as the limits allow', () => {
  // The envelope, its keys and its kind are 4 values and the list of messages one; the lists are 3 with it.
  const body = hex('93010203');
  const read = (limits: { items: number; containers: number }): unknown => new PlainBodyReader(limitsWith(limits), 1_000).read(body);
  expect(read({ items: 9, containers: 3 })).toEqual([[1, 2, 3]]);
  expect(read({ items: 8, containers: 3 })).toBeNull();
  expect(read({ items: 9, containers: 2 })).toBeNull();
  expect(() => new MsgpackScanner(limitsWith({ items: 9, containers: 3 })).scan(body)).not.toThrow();
  expect(() => new MsgpackScanner(limitsWith({ items: 8, containers: 3 })).scan(body)).toThrow('more than 8 values');
  expect(() => new MsgpackScanner(limitsWith({ items: 9, containers: 2 })).scan(body)).toThrow('more than 2 arrays and maps');
});

test('a body as long as the limit of the reader is left to the decoder of all bodies', () => {
  const body = hex('93010203');
  expect(new PlainBodyReader(defaultLimits, body.length + 1).read(body)).not.toBeNull();
  expect(new PlainBodyReader(defaultLimits, body.length).read(body)).toBeNull();
});

test('bytes that were read do not change with the memory in which they came', () => {
  const body = hex('c403070809');
  const [bytes] = reader.read(body) as [Uint8Array];
  body.fill(0);
  expect([...bytes]).toEqual([7, 8, 9]);
});

test('bytes stay where they came for those who ask for it', () => {
  const body = hex('c403070809');
  const [bytes] = new PlainBodyReader(defaultLimits, 1_000, true).read(body) as [Uint8Array];
  expect([...bytes]).toEqual([7, 8, 9]);
  expect(bytes.buffer).toBe(body.buffer);
});

test('texts that come again and again are one text, and one that differs in any byte is another', () => {
  const name = 'file:///a/module/of/functions.mjs#named';
  const texts: string[] = [];
  for (let at = 0; at <= name.length; at++) texts.push(`${name.slice(0, at)}~${name.slice(at + 1)}`.slice(0, name.length), name);
  expect(reader.read(bodyOf(['event', 'note', texts]))).toEqual([['event', 'note', texts]]);
});
