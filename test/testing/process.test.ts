import { expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/clock.ts';
import { WallClocks } from '../../src/testing/clocks.ts';
import { Process } from '../../src/testing/process.ts';
import { Random } from '../../src/testing/random.ts';
import { StoreLock } from '../../src/testing/store-lock.ts';

it('a frozen process does nothing, and when it thaws its timers come before what waits in its sockets', () => {
  const clock = new VirtualClock();
  const process = new Process(clock);
  const done: string[] = [];
  process.after(20, () => done.push('timer'));
  process.freeze();
  process.run(() => done.push('input'));
  clock.advance(100);
  expect(done).toEqual([]);
  process.thaw();
  expect(done).toEqual(['timer', 'input']);
});

it('what a process was about to do is gone with it', () => {
  const clock = new VirtualClock();
  const process = new Process(clock);
  const done: string[] = [];
  process.after(20, () => done.push('timer'));
  process.kill();
  process.run(() => done.push('input'));
  clock.advance(100);
  expect(done).toEqual([]);
});

it('the lock of a store belongs to a living process, frozen or not, and ends with it', () => {
  const clock = new VirtualClock();
  const [first, second] = [new Process(clock), new Process(clock)];
  const lock = new StoreLock();
  lock.take(first);
  first.freeze();
  expect(() => lock.take(second)).toThrow(expect.objectContaining({ code: 'ERR_DATABASE_IN_USE' }));
  first.kill();
  lock.take(second);
  expect(lock.held).toBe(true);
});

it('each machine has its own wall clock, which somebody may set', () => {
  const clock = new VirtualClock({ wall: 1_000_000 });
  const clocks = new WallClocks(clock, (name) => Random.stream(1, name), false);
  const [a, b] = [clocks.wall('a'), clocks.wall('b')];
  expect(a).not.toBe(b);
  clocks.set('a', -5_000);
  clock.advance(100);
  expect([clocks.wall('a'), clocks.wall('b')]).toEqual([a - 4_900, b + 100]);
});
