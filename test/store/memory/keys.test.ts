import { expect, it } from 'vitest';
import { Keys } from '../../../src/store/memory/own.ts';

it('a key passes to the next task of its series when the first is gone', () => {
  const keys = new Keys();
  for (const n of [1, 2, 3]) keys.add('series', n);
  expect(keys.first.get('series')).toBe(1);
  keys.drop('series', 2);
  keys.drop('series', 1);
  expect(keys.first.get('series')).toBe(3);
  keys.drop('series', 3);
  expect(keys.first.has('series')).toBe(false);
});

it('what never had the key takes it from nobody', () => {
  const keys = new Keys();
  keys.add('series', 1);
  keys.add('series', 2);
  keys.drop('series', 7);
  keys.drop('series', 1);
  expect(keys.first.get('series')).toBe(2);
});
