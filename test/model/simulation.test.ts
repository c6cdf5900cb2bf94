import { describe, expect, it, vi } from 'vitest';
import { mutations } from '../../src/testing/mutations.ts';
import type { SimulationOptions } from '../../src/testing/options.ts';
import { shrink } from '../../src/testing/shrink.ts';
import { failureOf, type Report, simulate } from '../../src/testing/simulation.ts';
import { faults } from '../../src/testing/world.ts';

// On a machine that does much else.
vi.setConfig({ testTimeout: 180_000 });

const seeds = 200;

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
    for (let seed = 1; seed <= 1_000 && caught === null; seed++) caught = failureOf({ seed, mutation })?.message ?? null;
    console.log(caught?.split('\n')[0] ?? `${mutation} was not noticed`);
    expect(caught).toMatch(new RegExp(`^seed \\d+ with ${mutation}`));
  });
});

describe('a crash at each effect', () => {
  const alone = { tasks: 8, clients: 2, submitters: 1, keep: { troubles: [] }, calmAfter: 1_000 };

  it.each([1, 2, 3, 4])('of the server, with seed %i and nothing else going wrong, breaks no promise', (seed) =>
    everywhere({ seed, ...alone }, 'server'),
  );
  it.each([1, 2])('of a client, with seed %i and nothing else going wrong, breaks no promise', (seed) =>
    everywhere({ seed, ...alone }, 'client'),
  );
  it('of the server, amid other troubles, breaks no promise', () =>
    everywhere({ seed: 11, tasks: 12, clients: 2, submitters: 1, calmAfter: 4_000 }, 'server'));

  function everywhere(options: SimulationOptions, part: 'server' | 'client'): void {
    const effects = simulate(options).effects[part];
    let crashes = 0;
    for (let effect = 0; effect < effects; effect++) crashes += simulate({ ...options, crashAt: { part, effect } }).crashes;
    console.log(`seed ${options.seed}: a crash of the ${part} at each of its ${effects} effects`);
    expect(effects).toBeGreaterThan(20);
    expect(crashes).toBeGreaterThanOrEqual(effects);
  }
});

describe('shrinking', () => {
  it.each([
    ['no-fence', 16],
    ['sends-before-commit', 3],
    ['grants-not-persisted', 1],
    ['one-phase-recall', 6],
  ] as const)('makes a seed that notices %s a story of few lines, which its options show again', (mutation, seed) => {
    const { options, failure, call, runs } = shrink({ seed, mutation }, { runs: 600 });
    console.log(`${runs} runs\n${failure.story.join('\n')}\n${failure.reason}\n${call}`);
    expect(failure.story.length).toBeLessThanOrEqual(20);
    expect(options.keep?.tasks?.length).toBeLessThanOrEqual(3);
    expect(failureOf(options)?.reason).toBe(failure.reason);
  });

  it('refuses options that keep every promise', () => {
    expect(() => shrink({ seed: 1 })).toThrow(RangeError);
  });

  it('leaves everything else as it was when something is left out', () => {
    const kept = { troubles: [] };
    const all = simulate({ seed: 5, keep: kept, simple: ['sure starts'] });
    const fewer = simulate({ seed: 5, keep: { ...kept, tasks: Array.from({ length: 59 }, (_, n) => n) }, simple: ['sure starts'] });
    expect(fewer.clients).toBe(all.clients);
    expect(sum([all], ({ outcomes }) => outcomes.reduce((a, b) => a + b))).toBeGreaterThan(
      sum([fewer], ({ outcomes }) => outcomes.reduce((a, b) => a + b)),
    );
  });
});

function sum(reports: readonly Report[], of: (report: Report) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}
