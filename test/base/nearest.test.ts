import { describe, expect, it } from 'vitest';
import { didYouMean, nearestName } from '../../src/base/nearest.ts';

const known = ['timeout', 'memory', 'maxRetries', 'dependsOn', 'key', 'id', 'cores'];

describe('the nearest known name', () => {
  it.each([
    ['timeOut', 'timeout'],
    ['max_retries', 'maxRetries'],
    ['MAX-RETRIES', 'maxRetries'],
    ['timout', 'timeout'],
    ['memroy', 'memory'],
    ['dependOn', 'dependsOn'],
    ['core', 'cores'],
    ['kye', 'key'],
  ])('of %s is %s', (unknown, name) => {
    expect(nearestName(unknown, known)).toBe(name);
  });

  it.each(['colour', 'x', '', 'prioritise', 'q'.repeat(100_000)])('of %.20s is none', (unknown) => {
    expect(nearestName(unknown, known)).toBeNull();
  });

  it('makes the tail of a message, or nothing', () => {
    expect(didYouMean('timeOut', known)).toBe(" Did you mean 'timeout'?");
    expect(didYouMean('colour', known)).toBe('');
  });
});
