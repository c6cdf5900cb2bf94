/**
 * What does the HTTP face cost those who work, and what does a long submission by it take? `queries`: functions of some 20 ms on half of the cores, from an
 * SQLite file; in turns alone and beside 1,000 queries of tasks a second (`REQUESTS`), which come from another process over 64 connections: tasks a
 * second with them against without. `submission`: 1,000,000 lines (`--lines=`) by one request into SQLite; the most memory of the server's process, three times,
 * each in a process of its own. Run after `npm run build`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chosen, inProcess } from './compare.mjs';
import { argument, median, packageVersions, quick, round, show, showBars } from './harness.mjs';

const file = fileURLToPath(import.meta.url);
const asked = Number(process.env.REQUESTS ?? 1_000);
const lines = Number(argument('lines') ?? (quick ? 200_000 : 1_000_000));
const token = 'a-token-for-the-benchmark';
const rounds = quick ? 2 : 6;
const windowMs = quick ? 1_000 : 2_500;
const taskMs = 20;

// ---- what asks ----

/** A connection that asks again and again, one request after the other: `ask(path)` resolves with the length of the answer. */
async function asker(port) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true).setEncoding('latin1');
  let text = '';
  let answered = null;
  socket.on('data', (more) => {
    text += more;
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const whole = head + 4 + Number(/content-length: (\d+)/i.exec(text)[1]);
    if (text.length < whole) return;
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.slice(0, 500));
    text = text.slice(whole);
    answered(whole);
  });
  return {
    ask: (path) =>
      new Promise((resolve) => {
        answered = resolve;
        socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\n\r\n`);
      }),
    close: () => socket.destroy(),
  };
}

/** In a process of its own: so many requests a second, by the clock, while it is told to. */
async function load(port, ids) {
  const askers = await Promise.all(Array.from({ length: 64 }, () => asker(port)));
  // As a page that many look at asks: tasks by their ids, pages of tasks in a state, now and then a count.
  const page = '/api/tasks?state=ready&limit=10';
  const one = (place) => `/api/tasks/${ids[place]}`;
  const paths = [one(0), page, one(1), one(2), page, one(0), one(1), page, one(2), '/api/count?state=ready'];
  let running = false;
  let due = 0;
  let count = 0;
  const askOn = async ({ ask }, place) => {
    for (let turn = place; ; turn++) {
      while (!running) await sleep(5);
      const wait = due - performance.now();
      due += 1_000 / asked;
      if (wait > 1) await sleep(wait);
      await ask(paths[turn % paths.length]);
      count++;
    }
  };
  for (const [place, each] of askers.entries()) void askOn(each, place);
  process.on('message', (told) => {
    if (told === 'end') process.exit(0);
    running = told === 'go';
    if (running) {
      count = 0;
      due = performance.now();
    }
    process.send(count);
  });
  process.send('ready');
}

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

async function queries() {
  const { ClientThread, ServerThread } = await import('../dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-gateway-'));
  const slots = Math.max(1, Math.floor(availableParallelism() / 2));
  const server = await ServerThread.new({
    address: 'localhost:0',
    database: join(folder, 'tasks.db'),
    foreverMode: true,
    http: { address: '127.0.0.1:0', auth: { token } },
  });
  const client = await ClientThread.new({ address: server.address, numTasks: slots });
  let child = null;
  try {
    const work = { module: new URL('./busy.mjs', import.meta.url).href, name: 'work', args: [await calibrate()] };
    // Twice as many as can be done meanwhile.
    const tasks = Math.ceil(((rounds * 2 + 4) * windowMs * slots * 2) / taskMs);
    const { ids } = await server.submit(Array.from({ length: 3 }, () => work));
    await server.submit(Array.from({ length: tasks }, () => work));
    child = fork(file, [`--load=${server.httpAddress.port}`, `--ids=${ids.join(',')}`], { stdio: 'inherit' });
    await once(child, 'message');
    const tell = async (what) => {
      child.send(what);
      return (await once(child, 'message'))[0];
    };
    const window = async () => {
      const from = { cpu: process.cpuUsage(), at: performance.now(), done: (await server.progress()).succeeded };
      await sleep(windowMs);
      const done = (await server.progress()).succeeded - from.done;
      const ms = performance.now() - from.at;
      const { user, system } = process.cpuUsage(from.cpu);
      return { rate: (done / ms) * 1_000, busy: (user + system) / 1_000 / ms / availableParallelism(), ms };
    };
    // The first ones load what they need.
    await tell('go');
    await window();
    await tell('stop');
    const pairs = [];
    for (let turn = 0; turn < rounds; turn++) {
      const pair = {};
      for (const beside of turn % 2 === 0 ? [false, true] : [true, false]) {
        if (beside) await tell('go');
        const found = await window();
        if (beside) pair.requests = ((await tell('stop')) / found.ms) * 1_000;
        pair[beside ? 'beside' : 'alone'] = found;
      }
      pairs.push(pair);
    }
    return {
      alone: median(pairs.map(({ alone }) => alone.rate)),
      beside: median(pairs.map(({ beside }) => beside.rate)),
      busy: median(pairs.map(({ alone }) => alone.busy)),
      requests: median(pairs.map(({ requests }) => requests)),
      slowdown: median(pairs.map(({ alone, beside }) => alone.rate / beside.rate)),
    };
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
      const { alone, beside, busy, requests, slowdown } = await inProcess(file, ['--queries', ...(quick ? ['--quick'] : [])]);
      rows.push({
        case: name,
        'tasks/s alone': Math.round(alone),
        'tasks/s beside': Math.round(beside),
        'requests/s': Math.round(requests),
        '% of the CPU alone': Math.round(busy * 100),
        slowdown: round(slowdown, 3),
      });
      bars.push({ what: `queries of tasks a second, of ${asked}`, case: name, value: requests, least: asked * 0.98 });
      bars.push({ what: `% that tasks are slower beside ${asked} queries a second`, case: name, value: (slowdown - 1) * 100, most: 10 });
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
else if (argument('load') !== undefined) await load(Number(argument('load')), argument('ids').split(','));
else if (process.argv.includes('--queries')) console.log(JSON.stringify(await queries()));
else await measure();
