import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { defaultLimits } from '../../src/protocol/limits.ts';
import { remoteTraceback } from '../../src/remote/error-nodes.ts';
import { type References, Values } from '../../src/remote/values.ts';

class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  get length(): number {
    return Math.hypot(this.x, this.y);
  }
}

class Trap {
  set armed(_: unknown) {
    throw new Error('a setter ran');
  }
}

class QuotaError extends Error {
  readonly left: number;
  constructor(left: number) {
    super(`only ${left} left`);
    this.left = left;
  }
}

const none: References = { give: () => null, take: () => undefined };
const classes = { Point, QuotaError, Trap };
const values = new Values(none, classes);

/** Through the bytes of a real frame. */
function overWire(part: unknown): unknown {
  const packer = new FramePacker(defaultLimits);
  packer.add(['=', 1, part]);
  const { bytes, bodyAt } = packer.take()[0]!;
  const decoded = new FrameDecoder(defaultLimits).decode(bytes.subarray(bodyAt));
  return decoded.kind === 'messages' ? decoded.messages[0]![2] : undefined;
}

const crossed = (value: unknown): unknown => values.unpack(overWire(values.pack(value, 'value')));
const crossedList = (list: unknown[]): unknown[] => {
  const [items, form] = overWire(values.packList(list, 'args')) as [unknown, unknown];
  return values.unpackList(items, form);
};

