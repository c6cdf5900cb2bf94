import { expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/clock.ts';
import { Random } from '../../src/testing/random.ts';

it('stands still until it is told to go on, and fires what is due in order', () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push('b'));
  clock.after(10, () => {
    fired.push('a');
    clock.after(5, () => fired.push('a2'));
  });
  clock.after(20, () => fired.push('c'));
  clock.after(15, () => fired.push('never'))();
  expect(clock.now()).toBe(0);
  clock.advance(15);
  expect([clock.now(), fired]).toEqual([15, ['a', 'a2']]);
  clock.advance(100);
  expect([clock.now(), fired]).toEqual([115, ['a', 'a2', 'b', 'c']]);
  expect(clock.step()).toBe(false);
});

it('keeps its wall clock in step', () => {
  const clock = new VirtualClock({ wall: 1_000 });
  clock.advance(250);
  expect(clock.wall()).toBe(1_250);
});

it('draws the same chance from the same seed, evenly', () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 10_000 }, () => random.next());
  };
  expect(draw(3)).toEqual(draw(3));
  expect(draw(3)).not.toEqual(draw(4));
  const mean = draw(5).reduce((sum, x) => sum + x, 0) / 10_000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
});
