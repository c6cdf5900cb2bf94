/**
 * How fast does a server take a long source into SQLite, and in how much memory? A file of 1,000,000 lines (`TASKS`), no client, so that all of it
 * stays queued; the resident memory of the whole process each tenth; three times, each in a process of its own. Bars: 200,000 lines a second, under
 * 200 MB, and flat after the first tenth. `RESUME=1`: with `resume`, so that each task gets a key of its content. Run after `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inProcess } from './compare.mjs';
import { argument, median, packageVersions, quick, round, show, showBars } from './harness.mjs';

const total = Number(argument('lines') ?? process.env.TASKS ?? (quick ? 200_000 : 1_000_000));
const rounds = quick ? 1 : 3;
/** Nobody waits for ever for a server that has stopped to read. */
const longestMs = 120_000;
const resume = process.env.RESUME === '1';

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

/** In a process of its own: read the source; the resident memory at each tenth, MB. */
async function stream(folder) {
  const { ServerThread } = await import('../dist/index.js');
  const empty = Math.round(megabytes());
  const began = performance.now();
  const before = process.cpuUsage();
  const server = await ServerThread.new({
    source: join(folder, 'lines'),
    address: ['localhost', 0],
    database: join(folder, `${process.pid}.db`),
    foreverMode: true,
    ...(resume ? { resume: true } : {}),
  });
  const marks = [];
  let peak = 0;
  for (;;) {
    const { submitted } = await server.progress();
    if (performance.now() - began > longestMs) throw new Error(`${submitted} of ${total} lines after ${longestMs} ms`);
    peak = Math.max(peak, megabytes());
    while (marks.length < 10 && submitted >= ((marks.length + 1) * total) / 10) marks.push(Math.round(megabytes()));
    if (marks.length === 10) break;
    await new Promise((go) => setTimeout(go, 20));
  }
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  await server.stop();
  console.log(JSON.stringify({ empty, marks, peak, ms, cpu: user + system }));
}

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-memory-'));
  try {
    writeSource(join(folder, 'lines'));
    const runs = [];
    for (let turn = 0; turn < rounds; turn++)
      runs.push(await inProcess(fileURLToPath(import.meta.url), [`--stream=${folder}`, `--lines=${total}`]));
    const rates = runs.map(({ ms }) => (total / ms) * 1_000);
    const growth = Math.max(...runs.map(({ marks }) => Math.max(...marks.slice(1)) / marks[0]));
    const peak = Math.max(...runs.map((run) => run.peak));
    show(
      'memory',
      [
        {
          tasks: total,
          resume,
          rate: Math.round(median(rates)),
          best: Math.round(Math.max(...rates)),
          'CPU µs/task': round(median(runs.map(({ cpu }) => cpu)) / total, 1),
          'empty MB': runs[0].empty,
          'peak MB': Math.round(peak),
          marks: runs.at(-1).marks,
          rates: rates.map(Math.round),
        },
      ],
      packageVersions(['libsql']),
    );
    console.log(`resident after each tenth, MB: ${runs.at(-1).marks.join(' ')}`);
    showBars('memory', [
      { what: 'lines a second into SQLite, nobody taking them', value: median(rates), least: 200_000 },
      { what: 'resident MB with all of them queued, worst run', value: peak, most: 200 },
      // The garbage collector's waves are no growth.
      { what: 'resident after the first tenth against then, worst run', value: growth, most: 1.25 },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asked = process.argv.find((word) => word.startsWith('--stream='));
await (asked === undefined ? measure() : stream(asked.slice('--stream='.length)));
