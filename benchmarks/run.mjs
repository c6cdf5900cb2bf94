/**
 * Runs benchmarks by name, one after the other, each in a process of its own: `npm run bench -- <name>… [--quick] [--only=case] [--write]`, or `all`.
 * `--write` keeps the figures in `results.jsonl` and makes the tables and pictures of this folder anew. Ends with status 1 when one could not run; a bar
 * that is missed is told, and is no failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../dist/base/nearest.js';
import { argument, machine, quick } from './harness.mjs';
import { questions, undivided } from './questions.mjs';
import { writeReport } from './report.mjs';
import { keep } from './results.mjs';
import { readWords } from './words.mjs';

/** How `--quick` is said to those that take no options. */
const quickly = { 'shell-slots': { N: '100', ROUNDS: '1' }, core: { TASKS: '100000' } };

const { names, options, wrong } = readWords(process.argv.slice(2), ['--quick', '--write', '--only=', '--help']);
const only = argument('only');
const chosen = names.includes('all') ? Object.keys(questions).filter((name) => only === undefined || !undivided.has(name)) : names;
const write = options.includes('--write');
for (const name of chosen) {
  if (questions[name] === undefined) wrong.push(`there is no benchmark '${name}'.${didYouMean(name, Object.keys(questions))}`);
  else if (only !== undefined && undivided.has(name)) wrong.push(`${name} has no cases: leave out --only`);
}
if (write && quick) wrong.push('figures of a quick run are for a look: leave out --quick, or --write');
const helped = options.includes('--help') && wrong.length === 0;
if (helped || chosen.length === 0 || wrong.length > 0) {
  const say = helped ? console.log : console.error;
  for (const one of wrong) say(one);
  say('npm run bench -- <name>… | all   [--quick | --write] [--only=case]');
  for (const [name, question] of Object.entries(questions)) say(`  ${name.padEnd(16)} ${question}`);
  process.exit(helped ? 0 : 2);
}

/** All that a benchmark leaves behind, however it ends; a PostgreSQL, which does not run as root, looks into it as another user. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
chmodSync(folder, 0o755);
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
let running = null;
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
  process.once(signal, () => {
    if (running === null) return process.exit(128 + number);
    // Its brokers, databases and contestants are of its group.
    running.once('close', () => process.exit(128 + number));
    process.kill(-running.pid, 'SIGKILL');
  });

/** Runs one, shows what it prints, and gives it back. */
async function run(name) {
  const file = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  const env = { ...process.env, ...(quick ? quickly[name] : {}), TMPDIR: folder };
  const child = spawn(process.execPath, [file, ...options], { stdio: ['ignore', 'pipe', 'inherit'], env, detached: true });
  running = child;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  const [status] = await once(child, 'close');
  running = null;
  return { status, lines: text.split('\n').filter((line) => line.startsWith('{')) };
}

console.log(Object.values(machine()).join(' · '));
const failed = [];
const times = [];
const bars = [];
for (const name of chosen) {
  console.log(`\n== ${name}: ${questions[name]}`);
  const began = performance.now();
  const { status, lines } = await run(name);
  times.push(`${name} ${Math.round((performance.now() - began) / 1_000)} s`);
  console.log(`(${times.at(-1)})`);
  const parsed = lines.map((line) => JSON.parse(line));
  bars.push(...parsed.filter(({ bar }) => bar !== undefined));
  // What it says first is what it runs on.
  const nothing = only !== undefined && parsed.length <= 1;
  if (nothing && status === 0) console.error(`nothing of ${name} is called '${only}'`);
  if (status !== 0 || nothing) failed.push(name);
  else if (write) keep(parsed);
}
const missed = bars.filter(({ met }) => !met);
console.log(`\n${times.join(' · ')}`);
console.log(`${bars.length - missed.length} of ${bars.length} bars met${quick ? '; for a verdict, leave out --quick' : ''}`);
for (const { bar, value, least, most } of missed)
  console.log(`  missed: ${bar}: ${value ?? 'not run'}, ${least === undefined ? `at most ${most}` : `at least ${least}`}`);
if (write) writeReport();
if (failed.length > 0) {
  console.error(`could not run: ${failed.join(', ')}`);
  process.exit(1);
}
