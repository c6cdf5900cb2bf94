/** The scale run in small: the real cores of a server and its clients, checked after each turn. What it costs is a benchmark's question. */
import { expect, it } from 'vitest';
import { simulateScale } from '../../src/testing/scale.ts';

const small = { clients: 12, slots: 6, lasts: [20, 400] as const, check: true, stopwatch: () => 0 };

it('runs each task once until all have ended', () => {
  const report = simulateScale({ ...small, tasks: 400 });
  expect(report).toMatchObject({ clients: 12, slots: 6, tasks: 400, queued: null, recorded: 400 });
  expect(report.granted).toBeGreaterThanOrEqual(400);
});

it('keeps as many tasks in the queue as it is told', () => {
  const report = simulateScale({ ...small, tasks: 400, queued: 100 });
  expect(report.recorded).toBeGreaterThanOrEqual(400);
  // 72 slots with tasks of 210 ms: 343 a second.
  expect(report.durationMs).toBeGreaterThan(800);
  expect(report.durationMs).toBeLessThan(2_500);
});

it('tells each moment once, in order', () => {
  const moments: string[] = [];
  simulateScale({ ...small, tasks: 300, at: (moment) => void moments.push(moment) });
  expect(moments).toEqual(['empty', 'made', 'connected', 'queued', 'busy']);
});

it('keeps limits', () => {
  const limits = [{ key: 'tenant', concurrency: 1, rate: null }];
  const report = simulateScale({
    ...small,
    tasks: 400,
    options: { limits },
    task: (place) => [0, 'true', null, { tags: { tenant: place % 40 } }],
  });
  // Ten tasks of each of 40 tenants, one after the other: about 2.1 s.
  expect(report.recorded).toBe(400);
  expect(report.durationMs).toBeGreaterThan(1_500);
});
