import { expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { threadLogger } from '../../src/threads/thread-logger.ts';

function line(details: object): unknown {
  const lines: unknown[] = [];
  threadLogger((_, value) => lines.push(value)).warn(details, 'a connection was refused');
  return structuredClone(lines[0]);
}

test('details reach the host as data: errors with their code, objects with their fields', () => {
  expect(line({ err: new MillraceError('ERR_AUTH', 'no'), remote: { host: '::1', port: 7 }, none: null, n: 1 })).toEqual({
    level: 'warn',
    message: 'a connection was refused',
    details: { err: expect.objectContaining({ code: 'ERR_AUTH', message: 'no' }), remote: { host: '::1', port: 7 }, none: null, n: 1 },
  });
});

test('anything can have been thrown: what has no text is told by its type', () => {
  expect(line({ err: undefined, bare: Object.create(null), inner: { gone: undefined } })).toMatchObject({
    details: { err: 'undefined', bare: '[object]', inner: { gone: 'undefined' } },
  });
});

test('what cannot be cloned becomes text, however deep', () => {
  const loop: Record<string, unknown> = { call: () => 1 };
  loop.self = loop;
  expect(line({ loop, call: Math.max })).toMatchObject({
    details: { loop: { call: '() => 1', self: '[object Object]' }, call: expect.stringContaining('function') },
  });
});
