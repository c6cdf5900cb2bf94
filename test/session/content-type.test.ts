import { expect, test } from 'vitest';
import { contentTypeOf, isSubtype, mergeContentTypes } from '../../src/session/content-type.ts';
import { decodeAs, encodeAs } from '../../src/session/encoding.ts';
import { thrown } from './homes.ts';

test('the known content types are taken, and nothing and the empty text are raw bytes', () => {
  for (const type of [
    'pickle',
    'cloudpickle',
    'json',
    'cbor',
    'arrow',
    'text',
    'text-latin1',
    'dir',
    'protobuf',
    'protobuf/X',
    'mime/image/png',
    'user/x',
  ])
    expect(contentTypeOf(type)).toBe(type);
  expect([contentTypeOf(null), contentTypeOf(undefined), contentTypeOf('')]).toEqual([null, null, null]);
});

test('an unknown content type is refused with the one that was meant', () => {
  const error = thrown(() => contentTypeOf('jsno'));
  expect(error.code).toBe('ERR_CONTENT_TYPE');
  expect(error.message).toMatch(/Did you mean 'json'/);
  expect(thrown(() => contentTypeOf('mime')).code).toBe('ERR_CONTENT_TYPE');
});

test('of two types the narrower one counts, and two that have nothing in common are an error', () => {
  expect(mergeContentTypes(null, 'json')).toBe('json');
  expect(mergeContentTypes('json', null)).toBe('json');
  expect(mergeContentTypes('text', 'text-latin1')).toBe('text-latin1');
  expect(mergeContentTypes('text-latin1', 'text')).toBe('text-latin1');
  expect(mergeContentTypes('protobuf', 'protobuf/X')).toBe('protobuf/X');
  expect([mergeContentTypes('pickle', 'cloudpickle'), mergeContentTypes('cloudpickle', 'pickle')]).toEqual(['pickle', 'pickle']);
  expect(thrown(() => mergeContentTypes('json', 'text')).code).toBe('ERR_CONTENT_TYPE');
  expect(isSubtype('textual', 'text')).toBe(false);
});

const values: [string, unknown][] = [
  [
    'pickle',
    new Map<unknown, unknown>([
      ['a', new Date(5)],
      [1n, new Uint8Array([1, 2])],
    ]),
  ],
  ['pickle', 'plain'],
  ['pickle', { a: [1, null, true] }],
  ['cloudpickle', undefined],
  ['json', { a: [1, 'é'] }],
  ['text', 'héllo'],
  ['text-latin1', 'é'],
  ['text-utf-16le', 'é'],
];

test.each(values)('what is written as %s is read back', (type, value) => {
  expect(decodeAs(encodeAs(value, type), type)).toEqual(value);
});

test('a text has the bytes of its alphabet', () => expect([...encodeAs('é', 'text-latin1')]).toEqual([0xe9]));

test('an empty text is read as one', () => expect(decodeAs(new Uint8Array(), 'text')).toBe(''));

test('what cannot be written or read says so, by code', () => {
  expect(thrown(() => encodeAs(5, 'text')).code).toBe('ERR_GRAPH');
  expect(thrown(() => encodeAs({}, 'protobuf')).code).toBe('ERR_CONTENT_TYPE');
  expect(thrown(() => encodeAs('x', 'text-klingon')).code).toBe('ERR_CONTENT_TYPE');
  expect(thrown(() => encodeAs(() => 1, 'pickle')).code).toBe('ERR_NOT_CLONEABLE');
  expect(thrown(() => encodeAs(1n, 'json')).code).toBe('ERR_NOT_CLONEABLE');
  expect(thrown(() => decodeAs(Buffer.from('{'), 'json')).code).toBe('ERR_CONTENT_TYPE');
  expect(thrown(() => decodeAs(Buffer.from([0xc1, 0, 3]), 'pickle')).code).toBe('ERR_CONTENT_TYPE');
  expect(thrown(() => decodeAs(new Uint8Array(3), null)).message).toMatch(/raw bytes have no value/);
});

test('cbor without its package names the command that installs it', () => {
  expect(thrown(() => encodeAs(1, 'cbor')).message).toContain('npm install cbor-x');
});
