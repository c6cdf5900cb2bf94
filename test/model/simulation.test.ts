import { describe, expect, it, vi } from 'vitest';
import { type Report, simulate } from '../../src/testing/simulation.ts';
import { faults, mutations } from '../../src/testing/world.ts';

// On a machine that does much else.
vi.setConfig({ testTimeout: 180_000 });

const seeds = 300;

describe('the simulation', () => {
  it('keeps every promise in each of its seeds, with every kind of fault', () => {
    const reports: Report[] = [];
    for (let seed = 1; seed <= seeds; seed++) reports.push(simulate({ seed }));
    const rows = faults.map((fault) => ({
      fault,
      times: sum(reports, (report) => report.faults[fault]),
      seeds: reports.filter((report) => report.faults[fault] > 0).length,
    }));
    console.table(rows);
    const simulated = sum(reports, ({ durationMs }) => durationMs) / 1_000;
    console.log(
      `${seeds} seeds, ${Math.round(simulated)} simulated seconds, ${sum(reports, ({ rerun }) => rerun)} runs repeated, all with a reason`,
    );
    for (const { fault, times } of rows) expect(times, fault).toBeGreaterThan(0);
    for (const report of reports) {
      expect(report.clients).toBeGreaterThanOrEqual(3);
      expect(report.tasks).toBeGreaterThanOrEqual(50);
      if (report.complete) expect(report.crashes, `crashes in seed ${report.seed}`).toBeGreaterThanOrEqual(1);
    }
  });

  it('repeats a seed to the last count', () => {
    expect(simulate({ seed: 7 })).toEqual(simulate({ seed: 7 }));
  });

  it.each(mutations)('notices the mutation %s', (mutation) => {
    let caught: string | null = null;
    for (let seed = 1; seed <= 300 && caught === null; seed++) {
      try {
        simulate({ seed, mutation });
      } catch (error) {
        caught = (error as Error).message;
      }
    }
    console.log(caught?.split('\n')[0] ?? `${mutation} was not noticed`);
    expect(caught).toMatch(new RegExp(`^seed \\d+ with ${mutation}`));
  });
});

function sum(reports: readonly Report[], of: (report: Report) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}
