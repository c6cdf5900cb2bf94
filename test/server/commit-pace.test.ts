import { describe, expect, it } from 'vitest';
import { CommitPace } from '../../src/server/flights.ts';

/** Commits of `ms` each, one begun `gap` after the other ended; the time at the end of the last one. */
function commits(pace: CommitPace, count: number, ms: number, gap: number): number {
  let now = 1_000;
  for (let i = 0; i < count; i++) {
    now += gap + ms;
    pace.committed(ms, now);
  }
  return now;
}

describe('the pace of commits', () => {
  it('lets the first few after a pause wait for nothing', () => {
    const pace = new CommitPace();
    expect(pace.notBefore).toBeLessThan(commits(pace, 8, 1, 0));
  });

  it('gives commits a fifth of the time while they wait for it', () => {
    const pace = new CommitPace();
    let now = commits(pace, 1_000, 1, 0);
    const began = now;
    for (let i = 0; i < 100; i++) {
      now = Math.max(now, pace.notBefore) + 1;
      pace.committed(1, now);
    }
    expect((now - began) / 100).toBeCloseTo(5, 0);
  });

  it('owes nothing for commits that had rows enough to wait for nothing: a small one after them waits for four times a commit at most', () => {
    const pace = new CommitPace();
    const now = commits(pace, 10_000, 2, 0.3);
    expect(pace.notBefore - now).toBeLessThanOrEqual(8);
  });
});
