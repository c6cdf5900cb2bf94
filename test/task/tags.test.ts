import { describe, expect, it } from 'vitest';
import { checkTags, parseTag } from '../../src/task/tags.ts';

const refused = expect.objectContaining({ code: 'ERR_TAG' });

describe('tags', () => {
  it.each([
    ['site:north', ['site', 'north']],
    ['sample:007', ['sample', '007']],
    ['flag:true', ['flag', 'true']],
    ['bare', ['bare', '']],
    ['a.b+c-d_e:1.5e3', ['a.b+c-d_e', '1.5e3']],
  ])('the text %j is %j, its value always a text', (text, tag) => {
    expect(parseTag(text)).toEqual(tag);
  });

  it.each(['', ':x', 'a b:c', 'a:b:c', 'ä:b', 'a:b/c', `${'k'.repeat(121)}:v`, `k:${'v'.repeat(121)}`, '__proto__:x'])(
    'the text %j is refused',
    (text) => {
      expect(() => parseTag(text)).toThrow(refused);
    },
  );

  it('of an object keep the types of their values', () => {
    expect(checkTags({ site: 'north', run: 7, test: false, none: null, left: undefined })).toEqual({
      site: 'north',
      run: 7,
      test: false,
      none: null,
    });
  });

  it.each([
    [null],
    ['a'],
    [['a']],
    [{ a: {} }],
    [{ a: 1n }],
    [{ a: Number.NaN }],
    [{ 'a b': 1 }],
    [{ a: 'b c' }],
    [JSON.parse('{"__proto__":1}')],
  ])('refuses %o', (tags) => {
    expect(() => checkTags(tags)).toThrow(refused);
  });
});
