/**
 * Chaos: real processes, sockets and SQLite files, and faults done to them at seeded random moments. Every run ends with a look at the store: each accepted
 * task has exactly one outcome, the right one, in one recorded end, and whatever ran more than once did so for a reason that is known.
 *
 *   npm run test:chaos                                  every fault with three seeds, at most 10 minutes
 *   npm run test:chaos -- --quick                       every fault once, at most 3 minutes
 *   npm run test:chaos -- --fault net-cut --seed 7      one of them; --fault may come more than once
 *   npm run test:chaos -- --list
 *
 * `--seeds n`: so many, one after the other (3; 1 with `--quick` or `--seed`). `--seconds n`: how long harm is done in each run (6, quick 3). `--jobs n`: runs at a time (3).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { faults } from './faults/index.mjs';

const { values } = parseArgs({
  options: {
    fault: { type: 'string', multiple: true },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    seconds: { type: 'string' },
    jobs: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

function number(name, text, least) {
  const value = Number(text);
  if (!(value >= least)) refuse(`--${name} takes a number, at least ${least}: not '${text}'`);
  return value;
}

function refuse(why) {
  console.error(`chaos: ${why}`);
  process.exit(2);
}

for (const name of values.fault ?? []) {
  if (!faults.some((fault) => fault.name === name))
    refuse(`there is no fault '${name}'; there are: ${faults.map((fault) => fault.name).join(' ')}`);
}
if (values.list) {
  for (const { name, about, needs } of faults) {
    const missing = needs?.() ?? null;
    console.log(`${name.padEnd(18)} ${about}${missing === null ? '' : ` [not here: ${missing.why}]`}`);
  }
  process.exit(0);
}

const seconds = number('seconds', values.seconds ?? (values.quick ? 3 : 6), 1);
const jobs = number('jobs', values.jobs, 1);
const first = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Math.floor(number('seed', values.seed, 0));
const count = values.seeds ?? (values.seed !== undefined || values.quick ? 1 : 3);
const seeds = Array.from({ length: Math.floor(number('seeds', count, 1)) }, (_, i) => first + i);
const chosen = faults.filter(({ name }) => values.fault === undefined || values.fault.includes(name));

const failures = [];
const notRun = [];
const runs = [];
for (const fault of chosen) {
  const missing = fault.needs?.() ?? null;
  if (missing === null) runs.push(...seeds.map((seed) => ({ fault, seed })));
  else notRun.push({ name: fault.name, ...missing });
}
// Every fault once, then every fault with the next seed; the long ones first, so that at the end nobody waits for them alone.
runs.sort((a, b) => a.seed - b.seed || Number(b.fault.long ?? false) - Number(a.fault.long ?? false));
/** No run begins later (ms): on a busy machine there are fewer of them, but each fault must have been there once. */
const latest = (values.quick ? 150 : 540) * 1000;

const counted = (record) =>
  Object.entries(record)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');

/** The run in a process of its own; what it says of itself. */
async function perform({ fault, seed }) {
  const path = fileURLToPath(new URL('./one.mjs', import.meta.url));
  const words = JSON.stringify({ fault: fault.name, seed, seconds, keep: values.keep });
  const child = spawn(process.execPath, [path, words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data) => {
    text += data;
  });
  await once(child, 'close');
  const title = `${fault.name} --seed ${seed}`;
  const said = text.trim().split('\n').at(-1);
  report(
    title,
    said === '' ? { wrong: [`it ended without a word, by ${child.signalCode ?? child.exitCode}`], records: '' } : JSON.parse(said),
  );
}

function report(title, { ms, harm, memory, folder, found, wrong, records }) {
  if (found) {
    const reasons = Object.entries(found.reasons).map(([reason, count]) => `${count} ${reason}`);
    const again = `${found.again} ran more than once${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`;
    const cost = `${(ms / 1000).toFixed(1)} s${memory > 0 ? `, ${Math.round(memory / 2 ** 20)} MB at most` : ''}`;
    console.log(
      `chaos: ${title}: ${[counted(harm), `${found.tasks} tasks: ${counted(found.outcomes)}`, again, cost].filter(Boolean).join('; ')}`,
    );
    total.tasks += found.tasks;
    total.again += found.again;
  }
  if (wrong.length === 0) return;
  failures.push(title);
  console.log(`chaos: FAILED ${title}: ${wrong.length} things are wrong; kept in ${folder}`);
  for (const line of wrong.slice(0, 20)) console.log(`chaos:   ${line}`);
  if (records !== '') console.log(records.replaceAll(/^/gm, 'chaos:   | '));
}

const total = { tasks: 0, again: 0 };
const began = performance.now();
console.log(`chaos: ${chosen.length} faults, seeds ${seeds.join(' ')}, ${seconds} s of harm in each run, ${jobs} runs at a time`);
const queue = [...runs];
const done = new Set();
const late = [];
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (performance.now() - began > latest && done.has(next.fault.name)) late.push(next);
      else {
        done.add(next.fault.name);
        await perform(next);
      }
    }
  }),
);
for (const { name, why, install, impossible } of notRun) {
  console.error(`chaos: ${name} was not run: ${why}${impossible ? '' : `; install it with: ${install}`}`);
  if (!impossible) failures.push(name);
}
if (late.length > 0)
  console.log(
    `chaos: ${late.length} of ${runs.length} runs were not begun within ${latest / 1000} s: this machine has too much else to do`,
  );
const whole = `${runs.length - late.length} runs, ${total.tasks} tasks, ${total.again} of them ran more than once, each for a known reason; ${Math.round((performance.now() - began) / 1000)} s`;
console.log(failures.length === 0 ? `chaos: 0 lost, 0 recorded twice: ${whole}` : `chaos: FAILED: ${failures.join(', ')}; ${whole}`);
process.exit(failures.length === 0 ? 0 : 1);
