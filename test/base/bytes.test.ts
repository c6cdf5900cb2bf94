import { describe, expect, it } from 'vitest';
import { parseSize } from '../../src/base/bytes.ts';

const refused = expect.objectContaining({ code: 'ERR_SIZE' });

describe('sizes', () => {
  it.each([
    [0, 0],
    [1_000, 1_000],
    ['100', 100],
    ['100B', 100],
    ['8k', 8_192],
    ['8K', 8_192],
    ['512MB', 536_870_912],
    ['8G', 8_589_934_592],
    ['8GB', 8_589_934_592],
    ['8GiB', 8_589_934_592],
    ['8 gib', 8_589_934_592],
    ['1.5T', 1_649_267_441_664],
    ['0.1k', 102],
  ])('reads %j as %d bytes', (value, bytes) => {
    expect(parseSize(value, 'memory')).toBe(bytes);
  });

  it.each(['', 'G', '8i', '8iB', '8X', '8 G B', '-8G', '1e3', '1.5', '1.5B', 1.5, -1, Number.NaN, 2 ** 60, '9999P', null])(
    'refuses %j',
    (value) => {
      expect(() => parseSize(value as string, 'memory')).toThrow(refused);
    },
  );
});
