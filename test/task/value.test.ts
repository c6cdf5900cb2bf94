import { inspect } from 'node:util';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../src/task/value.ts';

const refused = expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' });

function throughTheWire(value: unknown): unknown {
  return decodeValue(encodeValue(value));
}

describe('values', () => {
  it.each([['text'], [1], [1.5e300], [true], [null], [[]], [{}], [{ a: [1, { b: null }] }], ['\ud800'], [{ 'a b': '__proto__' }]])(
    'travel as JSON where JSON holds them: %j',
    (value) => {
      expect(encodeValue(value)).toBe(JSON.stringify(value));
      expect(throughTheWire(value)).toStrictEqual(value);
    },
  );

  it.each([
    [undefined],
    [-0],
    [Number.NaN],
    [Number.NEGATIVE_INFINITY],
    [5n],
    [-(2n ** 2_000n)],
    [[undefined, -0]],
    [{ a: undefined }],
    [{ toJSON: 1 }],
    [{ constructor: undefined, hasOwnProperty: 1 }],
    [new Date(1_500_000_000_123)],
    [new Date(-8.64e15)],
    [new Date(Number.NaN)],
    [/a\/b/gi],
    [
      new Map<unknown, unknown>([
        [{ k: 1 }, 'v'],
        ['m', new Map([[1, -0]])],
      ]),
    ],
    [new Set([1, 'a', undefined])],
    [new Uint8Array([1, 2])],
    [new Float64Array([-0, 1.5])],
    [new BigInt64Array([-1n])],
    [new Uint16Array([1, 2, 3]).subarray(1)],
    [new Uint8Array([9, 8]).buffer],
    [new DataView(new Uint8Array([7]).buffer)],
    [['\ud800', undefined]],
    [{ '\udc00': undefined }],
  ])('travel as bytes where JSON would bend them: %o', (value) => {
    expect(encodeValue(value)).toBeInstanceOf(Uint8Array);
    expect(throughTheWire(value)).toStrictEqual(value);
    expect(inspect(throughTheWire(value), { depth: 9 })).toBe(inspect(value, { depth: 9 })); // tells -0 from 0
  });

  it('keep their cycles and shared parts', () => {
    const shared = { x: undefined };
    const value: { list: unknown[]; map: Map<string, unknown>; self?: unknown } = { list: [shared, shared], map: new Map() };
    value.self = value;
    value.list.push(value.list);
    value.map.set('top', value);
    const back = throughTheWire(value) as typeof value;
    expect(back.self).toBe(back);
    expect(back.list[0]).toBe(back.list[1]);
    expect(back.list[2]).toBe(back.list);
    expect(back.map.get('top')).toBe(back);
  });

  it('keep an error with its type, stack and cause', () => {
    const error = new RangeError('too far', { cause: new Error('why') });
    const back = throughTheWire(error) as RangeError;
    expect(back).toBeInstanceOf(RangeError);
    expect({ name: back.name, message: back.message, stack: back.stack }).toEqual({
      name: 'RangeError',
      message: 'too far',
      stack: error.stack,
    });
    expect((back.cause as Error).message).toBe('why');
    class OwnError extends Error {
      override name = 'OwnError';
    }
    expect((throughTheWire(new OwnError('x')) as Error).name).toBe('OwnError');
  });

  it('of every shape come back as they were', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: false,
      withObjectString: false,
    });
    fc.assert(
      fc.property(fc.oneof(anything, fc.jsonValue()), (value) => {
        fc.pre(!inspect(value, { depth: null }).includes('__proto__'));
        expect(throughTheWire(value)).toStrictEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gain nothing: a value without a prototype comes back as a plain one, a hole as undefined', () => {
    expect(throughTheWire(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
    const holed = new Array(2);
    expect(throughTheWire(holed)).toStrictEqual([undefined, undefined]);
    expect(throughTheWire(Buffer.from('ab'))).toStrictEqual(new Uint8Array([97, 98]));
  });

  it.each([
    [{ done: () => 1 }, 'value.done'],
    [[1, [Symbol('s')]], 'value[1][0]'],
    [{ at: new URL('http://x') }, 'value.at'],
    [new Map([['k', class {}]]), 'value.get("k")'],
    [[Promise.resolve()], 'value[0]'],
    [new WeakMap(), 'value'],
    [JSON.parse('{"__proto__":1}'), 'value'],
  ])('that cannot cross are refused by their path: %o', (value, path) => {
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE', details: { path } }));
  });

  it('nested without end are refused, not followed', () => {
    let deep: unknown[] = [];
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect(() => encodeValue(deep)).toThrow(refused);
  });
});

describe('encoded values', () => {
  const pack = (value: unknown): Uint8Array => new Packr({ useRecords: false }).pack(value);

  it.each([
    ['', 'no JSON'],
    ['{"a":', 'half JSON'],
    ['{"__proto__":1}', 'a prototype key'],
    ['[{"\\u005f_proto__":{}}]', 'an escaped prototype key'],
    [`${'[{"__proto__":'.repeat(50_000)}`, 'a deep text'],
  ])('that are damaged are refused: %.30s (%s)', (text) => {
    expect(() => decodeValue(text)).toThrow(refused);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a list that claims 2^25 items', Uint8Array.of(0xdd, 2, 0, 0, 0)],
    ['such lists inside of each other', Uint8Array.from({ length: 5_000 }, (_, i) => [0xdd, 2, 0, 0, 0][i % 5]!)],
    ['a text that is longer than the bytes', Uint8Array.of(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff)],
    ['bytes behind the value', Uint8Array.of(0x91, 0x01, 0x01)],
    ['an extension', Uint8Array.of(0x91, 0xd4, 0x65, 0)],
    ['a record definition', Uint8Array.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01)],
    ['no table', pack({ a: 1 })],
    ['an empty table', pack([])],
    ['an unknown node', pack([['q']])],
    ['a node that does not exist', pack([['a', 5]])],
    ['half of a pair', pack([['o', 1], 'k'])],
    ['a prototype key', pack([['o', 1, 2], '__proto__', 1])],
    ['a key that is no text', pack([['o', 1, 2], 7, 1])],
    ['an unknown type of bytes', pack([['b', 'Function', new Uint8Array(1)]])],
    ['bytes that do not fit their type', pack([['b', 'Float64Array', new Uint8Array(3)]])],
    ['a text that is none', pack([['j', '{}']])],
  ])('that are damaged are refused: %s', (_what, bytes) => {
    expect(() => decodeValue(bytes)).toThrow(refused);
  });

  it('of any bytes at all give a value or the coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeValue(bytes);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
