import { beforeEach, describe, expect, test } from 'vitest';
import { FailurePace } from '../../src/transport/failure-pace.ts';
import { ManualClock } from './manual-clock.ts';

const limits = { failures: 3, firstPace: 25, slowestPace: 250, remembered: 4 };
let clock: ManualClock;
let pace: FailurePace;

beforeEach(() => {
  clock = new ManualClock();
  pace = new FailurePace(limits, clock);
});

/** An attempt that fails as soon as it is judged; says when that was. */
function guess(origin = 'a'): { at: number } {
  const seen = { at: -1 };
  pace.admit(origin, (charged) => {
    seen.at = clock.now();
    pace.failed(origin, charged);
  });
  return seen;
}

describe('attempts of one address', () => {
  test('are judged at once until some have failed', () => {
    for (let i = 0; i < limits.failures; i++) expect(guess().at).toBe(clock.now());
    expect(guess().at).toBe(-1);
  });

  test('that all fail are judged slower and slower, but never slower than four in a second', () => {
    const guesses = Array.from({ length: 40 }, () => guess());
    clock.advance(60_000);
    const times = guesses.map(({ at }) => at).sort((a, b) => a - b);
    const waits = times.slice(1).map((at, i) => at - times[i]!);
    expect(times[0]).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBe(limits.slowestPace);
    expect(waits.slice(-10).every((wait) => wait === limits.slowestPace)).toBe(true);
  });

  test('that succeed are never slowed, however many', () => {
    for (let i = 0; i < 10_000; i++) {
      let judged = false;
      pace.admit('a', (charged) => {
        judged = true;
        pace.succeeded('a', charged);
      });
      expect(judged).toBe(true);
    }
    expect(clock.waiting).toBe(0);
    expect(pace.size).toBe(0);
  });

  test('that wait with the right key all pass with the first that is judged', () => {
    for (let i = 0; i < 5; i++) guess();
    clock.advance(2_000);
    for (let i = 0; i < 5; i++) guess();
    let passed = 0;
    for (let i = 0; i < 200; i++)
      pace.admit('a', (charged) => {
        passed++;
        pace.succeeded('a', charged);
      });
    expect(passed).toBe(0);
    clock.chance = 0.99;
    clock.advance(limits.slowestPace);
    expect(passed).toBe(200);
  });

  test('get their turn while others of the address go on failing without a word', () => {
    for (let i = 0; i < 5; i++) guess();
    let judged = false;
    pace.admit('a', () => {
      judged = true;
    });
    // What fills the bucket again each time that it leaks.
    for (let i = 0; i < 1_000 && !judged; i++) {
      pace.failed('a', false);
      clock.advance(1);
    }
    expect(judged).toBe(true);
  });

  test('that are given up wait no longer', () => {
    for (let i = 0; i < 5; i++) guess();
    let judged = false;
    const stop = pace.admit('a', () => {
      judged = true;
    });
    expect(stop()).toBe(true);
    expect(stop()).toBe(false);
    clock.advance(10_000);
    expect(judged).toBe(false);
    expect(clock.waiting).toBe(0);
  });
});

test('the failures of one address are nothing to another', () => {
  for (let i = 0; i < 50; i++) guess('a');
  expect(guess('b').at).toBe(clock.now());
});

test('quiet makes up for everything', () => {
  for (let i = 0; i < 50; i++) guess('a');
  clock.advance(60_000);
  for (let i = 0; i < limits.failures; i++) expect(guess('a').at).toBe(clock.now());
});

test('a unix socket is not counted by address', () => {
  for (let i = 0; i < 50; i++) {
    let judged = false;
    pace.admit(null, (charged) => {
      judged = true;
      pace.failed(null, charged);
    });
    expect(judged).toBe(true);
  }
  expect(pace.size).toBe(0);
});

test('no more addresses are remembered than the limit says', () => {
  for (let i = 0; i < 1_000; i++) guess(`address ${i}`);
  expect(pace.size).toBe(limits.remembered);
});
