/** What the regression guard decides; that it notices a real slowdown is shown by `npm run bench:guard -- --self-test`. */
import { describe, expect, it } from 'vitest';
import { judge, mostCost, type Run, ratios } from '../../benchmarks/guard-verdict.mjs';

/** Runs of 1,000 tasks: processor time and duration, ms. */
const runs = (...list: [processor: number, ms: number][]): Run[] => list.map(([processor, ms]) => ({ tasks: 1_000, processor, ms }));
const rival = runs([40, 40], [44, 46], [60, 80]);
const recorded = ratios({ ours: runs([50, 30], [55, 33], [52, 31]), rival });
const most = Math.max(...Object.values(mostCost));
const holds = (ours: Run[], against: Run[] = rival) =>
  judge('a', ratios({ ours, rival: against }), recorded, most).map((line) => line.holds);

describe('the guard', () => {
  it('passes what costs what it cost', () => expect(holds(runs([51, 31], [53, 32]))).toEqual([true, true]));

  it('fails what costs 30 % more processor time a task, at the same rate', () =>
    expect(holds(runs([65, 30], [66, 31]))).toEqual([false, true]));

  it('fails what waits much longer and costs no more', () => expect(holds(runs([50, 60], [51, 62]))).toEqual([true, false]));

  it('passes what has become quicker', () => expect(holds(runs([25, 15]))).toEqual([true, true]));

  it('takes the lowest of the rounds: those in which others were on the machine do not count', () =>
    expect(holds(runs([90, 80], [51, 31], [75, 60]))).toEqual([true, true]));

  it('holds on a machine that is half as fast, since the rival is too', () => {
    const slower = (list: readonly Run[]): Run[] =>
      list.map(({ tasks, processor, ms }) => ({ tasks, processor: processor * 2, ms: ms * 2 }));
    expect(holds(slower(runs([50, 30])), slower(rival))).toEqual([true, true]);
    expect(holds(slower(runs([65, 30])), slower(rival))).toEqual([false, true]);
  });

  it('counts by task, so that a quick run is compared with a long one', () => {
    expect(holds([{ tasks: 100, processor: 5, ms: 3 }])).toEqual([true, true]);
  });

  it('fails a measure that was never recorded', () => {
    expect(judge('new', recorded, undefined, most)).toEqual([{ measure: 'new', what: 'not recorded', holds: false }]);
  });
});
