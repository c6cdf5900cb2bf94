/**
 * What all benchmarks share: contestants that take turns, each run in a process of its own; what a run cost; JSON lines and a table.
 *
 * A benchmark is a list of cases; a case has contestants, the first of which the others are measured against, round by round, so that a
 * machine that is busy with something else slows both sides of a ratio. A contestant gets `(tasks, clock)` and calls `clock.begin()` and
 * `clock.end()` around what counts; it returns after everything it started is gone, so that the processor time of child processes is known.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const clockTick = 10;

/** `--quick`: fewer tasks and rounds, for a look; `--only=text`: the cases whose name holds the text. */
export const quick = process.argv.includes('--quick');
const argument = (name) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

export const median = (list) => {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
export const quantile = (list, q) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];
export const round = (value, digits = 2) => (value === null ? null : Number(value.toFixed(digits)));

/** The machine, for every table. */
export function machine() {
  const [processor] = cpus();
  return {
    processor: processor?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 16),
  };
}

/** Processor time (ms) of this process, its threads, and the children that it has waited for. */
function processorTime() {
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

/** In the process of a contestant: run it, tell what it cost on the last line. */
async function contest(contestant, tasks) {
  const time = { began: 0, ended: 0, processor: 0 };
  const clock = {
    begin() {
      time.processor = processorTime();
      time.began = performance.now();
    },
    end() {
      time.ended = performance.now();
    },
  };
  const extra = (await contestant.run(tasks, clock)) ?? {};
  const processor = processorTime() - time.processor;
  const { maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({ tasks, ms: time.ended - time.began, processor, peak: maxRSS / 1_024, ...extra }));
}

/** A contestant in a process of its own. */
function inProcess(file, caseName, name, tasks) {
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? withResolvers();
  const words = [file, `--case=${caseName}`, `--contestant=${name}`, `--tasks=${tasks}`];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  child.once('close', (status) => {
    if (status === 0) resolve(JSON.parse(text.trim().split('\n').at(-1)));
    else reject(new Error(`${caseName}, ${name}: ended with status ${status}`));
  });
  return promise;
}

function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

/** Whether a command exists. */
const exists = (command) => spawnSync('/bin/sh', ['-c', `command -v ${command}`]).status === 0;

/**
 * Run a benchmark: `cases` is a list of `{ name, tasks, rounds, contestants: { name: { run, needs?, share? } } }`. `needs`: a command of the
 * system with the line that installs it; `share`: the part of the tasks that a slow contestant gets. `bars`: `{ what, case, contestant, of, least }`,
 * `of` being `'rate'` or `'ratio'`.
 */
export async function compare(benchmark, url, cases, bars = []) {
  const file = fileURLToPath(url);
  const wanted = argument('contestant');
  if (wanted !== undefined) {
    const { contestants } = cases.find(({ name }) => name === argument('case'));
    await contest(contestants[wanted], Number(argument('tasks')));
    return;
  }
  const only = argument('only') ?? '';
  console.log(JSON.stringify({ benchmark, ...machine() }));
  const rows = [];
  for (const { name, tasks, rounds, contestants } of cases.filter((one) => one.name.includes(only))) {
    const runs = new Map(Object.keys(contestants).map((key) => [key, []]));
    for (let turn = 0; turn < rounds; turn++) {
      for (const [key, { needs, share = 1 }] of Object.entries(contestants)) {
        if (needs !== undefined && !exists(needs.command)) continue;
        runs.get(key).push(await inProcess(file, name, key, Math.max(1, Math.round(tasks * share))));
      }
    }
    const [base] = runs.values();
    for (const [key, list] of runs) {
      rows.push(row(benchmark, name, key, list, base, contestants[key].needs));
      console.log(JSON.stringify(rows.at(-1)));
    }
  }
  showTable(rows);
  showBars(rows, bars);
}

const perSecond = ({ tasks, ms }) => (tasks / ms) * 1_000;

function row(benchmark, name, contestant, runs, base, needs) {
  if (runs.length === 0) return { benchmark, case: name, contestant, rate: null, note: `not run: ${needs.install}` };
  const rates = runs.map(perSecond);
  const ratios = rates.map((rate, turn) => rate / perSecond(base[turn]));
  return {
    benchmark,
    case: name,
    contestant,
    tasks: runs[0].tasks,
    rate: Math.round(median(rates)),
    best: Math.round(Math.max(...rates)),
    ratio: round(median(ratios)),
    'lowest ratio': round(Math.min(...ratios)),
    'CPU µs/task': Math.round((median(runs.map(({ processor }) => processor)) * 1_000) / runs[0].tasks),
    'peak MB': Math.round(median(runs.map(({ peak }) => peak))),
  };
}

/** JSON lines, then the table. */
export function show(benchmark, rows) {
  console.log(JSON.stringify({ benchmark, ...machine() }));
  for (const one of rows) console.log(JSON.stringify({ benchmark, ...one }));
  showTable(rows);
}

function showTable(rows) {
  console.table(rows.map(({ benchmark: _, ...rest }) => rest));
}

/** Which bars are met: `{ what, value, least | most }`, or with a value of the rows. */
export function showBars(rows, bars) {
  for (const bar of bars) {
    const value = bar.value === undefined ? fromRows(rows, bar) : bar.value;
    if (value === undefined) continue;
    const met = value !== null && (bar.least === undefined ? value <= bar.most : value >= bar.least);
    const limit = bar.least === undefined ? `at most ${bar.most}` : `at least ${bar.least}`;
    console.log(`${met ? 'met   ' : 'MISSED'} ${bar.what}: ${value === null ? 'not run' : round(value)}, ${limit}`);
  }
}

/** The rate of a contestant, or its ratio to the first of its case; undefined: not part of this run. */
function fromRows(rows, { case: name, contestant, of }) {
  return rows.find((one) => one.case === name && one.contestant === contestant)?.[of];
}
