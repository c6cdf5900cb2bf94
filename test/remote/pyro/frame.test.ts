import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, type Frame, FrameReader, kinds } from '../../../src/remote/pyro/core/frame.ts';
import { pyroSeal } from '../../../src/transport/pyro-digest.ts';

const largest = 1_000_000;

/** What a reader makes of bytes that come in these pieces. */
function read(pieces: readonly Buffer[], seal = pyroSeal(null), limit = largest): Frame[] {
  const reader = new FrameReader(seal, limit);
  const frames: Frame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...places.map((place) => place % bytes.length), bytes.length])].toSorted((a, b) => a - b);
  return at.slice(1).map((end, place) => bytes.subarray(at[place], end));
}

const simple = { kind: kinds.invoke, flags: 0, sequence: 7, text: '{"größe":1}' };

describe('a frame of Pyro', () => {
  // Message(MSG_INVOKE, b'{"a":1}', 2, FLAGS_ONEWAY, 258, annotations={"CORR": b"0123456789abcdef"}).to_bytes() of Pyro4 4.82, without and with hmac_key=b"key".
  test('is that of Pyro4, byte for byte', () => {
    const frame = {
      kind: kinds.invoke,
      flags: 4,
      sequence: 258,
      text: '{"a":1}',
      annotations: { CORR: Buffer.from('0123456789abcdef') },
    };
    const text = (seal: ReturnType<typeof pyroSeal>): string => encodeFrame(frame, seal, largest).toString('hex');
    expect(text(null)).toBe('5059524f0030000400040102000000070002001600003642434f52520010303132333435363738396162636465667b2261223a317d');
    expect(text(pyroSeal('key'))).toBe(
      '5059524f003000040004010200000007000200300000365c434f525200103031323334353637383961626364656648' +
        '4d414300143c475ad25550bff8f30d23130419ee0c5845a2a57b2261223a317d',
    );
    const sealed = encodeFrame(frame, pyroSeal('key'), largest);
    expect(read([sealed], pyroSeal('key'))[0]?.data.toString()).toBe('{"a":1}');
  });

  test('comes out as it went in, however its bytes are cut', () => {
    const annotation = fc.tuple(fc.stringMatching(/^[A-GI-Z]{4}$/), fc.uint8Array({ maxLength: 40 }));
    const frame = fc.record({
      kind: fc.integer({ min: 1, max: 6 }),
      flags: fc.nat(0x7f),
      sequence: fc.nat(0xffff),
      text: fc.string({ unit: 'grapheme', maxLength: 200 }),
      annotations: fc.array(annotation, { maxLength: 3 }).map((items) => Object.fromEntries(items)),
    });
    const key = fc.option(fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), key, fc.array(fc.nat(2_000)), (frames, secret, places) => {
        const seal = pyroSeal(secret);
        const bytes = Buffer.concat(frames.map((one) => encodeFrame(one, seal, largest)));
        const got = read(cut(bytes, places), seal);
        expect(got.map(({ kind, flags, sequence, data }) => [kind, flags, sequence, data.toString()])).toEqual(
          frames.map(({ kind, flags, sequence, text }) => [kind, flags, sequence, Buffer.from(text).toString()]),
        );
        for (const [place, { annotations }] of frames.entries())
          for (const [name, chunk] of Object.entries(annotations)) expect(got[place]?.annotations.get(name)).toEqual(Buffer.from(chunk));
      }),
    );
  });

  test('is refused when one bit of it was changed on the way, where there is a key', () => {
    const seal = pyroSeal('the key of both');
    const bytes = encodeFrame({ ...simple, annotations: { CORR: Buffer.alloc(16, 7) } }, seal, largest);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        let frames: Frame[] = [];
        try {
          frames = read([changed], seal);
        } catch (error) {
          expect(['ERR_AUTH', 'ERR_PROTOCOL', 'ERR_VERSION', 'ERR_FRAME_TOO_LARGE']).toContain((error as { code: string }).code);
          return;
        }
        // Two bytes are of no meaning; a name of an annotation is not under the seal.
        if (frames.length > 0) expect(frames[0]?.data.toString()).toBe(simple.text);
      }),
      { numRuns: 400 },
    );
  });

  test('is refused by whoever has another key, or none, or by whom has one', () => {
    const plain = encodeFrame(simple, null, largest);
    const sealed = encodeFrame(simple, pyroSeal('one'), largest);
    for (const [bytes, key] of [
      [plain, 'one'],
      [sealed, 'two'],
      [sealed, null],
    ] as const)
      expect(() => read([bytes], pyroSeal(key))).toThrow(expect.objectContaining({ code: 'ERR_AUTH' }));
  });

  test('that is malformed or too large is refused from its header', () => {
    const good = encodeFrame(simple, null, largest);
    const broken = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(good);
      change(bytes);
      const sum = [4, 6, 8, 10, 16, 18].reduce((total, at) => total + bytes.readUInt16BE(at), 0) + bytes.readInt32BE(12) + 0x34e9;
      bytes.writeUInt16BE(sum & 0xffff, 22);
      return bytes.subarray(0, 24);
    };
    const codeOf = (bytes: Buffer, limit = largest): string | undefined => {
      try {
        read([bytes], null, limit);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return undefined;
    };
    expect(codeOf(broken(() => {}))).toBeUndefined();
    expect(codeOf(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))).toBe('ERR_PROTOCOL');
    expect(codeOf(broken((bytes) => bytes.writeUInt16BE(502, 4)))).toBe('ERR_VERSION');
    expect(codeOf(broken((bytes) => bytes.writeInt32BE(-1, 12)))).toBe('ERR_PROTOCOL');
    expect(codeOf(broken((bytes) => bytes.writeInt32BE(0x7fff_ffff, 12)))).toBe('ERR_FRAME_TOO_LARGE');
    const sum = Buffer.from(good.subarray(0, 24));
    sum[23]! ^= 1;
    expect(codeOf(sum)).toBe('ERR_PROTOCOL');
    expect(codeOf(good, 5)).toBe('ERR_FRAME_TOO_LARGE');
    expect(() => encodeFrame(simple, null, 5)).toThrow(expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }));
    const noted = encodeFrame({ ...simple, annotations: { CORR: Buffer.alloc(4) } }, null, largest);
    for (const length of [5, 3, 0xffff]) {
      const bytes = Buffer.from(noted);
      bytes.writeUInt16BE(length, 28);
      expect(codeOf(bytes), String(length)).toBe('ERR_PROTOCOL');
    }
  });
});
