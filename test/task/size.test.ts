import { describe, expect, it } from 'vitest';
import { isTooLarge, largestPayload } from '../../src/task/size.ts';
import { toWireTask } from '../../src/task/spec.ts';

describe('a task', () => {
  it('may have largestPayload bytes, input and environment included', () => {
    const stdin = 'x'.repeat(largestPayload - 10);
    expect(isTooLarge([0, '0123456789', stdin, null])).toBe(false);
    expect(isTooLarge([0, '0123456789.', stdin, null])).toBe(true);
    expect(isTooLarge([0, '01234', stdin, { env: { A: '1234' } }])).toBe(false);
    expect(isTooLarge([0, '01234', stdin, { env: { A: '12345' } }])).toBe(true);
  });

  it('is weighed in bytes, not in characters', () => {
    const third = Math.ceil(largestPayload / 3);
    expect(isTooLarge([0, 'cat', '€'.repeat(third), null])).toBe(true);
    expect(isTooLarge([0, 'cat', '€'.repeat(third - 3), null])).toBe(false);
  });

  it('that is larger is refused when it is made', () => {
    const refused = expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' });
    const large = new Uint8Array(largestPayload + 1);
    expect(() => toWireTask({ args: 'cat', stdin: large })).toThrow(refused);
    expect(() => toWireTask({ module: 'a', args: ['x'.repeat(largestPayload)] })).toThrow(refused);
  });
});
