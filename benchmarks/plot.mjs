/**
 * The pictures, made from `results.jsonl` without a library: `rivals.svg`, tasks a second of ours and of each rival; `cost.svg`, what a task costs as
 * a quantity grows. `node benchmarks/plot.mjs` makes them anew, as `npm run bench -- … --write` does.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { results } from './results.mjs';

const ink = '#1f2328';
const faint = '#59636e';
const rule = '#d1d9e0';
const own = '#0b6bcb';
const other = '#b6bfc9';
const width = 860;

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 1 });

function text(x, y, content, { size = 12, fill = ink, anchor = 'start', weight = 400 } = {}) {
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}">${escaped(content)}</text>`;
}

function picture(height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" role="img">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

/** The machine of a benchmark's latest run, and how its figures were chosen. */
function footer(y, lines, benchmark, how) {
  const { processor, cores, node, date } = lines.find((line) => line.benchmark === benchmark && line.processor !== undefined);
  return text(24, y, `${processor}, ${cores} cores, Node ${node}, ${date.slice(0, 10)}; ${how}`, { size: 11, fill: faint });
}

/** The panels of `rivals.svg`: a case of a benchmark, and what is said of it. */
const panels = [
  ['shell', 'true', 'shell: true; ours recorded, output captured'],
  ['shell', '/bin/true', 'shell: /bin/true; ours recorded, output captured'],
  ['shell', 'true, host of 1 GiB', 'shell: true, from a program that holds 1 GiB'],
  ['functions', 'functions, SQLite', 'functions, recorded (BullMQ as it comes: on disk later)'],
  ['functions-memory', 'functions, memory', 'functions in one process, in memory'],
];

/** Horizontal bars, one panel a case, each with a scale of its own: ours first, then the others by rate. */
export function rivalsPicture(lines) {
  const parts = [text(24, 34, 'Tasks a second; ours submitted, run and recorded', { size: 17, weight: 600 })];
  let y = 62;
  const rowsOf = (benchmark, name) => lines.filter((line) => line.benchmark === benchmark && line.case === name && line.rate > 0);
  const shown = panels.filter(([benchmark, name]) => rowsOf(benchmark, name).length > 0);
  for (const [benchmark, name, title] of shown) {
    const rows = rowsOf(benchmark, name);
    const isOwn = ({ contestant }) => contestant.startsWith('millrace');
    rows.sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || b.rate - a.rate);
    const most = Math.max(...rows.map(({ rate }) => rate));
    parts.push(text(24, y, title, { size: 13, weight: 600 }));
    y += 10;
    for (const row of rows) {
      const length = Math.max(1, (row.rate / most) * 480);
      const recordsNone = benchmark === 'functions-memory' && !isOwn(row) ? ', records nothing' : '';
      parts.push(
        text(224, y + 13, row.contestant, { anchor: 'end', fill: isOwn(row) ? own : ink, weight: isOwn(row) ? 600 : 400 }),
        `<rect x="232" y="${y + 2}" width="${length.toFixed(1)}" height="14" rx="2" fill="${isOwn(row) ? own : other}"/>`,
        text(240 + length, y + 13, `${number(row.rate)}${recordsNone}`, { fill: isOwn(row) ? own : faint, weight: isOwn(row) ? 600 : 400 }),
      );
      y += 20;
    }
    y += 26;
  }
  parts.push(footer(y, lines, shown[0][0], 'medians of interleaved rounds'));
  return picture(y + 20, 'Tasks a second beside rivals', parts);
}

/** The panels of `cost.svg`; `scaled`: the cost is on a scale of powers as well. */
const curves = [
  { name: 'tasks in the queue', scaled: false },
  { name: 'clients', scaled: false, note: "the server's part" },
  { name: 'bundle size', scaled: false },
  { name: 'bytes of an argument', scaled: true },
];

const short = (value) => (value >= 1e6 ? `${value / 1e6} M` : value >= 1e3 ? `${value / 1e3} k` : String(value));

