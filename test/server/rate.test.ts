import { expect, it } from 'vitest';
import { RateMeter } from '../../src/server/rate.ts';

it('tells the tasks per second of the last ten seconds', () => {
  const meter = new RateMeter(0);
  for (let now = 0; now < 20_000; now += 100) meter.add(5, now);
  expect(meter.perSecond(20_000)).toBeGreaterThan(40);
  expect(meter.perSecond(20_000)).toBeLessThan(60);
});

it('forgets what is older, and knows nothing at the start', () => {
  const meter = new RateMeter(500);
  expect(meter.perSecond(500)).toBe(0);
  meter.add(1_000, 600);
  expect(meter.perSecond(1_600)).toBeGreaterThan(500);
  expect(meter.perSecond(15_000)).toBe(0);
});
