/**
 * How much memory does a server take while it streams a long source into SQLite? A file of 1,000,000 lines (`TASKS`), no client, so that all of it
 * stays queued; the resident memory of the whole process each tenth. Bars: under 200 MB, and flat after the first tenth. `RESUME=1`: with
 * `resume`, so that each task gets a key of its content. Run after `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerThread } from '../dist/index.js';

const total = Number(process.env.TASKS ?? 1_000_000);
const resume = process.env.RESUME === '1';
const mostMB = 200;
/** What counts as flat: the garbage collector's waves are no growth. */
const mostGrowth = 1.25;

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-memory-'));
const megabytes = () => process.memoryUsage.rss() / 2 ** 20;

/** In another process: what it leaves behind is not the server's. */
function writeSource(path) {
  const script = `const file = fs.openSync(process.argv[1], 'w');
    for (let from = 0; from < ${total}; from += 10_000) {
      let text = '';
      for (let i = from; i < Math.min(from + 10_000, ${total}); i++) text += \`process --input /data/run-7/sample-\${i}.fastq --output /results/\${i}\\n\`;
      fs.writeSync(file, text);
    }`;
  const { status } = spawnSync(process.execPath, ['-e', script, path], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the source could not be written');
}

/** Read the source; the resident memory at each tenth, MB. */
async function stream(path, count) {
  const server = await ServerThread.new({
    source: path,
    address: ['localhost', 0],
    database: join(folder, 'tasks.db'),
    foreverMode: true,
    ...(resume ? { resume: true } : {}),
  });
  const began = performance.now();
  const marks = [];
  let peak = 0;
  for (;;) {
    const done = count(await server.progress());
    peak = Math.max(peak, megabytes());
    while (marks.length < 10 && done >= ((marks.length + 1) * total) / 10) marks.push(Math.round(megabytes()));
    if (marks.length === 10) break;
    await new Promise((go) => setTimeout(go, 20));
  }
  const seconds = (performance.now() - began) / 1_000;
  await server.stop();
  return { marks, peak, seconds };
}

try {
  const path = join(folder, 'lines');
  writeSource(path);
  const empty = Math.round(megabytes());
  const { marks, peak, seconds } = await stream(path, ({ submitted }) => submitted);
  const rate = Math.round(total / seconds);
  console.log(JSON.stringify({ benchmark: 'memory', tasks: total, resume, empty, marks, peak: Math.round(peak), rate }));
  const small = peak < mostMB;
  const flat = Math.max(...marks.slice(1)) <= marks[0] * mostGrowth;
  console.log(`${rate} lines/s; resident ${marks.join(' ')} MB after each tenth, at most ${Math.round(peak)} (empty process ${empty})`);
  console.log(`under ${mostMB} MB: ${small ? 'yes' : 'NO'} · flat after the first tenth: ${flat ? 'yes' : 'NO'}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
