import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, longestLine } from '../../../../src/client/executors/shell/line-splitter.ts';

function split(chunks: readonly Buffer[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

/** The bytes in chunks of these lengths, over and over. */
function chunked(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0, i = 0; from < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    chunks.push(bytes.subarray(from, from + length));
    from += length;
  }
  return chunks;
}

describe('lines of a stream', () => {
  it('are the same however the bytes are cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(''))),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (given, lengths) => {
          const lines = given.map((line) => line.replaceAll('\n', ' '));
          expect(split(chunked(Buffer.from(lines.map((line) => `${line}\n`).join('')), lengths))).toEqual(lines);
        },
      ),
    );
  });

  it('include the last one without a line break, and no empty one after a line break', () => {
    expect(split([Buffer.from('a\nb')])).toEqual(['a', 'b']);
    expect(split([Buffer.from('a\n')])).toEqual(['a']);
    expect(split([Buffer.from('\n\n')])).toEqual(['', '']);
    expect(split([])).toEqual([]);
  });

  it('keep a carriage return: it belongs to the line', () => {
    expect(split([Buffer.from('10 %\r20 %\r\nend')])).toEqual(['10 %\r20 %\r', 'end']);
  });

  it('replace what is not UTF-8, and only that, also when it is cut', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xe2, 0x82, 0xac, 0xe2, 0x82, 10, 0x62]);
    for (const length of [1, 2, 3, 9]) expect(split(chunked(bytes, [length]))).toEqual(['a\ufffd€\ufffd', 'b']);
  });

  it('longer than 1 MiB come in pieces that are cut between characters', () => {
    const line = '€'.repeat(longestLine);
    for (const bytes of [Buffer.from(`${line}\nx`), Buffer.from(line)]) {
      const lines = split(chunked(bytes, [65_536]));
      const pieces = lines.filter((piece) => piece !== 'x');
      expect(pieces.join('')).toBe(line);
      expect(pieces.length).toBeGreaterThanOrEqual(3);
      expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(longestLine);
    }
  });
});
