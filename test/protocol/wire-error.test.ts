import { expect, it } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { fromWireError, toWireError } from '../../src/protocol/wire-error.ts';

it('an error of ours keeps its code, message, details and the text of its cause', () => {
  const error = new MillraceError('ERR_SOURCE', 'line 3', { cause: new Error('disk'), details: { line: 3 } });
  const back = fromWireError(structuredClone(toWireError(error)));
  expect(back).toMatchObject({ code: 'ERR_SOURCE', message: 'line 3', details: { line: 3 } });
  expect(String((back.cause as Error).message)).toContain('disk');
});

it('what is no error of ours becomes one, and nothing that a peer sends is believed to be a code', () => {
  expect(fromWireError(toWireError('thrown text'))).toMatchObject({ code: 'ERR_INTERNAL', message: 'thrown text' });
  for (const code of ['ERR_NEW', 'constructor', '__proto__', 7]) {
    expect(fromWireError({ code, message: 'm', details: {}, cause: null }).code).toBe('ERR_INTERNAL');
  }
  for (const nothing of [null, 1, 'x']) expect(fromWireError(nothing).code).toBe('ERR_PROTOCOL');
});

it('a message or cause without end is cut', () => {
  const wire = toWireError(new MillraceError('ERR_TASK', 'x'.repeat(100_000), { cause: 'y'.repeat(100_000) }));
  expect(wire.message.length + wire.cause!.length).toBeLessThanOrEqual(16_384);
});
