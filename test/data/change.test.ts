import { expect, it } from 'vitest';
import { checkUpdate, checkWhich } from '../../src/data/change.ts';
import type { TaskQuery } from '../../src/data/query.ts';

it('an update sets and removes tags, and nothing else', () => {
  expect(checkUpdate({ tags: { site: 'north', run: 7 }, removeTags: ['old'] })).toEqual({
    kind: 'update',
    tags: { site: 'north', run: 7 },
    removeTags: ['old'],
  });
  const wrong: [unknown, string, RegExp][] = [
    [undefined, 'ERR_OPTION', /takes what to change/],
    [{}, 'ERR_OPTION', /nothing to do/],
    [{ tags: {} }, 'ERR_OPTION', /nothing to do/],
    [{ tag: { a: 1 } }, 'ERR_UNKNOWN_OPTION', /Did you mean 'tags'/],
    [{ tags: { 'a b': 1 } }, 'ERR_TAG', /key of a tag/],
    [{ tags: { a: {} } }, 'ERR_TAG', /value of tag 'a'/],
    [{ removeTags: 'a' }, 'ERR_OPTION', /list of keys/],
    [{ removeTags: ['a b'] }, 'ERR_TAG', /removeTags/],
    [{ removeTags: [5] }, 'ERR_TAG', /removeTags/],
    [{ tags: { a: 1 }, removeTags: ['a'] }, 'ERR_OPTION', /one of both/],
  ];
  for (const [update, code, message] of wrong)
    expect(() => checkUpdate(update as never), JSON.stringify(update)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
});

it('what was forgotten does not mean everything', () => {
  for (const which of [undefined, null]) expect(() => checkWhich('delete', which as unknown as TaskQuery)).toThrow(/delete\(\{\}\)/);
  expect(checkWhich('delete', {})).toEqual({ filter: {}, state: null, ids: null });
  expect(checkWhich('delete', []).ids).toEqual([]);
  expect(checkWhich('delete', { where: 'group > 1' }).filter.where).toHaveLength(1);
});
