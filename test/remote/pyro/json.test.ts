import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PythonError, remoteTraceback } from '../../../src/remote/index.ts';
import { readJson } from '../../../src/remote/pyro/core/json.ts';
import { PyroValues } from '../../../src/remote/pyro/values.ts';

const read = (text: string): unknown => readJson(Buffer.from(text));
const values = new PyroValues({ classes: {}, revive: (state) => ({ revived: state }) });
const again = (value: unknown): unknown => values.read(Buffer.from(values.write(value, 'it')));

describe('JSON of Python', () => {
  test('is read as JSON is', () => {
    // Python's integers are exact: longer ones are another matter, below.
    const json = fc.jsonValue().filter((value) => !/\d{16}/.test(JSON.stringify(value)));
    fc.assert(fc.property(json, (value) => void expect(read(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))));
    // With one number that the language's own parser would bend, all else goes through ours.
    fc.assert(
      fc.property(json, fc.boolean(), (value, spaced) => {
        const text = JSON.stringify([value, 0], null, spaced ? 2 : 0).replace(/0(\s*\])$/, `${2n ** 80n}$1`);
        expect(read(text)).toEqual([JSON.parse(JSON.stringify(value)), 2n ** 80n]);
      }),
    );
  });

  test('has integers of any length, and numbers that are none', () => {
    expect(read('[9007199254740991, 9007199254740992, -12345678901234567890, 1234567890123456.5, 1e400, -0.0]')).toEqual([
      9_007_199_254_740_991,
      9_007_199_254_740_992n,
      -12_345_678_901_234_567_890n,
      1_234_567_890_123_456.5,
      Number.POSITIVE_INFINITY,
      -0,
    ]);
    expect(read('{"a":NaN,"b":[Infinity,-Infinity],"NaN":"Infinity"}')).toEqual({
      a: Number.NaN,
      b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      NaN: 'Infinity',
    });
    expect(read('"1234567890123456789 \\" Infinity"')).toBe('1234567890123456789 " Infinity');
  });

  test('that is none, or would become too much, is refused', () => {
    const bad = [
      '',
      '[',
      '[1,]',
      '{"a"}',
      '{a:1}',
      '[1 2]',
      '[01, NaN]',
      '[NaN',
      'NaNs',
      '[Infinity.5]',
      '["\n", NaN]',
      '[-, NaN]',
      '{"a":1,,"b":NaN}',
    ];
    for (const text of [...bad, '"\\x"', '[1]]', '{"a":NaN}}', 'nul', `[${'9'.repeat(5_000)}]`, '['.repeat(300) + ']'.repeat(300)])
      expect(() => read(text), text.slice(0, 20)).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
    expect(() => readJson(Buffer.of(0x22, 0xff, 0x22))).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
    expect(() => readJson(Buffer.from(`[${'[],'.repeat(1_100_000)}0]`))).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
    expect(() => read('['.repeat(5_000_000))).toThrow(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
  });
});

describe('values of calls', () => {
  test('come out as they went in', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      // Smaller ones are integers of the language again.
      fc.bigInt().filter((value) => !Number.isSafeInteger(Number(value))),
    );
    const key = fc.string().filter((name) => name !== '__proto__' && name !== '__class__' && name !== 'toJSON');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree')), fc.dictionary(key, tie('tree'), { noNullPrototype: true })),
    }));
    fc.assert(fc.property(tree, (value) => void expect(again(value)).toEqual(value)));
  });

  test('of classes come in by a known list only, and prototypes not at all', () => {
    const code = (text: string): string | undefined => {
      try {
        values.read(Buffer.from(text));
      } catch (error) {
        return (error as { code: string }).code;
      }
      return undefined;
    };
    for (const name of ['subprocess.Popen', 'Pyro4.core.Daemon', 'Object', 'constructor', '__proto__', 'Pyro4.util.PickleSerializer', ''])
      expect(code(JSON.stringify([{ __class__: name, state: [] }])), name).toBe('ERR_NOT_CLONEABLE');
    expect(code('{"__class__":7}')).toBe('ERR_NOT_CLONEABLE');
    expect(code('{"__class__":{"toString":"x"}}')).toBe('ERR_NOT_CLONEABLE');
    expect(code('{"__class__":"Pyro4.core.URI","state":["PYRO","a",null,"b",{"toString":1}]}')).toBe('ERR_URI');
    const many = (count: number): string => `[${'{"__class__":"Pyro4.core.URI","state":["PYRO","a",null,"b",1]},'.repeat(count)}0]`;
    expect([code(many(10_000)), code(many(10_001))]).toEqual([undefined, 'ERR_PROTOCOL']);
    expect(code('{"\\u005f\\u005fclass__":"x.Y"}')).toBe('ERR_NOT_CLONEABLE');
    expect(code('{"a":{"__proto__":{"polluted":1}}}')).toBe('ERR_PROTOCOL');
    expect(code('{"\\u005f\\u005fproto__":1}')).toBe('ERR_PROTOCOL');
    expect(code('{"a":[1e5,NaN,{"__proto__":{"polluted":1}}]}')).toBe('ERR_PROTOCOL');
    expect(code('{"__class__":"Pyro4.core.URI","state":[1,2]}')).toBe('ERR_PROTOCOL');
    expect(code('{"__class__":"Pyro4.core.Proxy","state":[null]}')).toBe('ERR_PROTOCOL');
    expect(code('{"__class__":"Pyro4.core.Proxy","state":["PYRO:a@b:1",[],[],[],0,"secret"]}')).toBe('ERR_PROTOCOL');
    expect(values.read(Buffer.from('{"__class__":"Pyro4.core.Proxy","state":["PYRO:a@b:1",[],[],[],0,"b64:a2V5"]}'))).toEqual({
      revived: { uri: 'PYRO:a@b:1', key: 'key' },
    });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('that a method has thrown go as an exception, whatever they are', () => {
    const odd = Object.assign(new Error('odd'), { message: { a: [] }, self: null as unknown, method: () => 1 });
    odd.self = odd;
    for (const thrown of [
      odd,
      null,
      undefined,
      7n,
      Symbol('x'),
      Object.create(null),
      { toString: 1 },
      'text',
      new PythonError('a.B', [() => 1]),
    ]) {
      const error = values.read(Buffer.from(values.writeError(thrown)));
      expect(error).toBeInstanceOf(PythonError);
      expect(remoteTraceback(error)).not.toBeNull();
    }
  });

  test('say where in them something cannot cross', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => values.write({ a: [1, () => 1] }, 'an argument')).toThrow(/^an argument\.a\[1\] is a function/);
    expect(() => values.write([cycle], 'it')).toThrow(/^it\[0\]\.self is part of itself/);
    expect(() => values.write(new Map([[{}, 1]]), 'it')).toThrow(/key that is neither/);
    expect(() => values.write(new Date(Number.NaN), 'it')).toThrow(/is no date/);
    expect(values.write([2 ** 53, -(2 ** 60), 1e300, 2 ** 53 - 1], 'it')).toBe(
      '[9007199254740992.0,-1152921504606847000.0,1e+300,9007199254740991]',
    );
    const shared = { a: 1 };
    expect(again([shared, shared, undefined])).toEqual([{ a: 1 }, { a: 1 }, null]);
    expect(JSON.parse(values.write({ toJSON: 1, at: new Float64Array([1, 2.5]), bytes: Uint8Array.of(255) }, 'it'))).toEqual({
      toJSON: 1,
      at: [1, 2.5],
      bytes: { data: '/w==', encoding: 'base64' },
    });
  });
});
