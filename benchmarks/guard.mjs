/**
 * Has it become slower? Ours and a rival that needs nothing but this package in turns, each run a process of its own; the ratios of processor time
 * and rate against those in `recorded.json`. Status 1 where one is beyond its tolerance (`guard-verdict.mjs`) after eight times the rounds.
 *
 *   npm run bench:guard -- [--quick] [--only=shell]      compare
 *   npm run bench:guard -- --record                      measure, and write what is compared with from now on
 *   npm run bench:guard -- --slow=30                     with 30 % more work in the server for each task: has to fail
 *   npm run bench:guard -- --self-test [--quick]         what holds now passes, and with that slowdown fails: status 1 where not
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chosen, inProcess } from './compare.mjs';
import { cases } from './guard-parts.mjs';
import { judge, mostCost, ratios } from './guard-verdict.mjs';
import { argument, machine, quick } from './harness.mjs';
import { readWords } from './words.mjs';

const rounds = quick ? 2 : 4;
const attempts = 8;
const slowdown = 0.3;
const file = fileURLToPath(import.meta.url);
const record = new URL('./recorded.json', import.meta.url);

/** The windows of one process. */
const once = ({ name }, of, env = {}) => inProcess(file, [`--part=${name}`, `--of=${of}`], env);

/** One more series of rounds on top of those that there are. */
async function measure(one, runs, env = {}) {
  for (let turn = 0; turn < rounds; turn++) {
    runs.rival.push(...(await once(one, 'rival')));
    runs.ours.push(...(await once(one, 'ours', env)));
  }
  return runs;
}

const none = () => ({ rival: [], ours: [] });

/** `more` (a part of 1) processor time for each task, of what one costs now: in the server's thread. */
function slowed(more, { ours }) {
  const microseconds = Math.min(...ours.map(({ processor, tasks }) => (processor * 1_000) / tasks)) * more;
  const preload = new URL('./slowdown.mjs', import.meta.url).href;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${preload}`.trim(), BENCH_SLOWDOWN: microseconds.toFixed(3) };
}

/** The lines of a case; more rounds as long as one does not hold, up to `attempts` times. */
async function guard(one, recorded, env = {}) {
  const runs = none();
  for (let attempt = 1; ; attempt++) {
    const lines = judge(one.name, ratios(await measure(one, runs, env)), recorded, mostCost.ofARecord);
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

async function compareWithRecord(more) {
  const { measures } = JSON.parse(readFileSync(record, 'utf8'));
  const lines = [];
  for (const one of chosen(cases)) {
    const env = more === 0 ? {} : slowed(more, await measure(one, none()));
    lines.push(...(await guard(one, measures[one.name], env)));
  }
  return tell(lines);
}

/**
 * Against what is measured here and now, so that what has become faster since the record was made hides nothing: in turns the rival, ours for the
 * record, ours again, ours slowed; more rounds as long as one of the two verdicts is wrong, up to `attempts` times.
 */
async function selfTest(one) {
  const env = slowed(slowdown, { ours: await once(one, 'ours') });
  const runs = { rival: [], before: [], same: [], slower: [] };
  const verdict = (ours) =>
    judge(one.name, ratios({ rival: runs.rival, ours }), ratios({ rival: runs.rival, ours: runs.before }), mostCost.ofThisRun);
  const holds = (lines) => lines.every((line) => line.holds);
  for (let attempt = 1; ; attempt++) {
    for (let turn = 0; turn < rounds; turn++) {
      runs.rival.push(...(await once(one, 'rival')));
      runs.before.push(...(await once(one, 'ours')));
      runs.same.push(...(await once(one, 'ours')));
      runs.slower.push(...(await once(one, 'ours', env)));
    }
    const [same, slower] = [verdict(runs.same), verdict(runs.slower)];
    const right = holds(same) && !holds(slower);
    if (!right && attempt < attempts) continue;
    console.log('as it is:');
    if (!tell(same)) console.error('the guard failed although nothing was changed');
    console.log(`with ${slowdown * 100} % more work for each task:`);
    if (tell(slower)) console.error('the guard did not notice the slowdown');
    return right;
  }
}

async function testItself() {
  let right = true;
  for (const one of chosen(cases)) right = (await selfTest(one)) && right;
  return right;
}

const part = argument('part');
if (part !== undefined) {
  const { parts } = cases.find(({ name }) => name === part);
  console.log(JSON.stringify(await parts[argument('of')]()));
} else {
  const { names, options, wrong } = readWords(process.argv.slice(2), ['--quick', '--only=', '--record', '--slow=', '--self-test']);
  for (const name of names) wrong.push(`'${name}' is no option`);
  const only = argument('only');
  if (only !== undefined && chosen(cases).length === 0)
    wrong.push(`there is no case '${only}': there are ${cases.map(({ name }) => name).join(', ')}`);
  for (const one of wrong) console.error(one);
  if (wrong.length > 0) process.exit(2);
  const flags = new Set(options);
  const slow = Number(argument('slow') ?? 0) / 100;
  if (flags.has('--record')) await writeRecord();
  else if (!(await (flags.has('--self-test') ? testItself() : compareWithRecord(slow)))) process.exitCode = 1;
}
