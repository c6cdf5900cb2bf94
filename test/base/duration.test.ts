import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/base/duration.ts';

const refused = expect.objectContaining({ code: 'ERR_DURATION' });

describe('durations', () => {
  it.each([
    [0, 0],
    [10, 10_000],
    [0.05, 50],
    [1.1, 1_100],
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    [' 10 s ', 10_000],
    ['.5s', 500],
    ['10', 10_000],
    ['0', 0],
  ])('reads %j as %d ms', (value, ms) => {
    expect(parseDuration(value, 'timeout')).toBe(ms);
  });

  it.each(['', 's', '10 parsecs', '1h30m', '1e3', '0x10', '10S', '--1s', Number.NaN, Number.POSITIVE_INFINITY, 1e300, null, {}])(
    'refuses %j',
    (value) => {
      expect(() => parseDuration(value as string, 'timeout')).toThrow(refused);
    },
  );

  it('never rounds something down to nothing', () => {
    expect(parseDuration(0.0001, 'bundlewait')).toBe(1);
    expect(parseDuration('0.2ms', 'bundlewait')).toBe(1);
  });

  it('takes a negative duration only where one has a meaning', () => {
    expect(() => parseDuration(-5, 'timeout')).toThrow(refused);
    expect(() => parseDuration('-5s', 'timeout')).toThrow(/not negative/);
    expect(parseDuration('-5s', 'delayStart', { negative: true })).toBe(-5_000);
    expect(parseDuration(-0.0001, 'delayStart', { negative: true })).toBe(-1);
  });

  it('names the option and what would be right', () => {
    expect(() => parseDuration('soon', 'evictAfter')).toThrow(/evictAfter must be a duration.*'10s'.*"soon"/);
  });
});
