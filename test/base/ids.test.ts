import { expect, it } from 'vitest';
import { hostName, newId } from '../../src/base/ids.ts';

it('ids of components are UUIDs of version 7 that ascend, also within a millisecond', () => {
  const ids = Array.from({ length: 1_000 }, () => newId());
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(1_000);
});

it('a machine has a name', () => {
  expect(hostName()).not.toBe('');
});
