import { expect, it, vi } from 'vitest';
import { hostName, isOwnedBy, newId, newOwnedId } from '../../src/base/ids.ts';

it('ids of components are UUIDs of version 7 that ascend, also within a millisecond', () => {
  const ids = Array.from({ length: 1_000 }, () => newId());
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(1_000);
});

it('an id does not ask the system for random bytes of its own', () => {
  const asked = vi.spyOn(globalThis.crypto, 'getRandomValues');
  const ids = Array.from({ length: 200 }, () => newId());
  expect(asked).not.toHaveBeenCalled();
  // Nor has it those of another: forty bits of them stand at its end.
  expect(new Set(ids.map((id) => id.slice(-10))).size).toBe(200);
  asked.mockRestore();
});

it('a machine has a name', () => {
  expect(hostName()).not.toBe('');
});

it('an id that has a token is a UUID of version 7 like all others, and only its own token fits it', () => {
  const [one, two] = [newOwnedId(), newOwnedId()];
  expect(one.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(one.token.length).toBeGreaterThanOrEqual(43);
  expect(isOwnedBy(one.id, one.token)).toBe(true);
  for (const [id, token] of [
    [one.id, two.token],
    [one.id, ''],
    [`${two.id.slice(0, 13)}${one.id.slice(13)}`, two.token],
    ['no id', one.token],
    ['', ''],
  ] as const)
    expect(isOwnedBy(id, token)).toBe(false);
});
