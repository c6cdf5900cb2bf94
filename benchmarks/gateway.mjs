/**
 * What does the HTTP face cost those who work, and what does a long submission by it take? `queries`: functions of some 20 ms, at a pace
 * that takes half of the cores, into an SQLite file; in turns alone and beside 1,000 queries of tasks a second (`REQUESTS`), which come from another process over
 * 64 connections: tasks a second, and how long each takes from its commit to its end, with them against without. `submission`: 1,000,000 lines (`--lines=`) by one request into SQLite; the most memory of the server's process, three times,
 * each in a process of its own. Run after `npm run build`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chosen, inProcess } from './compare.mjs';
import { argument, median, packageVersions, quick, round, show, showBars } from './harness.mjs';

const file = fileURLToPath(import.meta.url);
const asking = fileURLToPath(new URL('./gateway-queries.mjs', import.meta.url));
const asked = Number(process.env.REQUESTS ?? 1_000);
const lines = Number(argument('lines') ?? (quick ? 200_000 : 1_000_000));
const token = 'a-token-for-the-benchmark';
const rounds = quick ? 2 : 6;
const windowMs = quick ? 1_000 : 2_500;
const taskMs = 20;

// ---- tasks beside queries ----

async function calibrate() {
  const { work } = await import('./busy.mjs');
  let best = Number.POSITIVE_INFINITY;
  // The first ones are compiled, and others may be on the machine.
  for (let turn = 0; turn < 8; turn++) {
    const began = performance.now();
    work(5e6);
    best = Math.min(best, performance.now() - began);
  }
  return Math.round((5e6 * taskMs) / best);
}

/** Tasks at a pace that takes half of the cores, into the server, until `over`: what is offered does not depend on how they fare. */
async function* paced(work, perSecond, over) {
  const began = performance.now();
  for (let made = 0; !over.aborted; made++) {
    const wait = began + (made * 1_000) / perSecond - performance.now();
    if (wait > 0) await sleep(wait);
    yield work;
  }
}

async function queries() {
  const { ClientThread, ServerThread } = await import('../dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-gateway-'));
  const cores = availableParallelism();
  const server = await ServerThread.new({
    address: 'localhost:0',
    database: join(folder, 'tasks.db'),
    foreverMode: true,
    http: { address: '127.0.0.1:0', auth: { token } },
  });
  const client = await ClientThread.new({ address: server.address, numTasks: cores });
  let child = null;
  try {
    const work = { module: new URL('./busy.mjs', import.meta.url).href, name: 'work', args: [await calibrate()] };
    // What is asked for: tasks that have ended, and a long queue behind them that is not begun.
    const { ids } = await server.submit(Array.from({ length: 3 }, () => work));
    await server.submit(Array.from({ length: 10_000 }, () => ({ args: 'true', group: 1 })));
    child = fork(asking, [server.httpAddress.port, ids.join(','), asked, token].map(String), { stdio: 'inherit' });
    await once(child, 'message');
    const tell = async (what) => {
      child.send(what);
      return (await once(child, 'message'))[0];
    };
    // All threads stand before the pace begins: what is late at its start would be late for long.
    await Promise.all(Array.from({ length: cores * 4 }, () => server.run(work)));
    const over = new AbortController();
    const perSecond = (cores * 500) / taskMs;
    const submission = server.submit(paced(work, perSecond, over.signal), { bundlewait: 0.005 });
    const window = async (beside) => {
      const from = { cpu: process.cpuUsage(), at: performance.now(), wall: Date.now(), done: (await server.progress()).succeeded };
      await sleep(windowMs);
      const done = (await server.progress()).succeeded - from.done;
      const ms = performance.now() - from.at;
      const { user, system } = process.cpuUsage(from.cpu);
      return { beside, from: from.wall, to: Date.now(), ms, rate: (done / ms) * 1_000, busy: (user + system) / 1_000 / ms / cores };
    };
    // The first ones load what they need.
    await tell('go');
    await window(true);
    await tell('stop');
    const windows = [];
    for (let turn = 0; turn < rounds; turn++) {
      for (const beside of turn % 2 === 0 ? [false, true] : [true, false]) {
        if (beside) await tell('go');
        const found = await window(beside);
        windows.push(beside ? { ...found, requests: ((await tell('stop')) / found.ms) * 1_000 } : found);
      }
    }
    over.abort();
    await submission;
    // How long each took from its commit to its end, of those that were submitted in a window.
    for (const one of windows) one.took = [];
    for await (const { submittedAt, waitedMs, durationMs } of server.tasks.find({ outcome: 'succeeded' }))
      windows.find(({ from, to }) => from <= submittedAt && submittedAt < to)?.took.push(waitedMs + durationMs);
    const of = (beside) => {
      const chosen = windows.filter((one) => one.beside === beside);
      const took = chosen.flatMap((one) => one.took).sort((a, b) => a - b);
      return {
        rate: median(chosen.map(({ rate }) => rate)),
        busy: median(chosen.map(({ busy }) => busy)),
        took: median(took),
        late: took[Math.floor(took.length * 0.95)],
      };
    };
    const requests = median(windows.flatMap((one) => one.requests ?? []));
    return { offered: perSecond, alone: of(false), beside: of(true), requests };
  } finally {
    child?.send('end');
    await server.stop({ timeout: 5 });
    await client.join();
    rmSync(folder, { recursive: true, force: true });
  }
}

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
      const { offered, alone, beside, requests } = await inProcess(file, ['--queries', ...(quick ? ['--quick'] : [])]);
      for (const [what, found] of Object.entries({ alone, beside }))
        rows.push({
          case: `${name}, ${what}`,
          'requests/s': what === 'alone' ? 0 : Math.round(requests),
          'tasks/s offered': offered,
          'tasks/s': round(found.rate, 1),
          '% of the CPU': Math.round(found.busy * 100),
          'ms a task, median': round(found.took, 1),
          'ms a task, 95 %': round(found.late, 1),
        });
      const slower = (one, other) => (one / other - 1) * 100;
      bars.push({ what: `queries of tasks a second, of ${asked}`, case: name, value: requests, least: asked * 0.98 });
      bars.push({
        what: `% fewer tasks a second beside ${asked} queries a second`,
        case: name,
        value: slower(alone.rate, beside.rate),
        most: 10,
      });
      bars.push({
        what: `% longer from commit to end, median, beside ${asked} queries a second`,
        case: name,
        value: slower(beside.took, alone.took),
        most: 10,
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
else if (process.argv.includes('--queries')) console.log(JSON.stringify(await queries()));
else await measure();
