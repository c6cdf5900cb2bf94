import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bundler } from '../../src/source/bundler.ts';
import type { WireTask } from '../../src/task/task.ts';

const task = (args: string): WireTask => [0, args, null, null];
const tasks = (count: number): WireTask[] => Array.from({ length: count }, (_, i) => task(`t${i}`));
const limits = { bundlesize: 10, bundlewait: 50, window: 2 };

describe('a bundle', () => {
  it('is cut at once when nothing is in flight', () => {
    const bundler = new Bundler(limits);
    expect(bundler.cut(0)).toBeNull();
    bundler.add(tasks(1), 0);
    expect(bundler.cut(0)).toHaveLength(1);
    expect(bundler.inFlight).toBe(1);
  });

  it('waits for company while another is in flight: until it is full, its time has come, or the other is acknowledged', () => {
    const bundler = new Bundler(limits);
    bundler.add(tasks(1), 0);
    bundler.cut(0);
    bundler.add(tasks(3), 100);
    bundler.add(tasks(3), 120);
    expect(bundler.cut(149)).toBeNull();
    expect(bundler.due).toBe(150);
    expect(bundler.cut(150)).toHaveLength(6);
    bundler.acknowledged();
    bundler.add(tasks(9), 160);
    expect(bundler.cut(160)).toBeNull();
    expect(bundler.room).toBe(1);
    bundler.add(tasks(1), 160);
    expect(bundler.room).toBe(0);
    expect(bundler.cut(160)).toHaveLength(10);
    bundler.acknowledged();
    bundler.acknowledged();
    bundler.add(tasks(2), 170);
    expect(bundler.cut(170)).toHaveLength(2);
  });

  it('never leaves while the window is closed', () => {
    const bundler = new Bundler(limits);
    for (const now of [0, 1]) {
      bundler.add(tasks(10), now);
      expect(bundler.cut(now)).toHaveLength(10);
    }
    bundler.add(tasks(10), 2);
    bundler.end();
    expect(bundler.cut(1_000)).toBeNull();
    expect(bundler.due).toBeNull();
    bundler.acknowledged();
    expect(bundler.cut(1_000)).toHaveLength(10);
  });

  it('leaves at the end though it is small', () => {
    const bundler = new Bundler(limits);
    bundler.add(tasks(1), 0);
    bundler.cut(0);
    bundler.add(tasks(1), 0);
    expect(bundler.cut(1)).toBeNull();
    bundler.end();
    expect(bundler.cut(1)).toHaveLength(1);
  });

  it('holds at most its measure of text, but always one task', () => {
    const bundler = new Bundler({ bundlesize: 10, bundlewait: 50, window: 9, longestText: 1_000 });
    bundler.add([task('x'.repeat(5_000)), task('y'.repeat(600)), task('z'.repeat(600)), task('a')], 0);
    expect(bundler.room).toBe(0);
    expect(bundler.cut(0)?.map(([, args]) => args[0])).toEqual(['x']);
    expect(bundler.cut(0)?.map(([, args]) => args[0])).toEqual(['y']);
    expect(bundler.cut(0)).toBeNull();
    expect(bundler.due).toBe(50);
    expect(bundler.cut(50)?.map(([, args]) => args[0])).toEqual(['z', 'a']);
    expect(bundler.room).toBe(10);
  });

  it('lets 1,024 tasks be under way by default, in no fewer than 4 bundles and no more than 64, and of long texts a few', () => {
    const flying = (bundlesize: number, args: string): number => {
      const bundler = new Bundler({ bundlesize, bundlewait: 0 });
      for (let bundle = 0; bundle < 100; bundle++) {
        bundler.add(
          Array.from({ length: bundlesize }, () => task(args)),
          0,
        );
        bundler.cut(0);
      }
      return bundler.inFlight;
    };
    expect([1, 100, 1_000, 4_000].map((bundlesize) => flying(bundlesize, 'true'))).toEqual([64, 11, 4, 4]);
    expect(flying(1, 'x'.repeat(300_000))).toBe(4);
    const bundler = new Bundler({ bundlesize: 1, bundlewait: 0, longestFlight: 100 });
    bundler.add([task('x'.repeat(200)), task('y')], 0);
    expect([bundler.cut(0)?.length, bundler.cut(0), bundler.due]).toEqual([1, null, null]);
    bundler.acknowledged();
    expect(bundler.cut(0)).toHaveLength(1);
  });

  it('keeps every task once and in order, within every limit, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 12 }) }),
      fc.constant('acknowledge' as const),
      fc.constant('wait' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, window) => {
        const bundler = new Bundler({ bundlesize: 10, bundlewait: 5, window, longestText: 100 });
        const sent: string[] = [];
        let made = 0;
        let now = 0;
        const cut = (): void => {
          for (let bundle = bundler.cut(now); bundle !== null; bundle = bundler.cut(now)) {
            expect(bundle.length).toBeGreaterThan(0);
            expect(bundle.length).toBeLessThanOrEqual(10);
            sent.push(...bundle.map(([, args]) => args));
            expect(bundler.inFlight).toBeLessThanOrEqual(window);
          }
        };
        for (const what of steps) {
          if (what === 'wait') now += 3;
          else if (what === 'acknowledge') {
            if (bundler.inFlight > 0) bundler.acknowledged();
          } else if (bundler.room > 0) {
            const more = Math.min(what.add, bundler.room);
            bundler.add(
              Array.from({ length: more }, () => task(`t${made++}`)),
              now,
            );
          }
          cut();
        }
        bundler.end();
        while (bundler.waiting > 0) {
          cut();
          if (bundler.inFlight > 0) bundler.acknowledged();
        }
        expect(sent).toEqual(Array.from({ length: made }, (_, i) => `t${i}`));
      }),
    );
  });
});
