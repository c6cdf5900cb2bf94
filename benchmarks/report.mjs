/**
 * `README.md` of this folder, made from `results.jsonl`: the bars, each benchmark's table with its machine and day, and what is slower than a rival. With it
 * the table in the package's README.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { median } from './harness.mjs';
import { limits } from './limits.mjs';
import { writePictures } from './plot.mjs';
import { questions } from './questions.mjs';
import { results } from './results.mjs';
import { writeSummary } from './summary.mjs';

const shown = (value) => {
  if (typeof value === 'number')
    return Number.isInteger(value) || Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(value);
  return value === null || value === undefined ? '' : String(value).replaceAll('|', '\\|');
};

function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const alignment = columns.map((column) => (rows.some((row) => typeof row[column] === 'string') ? '---' : '--:'));
  return [line(columns), line(alignment), ...rows.map((row) => line(columns.map((column) => shown(row[column]))))].join('\n');
}

/** A table of rows, without the lists that are for programs. */
function tableOf(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (key) => key !== 'benchmark' && !rows.some((row) => Array.isArray(row[key])),
  );
  return table(columns, rows);
}

const limit = ({ least, most }) => (least === undefined ? `≤ ${shown(most)}` : `≥ ${shown(least)}`);

function barTable(bars) {
  const rows = bars.map((bar) => ({
    bar: bar.bar,
    asked: limit(bar),
    measured: bar.value === null ? `not run: ${bar.note}` : String(shown(bar.value)),
    '': bar.met ? 'met' : '**missed**',
  }));
  return table(['bar', 'asked', 'measured', ''], rows);
}

/** Where a rival is quicker than the best of ours, by the rates of one run. */
function slower(rows) {
  const lines = [];
  for (const name of new Set(rows.map((row) => `${row.benchmark}\n${row.case}`))) {
    const ofCase = rows.filter((row) => `${row.benchmark}\n${row.case}` === name && row.rates?.length > 0);
    const isOwn = ({ contestant = '' }) => contestant.startsWith('millrace');
    const [best] = ofCase.filter(isOwn).sort((a, b) => b.rate - a.rate);
    for (const rival of best === undefined ? [] : ofCase.filter((row) => !isOwn(row))) {
      const ratio = median(best.rates.map((rate, turn) => rate / rival.rates[turn]));
      if (ratio < 1) lines.push(`- ${best.case}: ${best.contestant} makes ${ratio.toFixed(2)} of the rate of ${rival.contestant}.`);
    }
  }
  const clock = 'submit to its own clock';
  const idle = rows.filter((row) => row.benchmark === 'latency' && row.clock === clock && row.median !== null);
  const own = idle.find(({ task }) => task === 'millrace, function');
  for (const { task, median: ms } of own === undefined ? [] : idle)
    if (ms < own.median && !task.startsWith('millrace'))
      lines.push(`- idle, ${clock}: ${own.task} takes ${own.median} ms, ${task} ${ms} ms.`);
  return lines.length === 0 ? 'Nowhere in these tables.' : lines.join('\n');
}

const opening = `# Benchmarks

Made by \`npm run bench -- <name> --write\` from \`results.jsonl\`; not written by hand. One question a file, rivals beside ours:
\`npm run bench -- <name>… | all [--quick] [--only=case]\`. Contestants take turns, each run in a process of its own; a ratio is the median of the ratios
of each round, so that a machine that is busy with something else slows both sides. Rate, ratio and memory are medians, \`best\` the best round, \`spread %\`
how far the rounds are apart, \`lowest\` and \`highest\` the ratios at the ends. Processor time counts threads and child processes, a rival's Redis or
PostgreSQL too; memory is the peak of the process, with that of Redis or PostgreSQL, but without the children of \`xargs\`, GNU parallel, the spawn loop and
dask.distributed. All that a contestant starts and ends is in its processor time: dask's workers for the most part. Rivals that are slow get fewer tasks (column
\`tasks\`), so that their own start weighs more; those of \`functions\` and \`postgres\` get as many. Ours is the whole way, unless a row says otherwise: submitter, server and
client over loopback TCP, each task and result in an SQLite file (\`synchronous=FULL\`), output captured, two slots or threads.

Rivals: \`xargs\` and the spawn loop keep no record; GNU parallel keeps its job log; PostgreSQL has \`fsync\` and \`synchronous_commit\` on; Redis is as it
comes (a crash loses what came after its last snapshot), and once more with each write on disk before its answer, which is what ours does. Rivals that are
queues run the function in their own process, without a thread. One that is not installed is named with the command that installs it, its row says
"not run", and a bar that needs it is missed.

\`npm run bench:guard\` compares ratios of processor time and rate with \`recorded.json\`; \`-- --record\` writes that, \`-- --self-test\` shows that it
notices a server that needs 30 % more for each task.`;

/** The whole text, with the pictures that could be drawn. */
export function report(lines, drawn) {
  const order = Object.keys(questions);
  const bars = lines.filter(({ bar }) => bar !== undefined).sort((a, b) => order.indexOf(a.benchmark) - order.indexOf(b.benchmark));
  const rows = lines.filter((line) => line.bar === undefined && line.processor === undefined);
  const parts = [opening, '## Bars', barTable(bars)];
  parts.push(`${bars.filter(({ met }) => met).length} of ${bars.length} met.`);
  if (bars.some(({ met }) => !met)) parts.push('## Why a bar is missed', limits(bars, rows));
  parts.push('## Where a rival is quicker', slower(rows));
  const pictures = { 'rivals.svg': 'Tasks a second beside rivals', 'cost.svg': 'What a task costs as things grow' };
  for (const [file, title] of Object.entries(pictures)) if (drawn.includes(file)) parts.push(`![${title}](${file})`);
  for (const [name, question] of Object.entries(questions)) {
    const own = rows.filter(({ benchmark }) => benchmark === name);
    const header = lines.find((line) => line.benchmark === name && line.processor !== undefined);
    if (own.length === 0 || header === undefined) continue;
    const { processor, cores, memory, kernel, node, date, versions } = header;
    parts.push(`## ${name}`, `${question[0].toUpperCase()}${question.slice(1)}.`);
    const cases = name === 'scale' ? [undefined] : [...new Set(own.map((row) => row.case))];
    for (const one of cases) parts.push(tableOf(own.filter((row) => one === undefined || row.case === one)));
    const machine = `${processor}, ${cores} cores, ${memory}, Linux ${kernel}, Node ${node}, ${date.replace('T', ' ')} UTC`;
    parts.push(`${[machine, ...versions].join(' · ')}`);
  }
  return `${parts.join('\n\n')}\n`;
}

export function writeReport() {
  const drawn = writePictures();
  writeFileSync(new URL('./README.md', import.meta.url), report(results(), drawn));
  writeSummary();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeReport();
