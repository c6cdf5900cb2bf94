/** The table of the README's part on performance, made from `results.jsonl`: a line a question, ours beside each rival of the same run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { median } from './harness.mjs';
import { results } from './results.mjs';

const readme = new URL('../README.md', import.meta.url);
const begin = '<!-- figures: `npm run bench -- <name> --write` makes them -->';
const end = '<!-- end of figures -->';

const number = (value) => Math.round(value).toLocaleString('en');

/** Questions whose answer is a rate beside those of rivals: benchmark, case, which row is ours, and how it is put. */
const races = [
  ['shell', 'true', 'millrace', 'shell `true`: a builtin, no process'],
  ['shell', 'true', 'millrace, exit 0', 'shell `exit 0`: a fork, as most commands'],
  ['shell', '/bin/true', 'millrace', 'shell `/bin/true`: a small program'],
  ['functions', 'functions, SQLite', 'millrace', 'functions that do nothing, from adding to recorded end'],
  ['functions-memory', 'functions, memory', 'millrace, runLocal', 'the same in memory; these rivals record nothing'],
  ['postgres', 'functions, PostgreSQL', 'millrace', 'the same on PostgreSQL, which servers can share'],
  ['graph', 'layered, functions in threads', 'millrace', 'functions of a task graph'],
  ['remote', '100 calls in flight', 'millrace', 'calls of remote objects, 100 in flight'],
];

/** Ours against a rival: the median of the ratios of each round, as everywhere. */
function against(own, rival) {
  if (!rival.rates?.length) return `${rival.contestant} not run`;
  const ratio = median(own.rates.map((rate, turn) => rate / rival.rates[turn % rival.rates.length]));
  const text = `${ratio.toFixed(ratio < 10 ? 2 : 0)} × ${rival.contestant}`;
  return ratio < 1 ? `**${text}**` : text;
}

function race(rows, [benchmark, name, contestant, question]) {
  const ofCase = rows.filter((row) => row.benchmark === benchmark && row.case === name && row.contestant !== undefined);
  const own = ofCase.find((row) => row.contestant === contestant);
  if (own === undefined) return [];
  const rivals = ofCase.filter((row) => !row.contestant.startsWith('millrace'));
  return [[question, benchmark, `${number(own.rate)}/s`, rivals.map((rival) => against(own, rival)).join(', ')]];
}

/** Questions about time and memory. */
function others(rows) {
  const row = (benchmark, wanted) =>
    rows.find((one) => one.benchmark === benchmark && Object.entries(wanted).every(([key, value]) => one[key] === value));
  const clock = 'submit to its own clock';
  const own = row('latency', { task: 'millrace, function', clock });
  const bullmq = row('latency', { task: 'BullMQ', clock });
  const always = row('latency', { task: 'BullMQ, appendfsync always', clock });
  const bold = (text, rival) => (rival.median < own.median ? `**${text}**` : text);
  const start = row('startup', { what: "runLocal(['true'])" });
  const lines = row('memory', { resume: false });
  return [
    own && [
      'idle: submission to the start of a function, median',
      'latency',
      `${own.median} ms`,
      bullmq && always
        ? [bold(`BullMQ ${bullmq.median} ms`, bullmq), bold(`with each write on disk ${always.median} ms`, always)].join(', ')
        : 'BullMQ not run',
    ],
    start && ["`runLocal(['true'])` in a running host", 'startup', `${start.median} ms`, ''],
    lines && [
      'a server that streams 1,000,000 lines into SQLite',
      'memory',
      `${number(lines.rate)}/s`,
      `${lines['peak MB']} MB resident at most`,
    ],
  ].filter(Boolean);
}

/** The table of these rows. */
export function summary(rows) {
  const lines = [
    ['question', '`npm run bench --`', 'Millrace', 'against'],
    ['---', '---', '---', '---'],
    ...races.flatMap((one) => race(rows, one)).map(([question, name, ...rest]) => [question, `\`${name}\``, ...rest]),
    ...others(rows).map(([question, name, ...rest]) => [question, `\`${name}\``, ...rest]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A README with the table of these rows in its place. */
export function withSummary(text, rows) {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md has no place for the figures: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n${summary(rows)}\n${text.slice(to)}`;
}

export function writeSummary() {
  writeFileSync(readme, withSummary(readFileSync(readme, 'utf8'), results()));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSummary();
