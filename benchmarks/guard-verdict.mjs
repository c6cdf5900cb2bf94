/**
 * What the regression guard decides, without running anything: ratios of ours to a rival from interleaved runs, against those that were recorded.
 *
 * The lowest cost of a few rounds is compared, not a median: others on the machine only ever add to it, so that two lowest figures agree within a
 * few hundredths where medians differ by a fifth; and more rounds can only bring them nearer to the truth, so a doubtful verdict asks for more.
 */

/**
 * A run costs at most this much more of the rival's processor time than before; a slowdown by 30 % is more. Against what was recorded on another
 * day the bounds are wider: the ratio to a rival moves by a fifth from hour to hour (0.45 to 0.57 for functions).
 */
export const mostCost = { ofThisRun: 1.15, ofARecord: 1.25 };
/** The best rate, against the rival's, is at least this part of the recorded one: rates depend on who else is there, so it is wide. */
const leastRate = 0.6;

const lowest = (runs, value) => Math.min(...runs.map(value));
const cost = ({ processor, tasks }) => processor / tasks;
const time = ({ ms, tasks }) => ms / tasks;

/** `{ ours, rival }`, each a list of runs `{ tasks, ms, processor }`, as ratios: our cost and our rate, the rival's being 1. */
export function ratios({ ours, rival }) {
  return {
    cost: lowest(ours, cost) / lowest(rival, cost),
    rate: lowest(rival, time) / lowest(ours, time),
  };
}

/** One line for each ratio of a measure: what it is, what it was, what it may be, and whether it holds. */
export function judge(name, now, recorded, most) {
  if (recorded === undefined) return [{ measure: name, what: 'not recorded', holds: false }];
  const line = (what, value, was, limit, holds) => ({
    measure: name,
    what,
    value: digits(value),
    recorded: digits(was),
    limit: digits(limit),
    holds,
  });
  const cap = recorded.cost * most;
  const floor = recorded.rate * leastRate;
  return [
    line("processor time a task, of the rival's", now.cost, recorded.cost, cap, now.cost <= cap),
    line("rate, of the rival's", now.rate, recorded.rate, floor, now.rate >= floor),
  ];
}

const digits = (value) => Number(value.toFixed(3));
