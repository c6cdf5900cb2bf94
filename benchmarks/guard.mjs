/**
 * Has it become slower? Ours and a rival that needs nothing but this package in turns, each run a process of its own; the ratios of processor time
 * and rate against those in `recorded.json`. Status 1 where one is beyond its tolerance (`guard-verdict.mjs`) after three times the rounds.
 *
 *   npm run bench:guard -- [--quick] [--only=shell]      compare
 *   npm run bench:guard -- --record                      measure, and write what is compared with from now on
 *   npm run bench:guard -- --slow=30                     with 30 % more work in the server for each task: has to fail
 *   npm run bench:guard -- --self-test [--quick]         what holds now passes, and with that slowdown fails: status 1 where not
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chosen, contested, runOnce } from './compare.mjs';
import { commandsOverTcp, functionsOverTcp } from './contestants.mjs';
import { judge, ratios } from './guard-verdict.mjs';
import { argument, machine, quick } from './harness.mjs';
import { line } from './rivals/commands.mjs';
import { piscina } from './rivals/threads.mjs';

const cases = [
  {
    name: 'functions, SQLite, beside piscina',
    tasks: 25_000,
    contestants: { rival: piscina, ours: functionsOverTcp(true) },
  },
  {
    name: 'shell true, SQLite, beside xargs -P2 sh -c',
    tasks: 1_500,
    contestants: {
      rival: line('seq N | xargs -P2 -I{} sh -c true'),
      ours: commandsOverTcp(function* (tasks) {
        for (let i = 0; i < tasks; i++) yield 'true';
      }),
    },
  },
];
const rounds = quick ? 3 : 6;
const attempts = 3;
const slowdown = 0.3;
const file = fileURLToPath(import.meta.url);
const record = new URL('./recorded.json', import.meta.url);
/** As many tasks in every form: what a task costs depends on how long a process has run. */

/** One more series of rounds on top of those that there are. */
async function measure({ name, tasks }, runs, env = {}) {
  for (let turn = 0; turn < rounds; turn++) {
    runs.rival.push(await runOnce(file, name, 'rival', tasks));
    runs.ours.push(await runOnce(file, name, 'ours', tasks, env));
  }
  return runs;
}

const none = () => ({ rival: [], ours: [] });

/** `part` more processor time for each task, of what one costs now: in the server's thread. */
function slowed(part, { ours }) {
  const microseconds = Math.min(...ours.map(({ processor, tasks }) => (processor * 1_000) / tasks)) * part;
  const preload = new URL('./slowdown.mjs', import.meta.url).href;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${preload}`.trim(), BENCH_SLOWDOWN: microseconds.toFixed(3) };
}

/** The lines of a case; more rounds as long as one does not hold, up to `attempts` times. */
async function guard(one, recorded, env = {}) {
  const runs = none();
  for (let attempt = 1; ; attempt++) {
    const lines = judge(one.name, ratios(await measure(one, runs, env)), recorded);
    if (attempt === attempts || lines.every(({ holds }) => holds)) return lines;
  }
}

function tell(lines) {
  for (const one of lines) console.log(JSON.stringify({ benchmark: 'guard', ...one }));
  for (const { measure: name, what, value, recorded, limit, holds } of lines)
    console.log(
      `${holds ? 'holds ' : 'BROKEN'} ${name}: ${what} ${value ?? ''}, recorded ${recorded ?? 'never'}, limit ${limit ?? 'none'}`,
    );
  return lines.every(({ holds }) => holds);
}

async function writeRecord() {
  const measures = {};
  for (const one of chosen(cases)) {
    const runs = none();
    for (let attempt = 0; attempt < attempts; attempt++) await measure(one, runs);
    measures[one.name] = ratios(runs);
  }
  const before = chosen(cases).length === cases.length ? {} : JSON.parse(readFileSync(record, 'utf8')).measures;
  writeFileSync(record, `${JSON.stringify({ ...machine(), measures: { ...before, ...measures } }, null, 2)}\n`);
  console.log(readFileSync(record, 'utf8'));
}

async function compareWithRecord(part) {
  const { measures } = JSON.parse(readFileSync(record, 'utf8'));
  const lines = [];
  for (const one of chosen(cases)) {
    const env = part === 0 ? {} : slowed(part, await measure(one, none()));
    lines.push(...(await guard(one, measures[one.name], env)));
  }
  return tell(lines);
}

/** Against what is measured here and now, so that what has become faster since the record was made hides nothing. */
async function selfTest() {
  let sound = true;
  for (const one of chosen(cases)) {
    const runs = await measure(one, none());
    const recorded = ratios(runs);
    console.log(`as it is: ${one.name}`);
    const passes = tell(await guard(one, recorded));
    console.log(`with ${slowdown * 100} % more work for each task: ${one.name}`);
    const fails = !tell(await guard(one, recorded, slowed(slowdown, runs)));
    if (!passes) console.error('the guard failed although nothing was changed');
    if (!fails) console.error('the guard did not notice the slowdown');
    sound &&= passes && fails;
  }
  return sound;
}

if (!(await contested(cases))) {
  const flags = new Set(process.argv.slice(2));
  const slow = Number(argument('slow') ?? 0) / 100;
  if (flags.has('--record')) await writeRecord();
  else if (!(await (flags.has('--self-test') ? selfTest() : compareWithRecord(slow)))) process.exitCode = 1;
}
