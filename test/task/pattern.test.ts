import { describe, expect, it } from 'vitest';
import { longestMatched, patternFault, patternTest } from '../../src/task/pattern.ts';

describe('patterns that can take for ever are refused before they run', () => {
  const hazards = [
    '(a+)+$',
    '(a*)*b',
    '(?:a+)*b',
    '((a+)b?)+c',
    '(a|a)*b',
    '(a|ab)*c',
    '(\\w|\\d)+x',
    '(x|[a-z])+y',
    '(.*)*',
    '(a{2,})+',
    '(a+){3}',
    '(\\s*,?)*$',
    '(a|)*b',
    '(a)\\1+',
    '(?<x>a)\\k<x>',
    'a'.repeat(1_001),
  ];
  for (const source of hazards) it(source.slice(0, 40), () => expect(patternFault(source)).not.toBeNull());

  it('a pattern that is none is refused with the reason of the engine', () => {
    expect(patternFault('(')?.reason).toMatch(/Unterminated group/);
    expect(patternFault('a[')?.reason).toMatch(/Unterminated character class/);
    expect(() => patternTest('*')).toThrow(
      expect.objectContaining({ code: 'ERR_QUERY', message: expect.stringMatching(/Nothing to repeat/) }),
    );
  });

  it('the place of the trouble is told', () =>
    expect(patternFault('ok (a+)+')).toEqual({ index: 7, reason: expect.stringContaining("'+'") }));
});

describe('patterns that people write run', () => {
  const samples: [pattern: string, text: string, matches: boolean][] = [
    ['^echo', 'echo 1', true],
    ['^echo', 'an echo', false],
    ['sample_\\d+\\.(csv|tsv)$', 'cat sample_12.tsv', true],
    ['(foo|bar)+', 'xxbarfoo', true],
    ['(ab)*c', 'ababc', true],
    ['a.*b.*c', 'a1b2c', true],
    ['[a-z]+@[a-z]+', 'me@home', true],
    ['(?:x{1,3})y', 'xxy', true],
    ['(\\d{4})-(\\d\\d)', 'on 2026-01', true],
    ['(a?b)+', 'abab', true],
    ['[)(*+]+', 'a(*', true],
    ['\\(x\\)+', '(x)))', true],
    ['(?=foo)fo+', 'foo', true],
    ['a{,3}', 'a{,3}', true],
  ];
  for (const [pattern, text, matches] of samples) it(pattern, () => expect(patternTest(pattern)(text)).toBe(matches));

  it('what would take minutes is given up after a moment', () => {
    const text = 'a'.repeat(100_000);
    const start = performance.now();
    for (const pattern of ['a*a*b', 'a*a*a*b', '.*.*.*.*x']) {
      expect(() => patternTest(pattern)(text)).toThrow(
        expect.objectContaining({ code: 'ERR_QUERY', message: expect.stringMatching(/too long/) }),
      );
    }
    for (const pattern of ['^a+b', '^(a|b)+c', '^(a?b)+$']) expect(patternTest(pattern)(text)).toBe(false);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('a pattern that is slow on each of many texts is given up too', () => {
    const slow = patternTest('a*a*b');
    const text = 'a'.repeat(900);
    const all = (): void => {
      for (let i = 0; i < 1_000; i++) slow(text);
    };
    expect(all).toThrow(expect.objectContaining({ code: 'ERR_QUERY' }));
  });

  it('of a text only the first characters are looked at', () => {
    expect(patternTest('b')(`${'a'.repeat(longestMatched)}b`)).toBe(false);
    expect(patternTest('b')(`${'a'.repeat(longestMatched - 1)}bc`)).toBe(true);
  });
});