/** One curve in a frame at `x`, `y`; quantities by powers of ten, 0 a power below the first. */
function curve({ name, scaled, note }, points, { x, y, w, h }) {
  const least = Math.min(...points.filter(({ at }) => at > 0).map(({ at }) => at));
  const across = (at) => Math.log10(at === 0 ? least / 10 : at);
  const [from, to] = [across(points[0].at), across(points.at(-1).at)];
  const costs = points.map((point) => point['CPU µs/task']);
  const top = scaled ? 10 ** Math.ceil(Math.log10(Math.max(...costs))) : niceTop(Math.max(...costs));
  const bottom = scaled ? 10 ** Math.floor(Math.log10(Math.min(...costs))) : 0;
  const up = (value) => (scaled ? Math.log10(value / bottom) / Math.log10(top / bottom) : value / top);
  const at = (point) => [x + ((across(point.at) - from) / (to - from)) * w, y + h - up(point['CPU µs/task']) * h];
  const ticks = scaled ? powers(bottom, top) : [0, top / 2, top];
  const parts = [text(x, y - 22, name, { size: 13, weight: 600 })];
  parts.push(text(x, y - 7, `µs of processor time a task${note === undefined ? '' : `, ${note}`}`, { size: 11, fill: faint }));
  for (const tick of ticks) {
    const level = y + h - up(tick) * h;
    parts.push(`<line x1="${x}" x2="${x + w}" y1="${level.toFixed(1)}" y2="${level.toFixed(1)}" stroke="${rule}"/>`);
    parts.push(text(x - 8, level + 4, short(tick), { size: 11, fill: faint, anchor: 'end' }));
  }
  const path = points
    .map((point) =>
      at(point)
        .map((value) => value.toFixed(1))
        .join(','),
    )
    .join(' ');
  parts.push(`<polyline points="${path}" fill="none" stroke="${own}" stroke-width="2"/>`);
  for (const point of points) {
    const [px, py] = at(point);
    parts.push(`<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3.5" fill="${own}"/>`);
    parts.push(text(px.toFixed(1), (py - 9).toFixed(1), number(point['CPU µs/task']), { size: 11, anchor: 'middle' }));
    parts.push(text(px.toFixed(1), y + h + 16, short(point.at), { size: 11, fill: faint, anchor: 'middle' }));
  }
  return parts;
}

/** A round figure at or above, so that half of it is one too. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value * 1.15));
  return [2, 4, 6, 8, 10].map((digit) => digit * power).find((top) => top >= value * 1.15);
}

function powers(from, to) {
  const list = [];
  for (let value = from; value <= to * 1.001; value *= 10) list.push(value);
  return list;
}

export function costPicture(lines) {
  const parts = [text(24, 34, 'What a task costs as things grow', { size: 17, weight: 600 })];
  const h = 150;
  for (const [i, one] of curves.entries()) {
    const points = lines.filter((line) => line.benchmark === 'series' && line.case === one.name && line.at !== undefined);
    if (points.length < 2) continue;
    points.sort((a, b) => a.at - b.at);
    parts.push(...curve(one, points, { x: 70 + (i % 2) * 420, y: 98 + Math.floor(i / 2) * 250, w: 330, h }));
  }
  parts.push(footer(548, lines, 'series', 'the lowest of its rounds'));
  return picture(568, 'What a task costs against queue, clients, bundle and argument', parts);
}

/** Draws those for which there are figures; their names. */
export function writePictures() {
  const lines = results();
  const drawn = {};
  if (panels.some(([benchmark, name]) => lines.some((line) => line.benchmark === benchmark && line.case === name)))
    drawn['rivals.svg'] = rivalsPicture(lines);
  if (lines.some(({ benchmark }) => benchmark === 'series')) drawn['cost.svg'] = costPicture(lines);
  for (const [file, svg] of Object.entries(drawn)) writeFileSync(new URL(`./${file}`, import.meta.url), svg);
  return Object.keys(drawn);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writePictures();
