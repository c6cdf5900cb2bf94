/**
 * Contestants that take turns, each run in a process of its own, and what a run cost.
 *
 * A benchmark is a list of cases; a case has contestants, the first of which the others are measured against, round by round, so that a
 * machine that is busy with something else slows both sides of a ratio. A contestant gets `(tasks, clock, service)` and calls `clock.begin()`
 * and `clock.end()` around what counts; it returns after everything it started is gone, so that the processor time of child processes is known,
 * and may return a check of what was made, which is not counted.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { announce, argument, median, round, showBars, showTable } from './harness.mjs';
import { missing } from './needs.mjs';
import { costOf, services } from './services.mjs';

const clockTick = 10;

/** Processor time (ms) of this process, its threads, and the children that it has waited for. */
export function processorTime() {
  const { user, system } = process.cpuUsage();
  let children = 0;
  try {
    // Fields 16 and 17 (cutime, cstime), counted after the name, which may hold anything.
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1).split(' ');
    children = (Number(fields[13]) + Number(fields[14])) * clockTick;
  } catch {
    // Not Linux: children are not counted.
  }
  return (user + system) / 1_000 + children;
}

/** In the process of a contestant: run it, tell what it cost on the last line, a broker's or a database's share included. */
async function contest(contestant, tasks) {
  const service = process.env.BENCH_SERVICE === undefined ? null : JSON.parse(process.env.BENCH_SERVICE);
  const serviceCost = () => (service === null ? { processor: 0, memory: 0 } : costOf(service.pid));
  const time = { began: 0, ended: 0, processor: 0, before: null, after: null };
  const clock = {
    begin() {
      time.before = serviceCost();
      time.processor = processorTime();
      time.began = performance.now();
    },
    end() {
      time.ended = performance.now();
      time.after = serviceCost();
    },
  };
  const check = await contestant.run(tasks, clock, service);
  const processor = processorTime() - time.processor + time.after.processor - time.before.processor;
  const peak = process.resourceUsage().maxRSS / 1_024 + time.after.memory;
  await check?.();
  console.log(JSON.stringify({ tasks, ms: time.ended - time.began, processor, peak }));
}

/** A contestant in a process of its own. */
export function inProcess(file, words, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...words], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(text.trim().split('\n').at(-1)));
      else reject(new Error(`${words.join(' ')}: ended with status ${status}`));
    });
  });
}

/** One run of a contestant of a benchmark's file. */
function runOnce(file, name, contestant, tasks, env = {}) {
  return inProcess(file, [`--case=${name}`, `--contestant=${contestant}`, `--tasks=${tasks}`], env);
}

/** Whether this process is one of a contestant; it has run then. */
async function contested(cases) {
  const wanted = argument('contestant');
  if (wanted === undefined) return false;
  const { contestants } = cases.find(({ name }) => name === argument('case'));
  await contest(contestants[wanted], Number(argument('tasks')));
  return true;
}

/**
 * Run a benchmark: `cases` is a list of `{ name, tasks, rounds, contestants: { name: { run, needs?, service?, share? } } }`. `needs`: names of
 * `needs.mjs`; `service`: one of `services.mjs`; `share`: the part of the tasks that a slow contestant gets. `bars`: `{ what, case, contestant,
 * of, against?, least | most }`, `of` being a column, or with `against` the ratio of the rates of two contestants, round by round.
 */
export async function compare(benchmark, url, cases, { bars = [], versions = () => [] } = {}) {
  if (await contested(cases)) return;
  const file = fileURLToPath(url);
  announce(benchmark, versions());
  const rows = [];
  for (const one of chosen(cases)) {
    const runs = await takeTurns(file, one);
    const [base] = runs.values();
    for (const [key, list] of runs) {
      rows.push(row(benchmark, one.name, key, list, base, missing(one.contestants[key])));
      console.log(JSON.stringify(rows.at(-1)));
    }
  }
  if (rows.length > 0) showTable(rows);
  showBars(
    benchmark,
    bars.filter((bar) => rows.some((one) => one.case === bar.case)).map((bar) => ({ ...bar, ...measured(rows, bar) })),
  );
}

/** `--only=text`: the case of that name, else those whose name holds it. */
export function chosen(cases) {
  const only = argument('only') ?? '';
  const exact = cases.filter(({ name }) => name === only);
  return exact.length > 0 ? exact : cases.filter(({ name }) => name.includes(only));
}

/** All rounds of a case: the runs of each contestant. */
async function takeTurns(file, { name, tasks, rounds, contestants }) {
  const ready = Object.entries(contestants).filter(([, contestant]) => missing(contestant) === null);
  const runs = new Map(Object.keys(contestants).map((key) => [key, []]));
  const running = new Map();
  try {
    for (const [, { service }] of ready) {
      if (service !== undefined && !running.has(service)) running.set(service, await services[service]());
    }
    for (let turn = 0; turn < rounds; turn++) {
      for (const [key, { share = 1, service }] of ready) {
        const env = service === undefined ? {} : { BENCH_SERVICE: JSON.stringify(running.get(service).address) };
        runs.get(key).push(await runOnce(file, name, key, Math.max(1, Math.round(tasks * share)), env));
      }
    }
  } finally {
    for (const { stop } of running.values()) await stop();
  }
  return runs;
}

const perSecond = ({ tasks, ms }) => (tasks / ms) * 1_000;

function row(benchmark, name, contestant, runs, base, install) {
  if (runs.length === 0) return { benchmark, case: name, contestant, rate: null, note: `not run: ${install}`, rates: [] };
  const rates = runs.map(perSecond);
  const ratios = base.length === 0 ? [] : rates.map((rate, turn) => rate / perSecond(base[turn]));
  return {
    benchmark,
    case: name,
    contestant,
    tasks: runs[0].tasks,
    rate: Math.round(median(rates)),
    best: Math.round(Math.max(...rates)),
    'spread %': Math.round(((Math.max(...rates) - Math.min(...rates)) / median(rates)) * 100),
    ...(ratios.length === 0
      ? {}
      : { ratio: round(median(ratios)), lowest: round(Math.min(...ratios)), highest: round(Math.max(...ratios)) }),
    'CPU µs/task': Math.round((median(runs.map(({ processor }) => processor)) * 1_000) / runs[0].tasks),
    'peak MB': Math.round(median(runs.map(({ peak }) => peak))),
    rates: rates.map(Math.round),
  };
}

/** What a bar is about; null where something that it needs did not run: of a ratio the first contestant of the case too. */
function measured(rows, { case: name, contestant, of, against }) {
  const ofCase = rows.filter((one) => one.case === name);
  const find = (key) => ofCase.find((one) => one.contestant === key);
  const notRun = [find(contestant), of === 'ratio' ? ofCase[0] : find(against)].find((one) => one?.rates.length === 0);
  if (notRun !== undefined) return { value: null, note: `${notRun.contestant} ${notRun.note}` };
  if (against === undefined) return { value: find(contestant)[of] };
  const rivals = find(against).rates;
  return { value: median(find(contestant).rates.map((rate, turn) => rate / rivals[turn])) };
}
