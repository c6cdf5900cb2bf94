/**
 * What does the HTTP face cost those who work, and what does a long submission by it take? `queries`: tasks that take half of the processor time, alone and beside
 * 1,000 queries a second (`REQUESTS`), as `gateway-beside.mjs` says: tasks a second, and how long each takes from its commit to its end. `submission`: 1,000,000
 * lines (`--lines=`) by one request into SQLite; the most memory of the server's process, three times, each in a process of its own. Run after `npm run build`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { chosen, inProcess } from './compare.mjs';
import { queriesBeside } from './gateway-beside.mjs';
import { argument, median, packageVersions, quick, round, show, showBars } from './harness.mjs';

const file = fileURLToPath(import.meta.url);
const asked = Number(process.env.REQUESTS ?? 1_000);
const lines = Number(argument('lines') ?? (quick ? 200_000 : 1_000_000));
const token = 'a-token-for-the-benchmark';
/** Beyond this part of the machine nothing is said of what the queries cost. */
const mostDisturbed = 0.15;

// ---- a long submission ----

/** In a process of its own: a server, until it is told to end; then the most memory that it had. */
async function serve(folder) {
  const { ServerThread } = await import('../dist/index.js');
  const server = await ServerThread.new({
    address: 'localhost:0',
    database: join(folder, `${process.pid}.db`),
    foreverMode: true,
    http: { address: '127.0.0.1:0', auth: { token } },
  });
  const empty = Math.round(process.memoryUsage.rss() / 2 ** 20);
  process.on('message', async () => {
    const { submitted } = await server.progress();
    const { user, system } = process.cpuUsage();
    process.send({ empty, submitted, peak: process.resourceUsage().maxRSS / 1_024, cpu: user + system });
    await server.stop({ timeout: 5 });
    process.disconnect();
  });
  process.send(server.httpAddress.port);
}

function* texts() {
  for (let from = 0; from < lines; from += 500) {
    let text = '';
    for (let i = from; i < Math.min(from + 500, lines); i++)
      text += `"process --input /data/run-7/sample-${i}.fastq --output /results/${i}"\n`;
    yield text;
  }
}

async function submission(folder) {
  const child = fork(file, [`--serve=${folder}`], { stdio: 'inherit' });
  const [port] = await once(child, 'message');
  const began = performance.now();
  const outgoing = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/tasks',
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${token}` },
  });
  Readable.from(texts(), { objectMode: false }).pipe(outgoing);
  const [answer] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const ms = performance.now() - began;
  if (JSON.parse(text).submitted !== lines) throw new Error(text.slice(0, 500));
  child.send('end');
  const [told] = await once(child, 'message');
  await once(child, 'exit');
  if (told.submitted !== lines) throw new Error(`${told.submitted} of ${lines} lines`);
  return { ...told, ms };
}

async function submissions() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-gateway-'));
  try {
    const runs = [];
    for (let turn = 0; turn < (quick ? 1 : 3); turn++) runs.push(await submission(folder));
    return runs;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ---- both ----

async function measure() {
  const rows = [];
  const bars = [];
  for (const { name } of chosen([{ name: 'queries' }, { name: 'submission' }])) {
    if (name === 'queries') {
      const { offered, alone, beside, bare } = await inProcess(file, ['--queries', ...(quick ? ['--quick'] : [])]);
      for (const [what, found] of Object.entries({ alone, 'beside queries': beside, 'beside as many to a bare node:http': bare }))
        rows.push({
          case: name,
          what,
          'requests/s': Math.round(found.requests),
          'ms an answer, median': round(found.answered?.median ?? null),
          'ms an answer, 99 %': round(found.answered?.late ?? null),
          'tasks/s offered': round(offered, 1),
          'tasks/s': round(found.rate, 1),
          '% of the CPU': Math.round(found.busy * 100),
          '% by others, at most': Math.round(found.others * 100),
          'ms a task, median': round(found.took?.median ?? null, 1),
          'ms a task, 95 %': round(found.took?.late ?? null, 1),
        });
      // A queue that fills at a pace tells what other programs took, when they took much.
      const others = Math.max(alone.others, beside.others);
      const disturbed = others > mostDisturbed;
      const slower = (one, other) => (disturbed || !(one > 0 && other > 0) ? null : (one / other - 1) * 100);
      const note = disturbed ? `other programs took ${Math.round(others * 100)} % of the processor time` : undefined;
      bars.push({ what: `queries of tasks a second, of ${asked}`, case: name, value: beside.requests, least: asked * 0.98 });
      bars.push({
        what: `% fewer tasks a second beside ${asked} queries a second`,
        case: name,
        value: slower(alone.rate, beside.rate),
        most: 10,
        note,
      });
      bars.push({
        what: `% longer from commit to end, median, beside ${asked} queries a second`,
        case: name,
        value: slower(beside.took?.median, alone.took?.median),
        most: 10,
        note,
      });
    } else {
      const runs = await submissions();
      const peaks = runs.map(({ peak }) => Math.round(peak));
      rows.push({
        case: name,
        lines,
        rate: Math.round((lines / median(runs.map(({ ms }) => ms))) * 1_000),
        'CPU µs/line': round(median(runs.map(({ cpu }) => cpu)) / lines, 1),
        'empty MB': runs[0].empty,
        'peak MB': Math.max(...peaks),
        peaks,
      });
      bars.push({
        what: `resident MB of a submission of ${lines.toLocaleString('en')} lines by HTTP, worst run`,
        case: name,
        value: Math.max(...peaks),
        most: 200,
      });
    }
  }
  show('gateway', rows, packageVersions(['hono', 'libsql']));
  showBars('gateway', bars);
}

// A child ends when its parent goes, however that ended.
process.once('disconnect', () => process.exit());

const folder = argument('serve');
if (folder !== undefined) await serve(folder);
else if (process.argv.includes('--queries')) console.log(JSON.stringify(await queriesBeside(asked, token)));
else await measure();