describe('values of remote calls', () => {
  test('come back as they were, whatever they are made of', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: false,
    });
    const fits = anything.filter((value) => !hasProtoKey(value));
    fc.assert(
      fc.property(fits, (value) => {
        expect(crossed(value)).toEqual(value);
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.array(fits), (list) => {
        expect(crossedList(list)).toEqual(list);
      }),
      { numRuns: 200 },
    );
  });

  test('keep what plain messages bend: undefined, -0, NaN, bigint, halves of surrogate pairs, keys of Object', () => {
    const odd = { u: undefined, z: -0, n: Number.NaN, i: -(2n ** 80n), s: '\ud800', e: new Date(Number.NaN), constructor: 1, toString: 2 };
    expect(crossed(odd)).toStrictEqual(odd);
    expect(crossedList([undefined, null, [undefined], -0])).toStrictEqual([undefined, null, [undefined], -0]);
    expect([crossed(undefined), crossed(null)]).toStrictEqual([undefined, null]);
  });

  test('have an object that stands in two places as one, however plain it is, and are looked through once', () => {
    const shared = { plain: true };
    const list = values.unpackList(...values.packList([shared, [shared], 1], 'args')) as [object, [object]];
    expect(list).toEqual([shared, [shared], 1]);
    expect(list[0]).toBe(list[1][0]);
    // Looked through from each place, this would never end.
    let many: object = {};
    for (let depth = 0; depth < 40; depth += 1) many = { left: many, right: many };
    const back = values.unpack(values.pack(many, 'many')) as { left: object; right: object };
    expect(back.left).toBe(back.right);
  });

  test('are an AggregateError with its errors as such', () => {
    const error = new AggregateError([new TypeError('one'), 2], 'both', { cause: 'why' });
    const back = values.unpack(values.pack(error, 'an error')) as AggregateError;
    expect(back).toBeInstanceOf(AggregateError);
    expect([back.errors[0], back.errors[1], back.cause]).toEqual([expect.any(TypeError), 2, 'why']);
  });

  test('keep cycles and shared parts', () => {
    const shared = { name: 'shared' };
    const ring: Record<string, unknown> = { shared, again: [shared] };
    ring.self = ring;
    const got = crossed(ring) as { self: unknown; shared: unknown; again: unknown[] };
    expect(got.self).toBe(got);
    expect(got.again[0]).toBe(got.shared);
  });

  test('have bytes as bytes, of the type that they were sent in', () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i);
    const got = crossed(bytes) as Uint8Array;
    expect(Object.getPrototypeOf(got)).toBe(Uint8Array.prototype);
    expect(Buffer.compare(got, bytes)).toBe(0);
    expect(crossed({ f: Float32Array.of(1.5), b: BigInt64Array.of(-1n) })).toStrictEqual({
      f: Float32Array.of(1.5),
      b: BigInt64Array.of(-1n),
    });
  });

  test('are instances of registered classes, without their constructor or a setter being run', () => {
    const got = crossed({ at: new Point(3, 4) }) as { at: Point };
    expect(got.at).toBeInstanceOf(Point);
    expect(got.at.length).toBe(5);
    const trap = Object.create(Trap.prototype, { armed: { value: 1, enumerable: true } }) as object;
    expect(Object.getOwnPropertyDescriptor(crossed(trap), 'armed')?.value).toBe(1);
  });

  test('have errors with class, cause, fields and the stack of where they were thrown', () => {
    const deep = new TypeError('deep', { cause: { plain: true } });
    const quota = Object.assign(new QuotaError(3), { cause: deep });
    const got = crossed(quota) as QuotaError & { cause: Error };
    expect(got).toBeInstanceOf(QuotaError);
    expect([got.message, got.left, got.name]).toEqual(['only 3 left', 3, 'Error']);
    expect(got.cause).toBeInstanceOf(TypeError);
    expect(got.cause.cause).toEqual({ plain: true });
    expect(remoteTraceback(got)).toBe(quota.stack);
    const coded = crossed(new MillraceError('ERR_TASK', 'bad', { details: { line: 3 } })) as MillraceError;
    expect(coded).toBeInstanceOf(MillraceError);
    expect([coded.code, coded.details]).toEqual(['ERR_TASK', { line: 3 }]);
    const many = crossed(new AggregateError([new Error('a'), new Error('b')], 'both')) as { errors: Error[] };
    expect(many.errors.map(({ message }) => message)).toEqual(['a', 'b']);
    class Unknown extends RangeError {
      override readonly name = 'Unknown';
    }
    const unknown = crossed(new Unknown('x')) as Error;
    expect([unknown instanceof RangeError, unknown.name, unknown.message]).toEqual([true, 'Unknown', 'x']);
  });

  test('that cannot cross are refused by their path, before anything is sent', () => {
    const refused = (value: unknown): unknown => {
      try {
        return values.packList([value], 'args');
      } catch (error) {
        return error;
      }
    };
    expect(refused({ a: [Symbol('s')] })).toMatchObject({ code: 'ERR_NOT_CLONEABLE', details: { path: 'args[0].a[0]' } });
    expect(refused(new WeakMap())).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(refused(JSON.parse('{"__proto__":{"polluted":1}}'))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(refused(new (class Secret {})())).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  });

  test('of hostile make are refused with a code, and never reach a prototype', () => {
    const hostile: unknown[] = [
      [1, [['o', 1, 2], '__proto__', ['o', 3, 4], 'polluted', true]],
      [1, [['C', 'Point', 1, 2], '__proto__', 5]],
      [1, [['C', 'Unknown']]],
      [1, [['E', 'Error', 9, 9, 9, -1]]],
      [1, [['F', 1]]],
      [1, [['Z']]],
      [1, []],
      [2, 'x'],
      { a: 1 },
    ];
    for (const wire of hostile)
      expect(() => values.unpack(wire), JSON.stringify(wire)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_(PROTOCOL|NOT_CLONEABLE)$/) }),
      );
    fc.assert(
      fc.property(
        fc.array(
          fc.array(
            fc.oneof(
              fc.constantFrom('a', 'o', 'm', 'e', 'E', 'C', 'b', 'n', 'Point', 'Error', '__proto__'),
              fc.integer({ min: -1, max: 8 }),
            ),
          ),
        ),
        (table) => {
          try {
            values.unpack([1, table]);
          } catch (error) {
            expect(error).toBeInstanceOf(MillraceError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(Point.prototype)).toEqual([]);
  });
});

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Map) return [...value].flat().some(hasProtoKey);
  if (value instanceof Set) return [...value].some(hasProtoKey);
  return Object.keys(value).some((key) => key === '__proto__' || hasProtoKey((value as Record<string, unknown>)[key]));
}
