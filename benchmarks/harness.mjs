/**
 * What all benchmarks share: how they are asked, the machine and the versions of what ran, figures from lists, JSON lines, the table, the bars.
 * What takes turns with rivals is in `compare.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { basename } from 'node:path';

/** `--quick`: fewer tasks and rounds, for a look; `--only=text`: the cases whose name holds the text. */
export const quick = process.argv.includes('--quick');
export const argument = (name) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

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

/** The versions of packages that are installed here. */
export const packageVersions = (names) =>
  names.map((name) => {
    const path = new URL(`../node_modules/${name}/package.json`, import.meta.url);
    return existsSync(path) ? `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}` : `${name} missing`;
  });

/** What a program of the system says of itself: its name and number. */
export function programVersion(command, words = ['--version']) {
  const { stdout } = spawnSync(command, words, { encoding: 'utf8' });
  return `${basename(command)} ${/\d+(?:\.\d+)*/.exec(stdout ?? '')?.[0] ?? 'missing'}`;
}

/** The first line of a benchmark: what ran, on what, of which versions. */
export function announce(benchmark, versions = []) {
  console.log(JSON.stringify({ benchmark, ...machine(), quick, versions }));
}

/** JSON lines, then the table. */
export function show(benchmark, rows, versions = []) {
  announce(benchmark, versions);
  for (const one of rows) console.log(JSON.stringify({ benchmark, ...one }));
  showTable(rows);
}

/** Columns that are lists are for programs. */
export function showTable(rows) {
  console.table(
    rows.map(({ benchmark: _, ...rest }) => Object.fromEntries(Object.entries(rest).filter(([, value]) => !Array.isArray(value)))),
  );
}

/** Which bars are met: `{ what, case?, value, least | most }`; a value of null: what it needs did not run, so the bar is missed. */
export function showBars(benchmark, bars) {
  for (const { what, case: name, value, least, most, note } of bars) {
    const met = value !== null && (least === undefined || value >= least) && (most === undefined || value <= most);
    const shown = value === null ? null : round(value);
    console.log(
      JSON.stringify({ benchmark, ...(name === undefined ? {} : { case: name }), bar: what, value: shown, least, most, met, note }),
    );
    const limit = least === undefined ? `at most ${most}` : `at least ${least}`;
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${shown ?? `not run${note === undefined ? '' : ` (${note})`}`}, ${limit}`);
  }
}
