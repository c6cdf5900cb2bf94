/**
 * Functions of some 20 ms, at a pace that takes half of the processor time of the machine, into an SQLite file: in turns alone, beside so many queries of tasks a
 * second, and beside as many requests that a bare `node:http` in a thread of the same process answers, which is what the requests alone cost. The queries
 * come from another process over 64 connections. Forked by `gateway.mjs`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { median, quantile, quick } from './harness.mjs';

const asking = fileURLToPath(new URL('./gateway-queries.mjs', import.meta.url));
const rounds = quick ? 2 : 4;
const windowMs = quick ? 1_000 : 1_600;
const taskMs = 20;
const share = 0.5;
const cores = availableParallelism();
/** A window in which other programs took more of the machine than this is measured again, so many times in all: a queue that fills at a pace tells what they took. */
const mostOthers = 0.06;
const again = quick ? 1 : 4;

/** Processor time (ms) of the whole machine; null: it is not told. */
function machineTime() {
  if (!existsSync('/proc/stat')) return null;
  const [user, nice, system, , , irq, soft, steal] = readFileSync('/proc/stat', 'latin1')
    .split('\n', 1)[0]
    .split(/ +/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + soft + steal) * 10;
}

const processTime = ({ user, system }) => (user + system) / 1_000;

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

/** Tasks at a pace, until `over`: what is offered does not depend on how they fare. */
async function* paced(work, pace, over) {
  let due = performance.now();
  while (!over.aborted) {
    due += 1_000 / pace.perSecond;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    yield work;
  }
}

/** Who asks at this port: `{ tell(word), end() }`. */
async function startAsking(port, ids, asked, token) {
  const child = fork(asking, [port, ids.join(','), asked, token].map(String), { stdio: 'inherit' });
  await once(child, 'message');
  return {
    async tell(word) {
      child.send(word);
      return (await once(child, 'message'))[0];
    },
    end: () => child.kill(),
  };
}

/** A figure of each kind of window: the middle of that half of its windows in which other programs took least, or of all that happened in them. */
function summed(windows, kind) {
  const own = windows.filter((one) => one.kind === kind).sort((a, b) => a.others - b.others);
  const chosen = own.slice(0, Math.ceil(own.length / 2));
  // A machine that is busy with something else may leave a window without a task.
  const took = chosen.map((one) => one.took).filter((times) => times.length > 0);
  const answers = chosen.flatMap((one) => one.answers);
  return {
    rate: median(chosen.map(({ rate }) => rate)),
    busy: median(chosen.map(({ busy }) => busy)),
    took: took.length === 0 ? null : { median: median(took.map(median)), late: quantile(took.flat(), 0.95) },
    others: Math.max(...chosen.map(({ others }) => others)),
    requests: median(chosen.map(({ requests }) => requests)),
    answered: answers.length === 0 ? null : { median: median(answers), late: quantile(answers, 0.99) },
  };
}

/** `{ offered, alone, beside, bare }`: tasks a second that were offered, and what was found in each kind of window. */
export async function queriesBeside(asked, token) {
  const { ClientThread, ServerThread } = await import('../dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-gateway-'));
  const server = await ServerThread.new({
    address: 'localhost:0',
    database: join(folder, 'tasks.db'),
    foreverMode: true,
    http: { address: '127.0.0.1:0', auth: { token } },
  });
  const client = await ClientThread.new({ address: server.address, numTasks: cores });
  const bare = new Worker(new URL('./bare-http.mjs', import.meta.url));
  const askers = {};
  try {
    const [barePort] = await once(bare, 'message');
    const work = { module: new URL('./busy.mjs', import.meta.url).href, name: 'work', args: [await calibrate()] };
    // What is asked for: tasks that have ended, and a long queue behind them that is not begun.
    const { ids } = await server.submit(Array.from({ length: 3 }, () => work));
    const site = (i) => ({ site: ['north', 'south', 'east', 'west'][i % 4], sample: i });
    await server.submit(Array.from({ length: 10_000 }, (_, i) => ({ args: 'true', group: 1, tags: site(i) })));
    askers.beside = await startAsking(server.httpAddress.port, ids, asked, token);
    askers.bare = await startAsking(barePort, ids, asked, token);
    // All threads stand before the pace begins: what is late at its start would be late for long.
    await Promise.all(Array.from({ length: cores * 4 }, () => server.run(work)));
    const over = new AbortController();
    const pace = { perSecond: (cores * share * 1_000) / taskMs };
    const submission = server.submit(paced(work, pace, over.signal), { bundlewait: 0.005 });
    const quiet = { took: [], processor: 0 };
    const window = async (kind) => {
      // What was late in the window before is not of this one.
      const patience = performance.now() + windowMs / 4;
      for (let { leased } = await server.progress(); leased > 0 && performance.now() < patience; { leased } = await server.progress())
        await sleep(5);
      const before = (await askers[kind]?.tell('go')) ?? quiet;
      const from = {
        cpu: process.cpuUsage(),
        machine: machineTime(),
        at: performance.now(),
        wall: Date.now(),
        done: (await server.progress()).succeeded,
      };
      await sleep(windowMs);
      const done = (await server.progress()).succeeded - from.done;
      const ms = performance.now() - from.at;
      const own = processTime(process.cpuUsage(from.cpu));
      const machine = machineTime();
      const to = Date.now();
      const { took: answers, processor } = (await askers[kind]?.tell('stop')) ?? quiet;
      const others = machine === null ? 0 : (machine - from.machine - own - (processor - before.processor)) / ms / cores;
      return {
        kind,
        from: from.wall,
        to,
        rate: (done / ms) * 1_000,
        busy: own / ms / cores,
        others,
        answers,
        requests: (answers.length / ms) * 1_000,
      };
    };
    // The first ones load what they need. Two threads at once may be slower than one: the pace is what takes half of the time as it is.
    for (const kind of ['bare', 'beside']) await window(kind);
    let left = again;
    for (;;) {
      const { busy, others } = await window('alone');
      if (left-- === 0) break;
      if (others > mostOthers) continue;
      if (Math.abs(busy - share) < share / 10) break;
      pace.perSecond *= share / busy;
    }
    const windows = [];
    const kinds = ['alone', 'beside', 'bare'];
    for (let turn = 0; turn < rounds; turn++)
      for (const kind of turn % 2 === 0 ? kinds : kinds.toReversed()) {
        let found = await window(kind);
        for (; found.others > mostOthers && left > 0; left--) found = await window(kind);
        windows.push(found);
      }
    over.abort();
    await submission;
    // How long each took from its commit to its end, of those that were submitted in a window.
    for (const one of windows) one.took = [];
    for await (const { submittedAt, waitedMs, durationMs } of server.tasks.find({ outcome: 'succeeded' }))
      windows.find(({ from, to }) => from <= submittedAt && submittedAt < to)?.took.push(waitedMs + durationMs);
    return { offered: pace.perSecond, ...Object.fromEntries(kinds.map((kind) => [kind, summed(windows, kind)])) };
  } finally {
    for (const asker of Object.values(askers)) asker.end();
    await bare.terminate();
    await server.stop({ timeout: 5 });
    await client.join();
    rmSync(folder, { recursive: true, force: true });
  }
}
