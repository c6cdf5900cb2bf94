/**
 * How long from a submission to the start of its task, when nothing else is going on? One task at a time through `connect()` and a client,
 * both over loopback TCP, with an SQLite file; in turns with a job of BullMQ, whose queue and worker are in this process. Three clocks: the server's
 * own (`waitedMs`: commit to notice of the start), that of a function, which reads the machine's monotonic clock when it runs, and that of a command,
 * for which `date` has to start first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientThread, connect, ServerThread } from '../dist/index.js';
import { module } from './contestants.mjs';
import { median, packageVersions, programVersion, quantile, quick, round, show, showBars } from './harness.mjs';
import { missing } from './needs.mjs';
import { bullmq, openQueue } from './rivals/bullmq.mjs';
import { services } from './services.mjs';

const rounds = quick ? 60 : 1_000;
/** Not counted. */
const warmUp = quick ? 20 : 200;
const open = [];

const monotonicNow = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;
const wallNow = () => performance.timeOrigin + performance.now();

/** Ours: what a task is, and when it started by its own clock. */
async function ours() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  open.push(() => rmSync(folder, { recursive: true, force: true }));
  const server = await ServerThread.new({ address: 'localhost:0', database: join(folder, 'tasks.db'), foreverMode: true });
  open.push(() => server.stop());
  const client = await ClientThread.new({ address: server.address, numTasks: 2 });
  open.push(() => client.stop());
  const connection = await connect(server.address);
  open.push(() => connection.close());
  const through = (task, now, started) => async () => {
    const from = now();
    const result = await connection.run(task);
    const to = now();
    if (result.outcome !== 'succeeded') throw new Error(`the task ended as ${result.outcome}: ${result.error?.message ?? ''}`);
    return {
      'submit to its own clock': started(result) - from,
      'submit to its result': to - from,
      'waitedMs, by the server': result.waitedMs,
    };
  };
  return {
    'millrace, function': through({ module, name: 'now', args: [] }, monotonicNow, ({ value }) => Number(BigInt(value) / 1_000n) / 1_000),
    'millrace, command': through({ args: 'date +%s%N' }, wallNow, ({ stdout }) => Number(stdout.toString().trim()) / 1e6),
  };
}

/** A job that tells when it started. */
async function theirs(service) {
  const { address, stop } = await services[service]();
  open.push(stop);
  let done;
  const { queue, worker, close } = await openQueue(address, async () => monotonicNow(), 2);
  open.push(close);
  worker.on('completed', (_, started) => done({ started, to: monotonicNow() }));
  return async () => {
    const ended = new Promise((resolve) => {
      done = resolve;
    });
    const from = monotonicNow();
    await queue.add('now', {});
    const { started, to } = await ended;
    return { 'submit to its own clock': started - from, 'submit to its result': to - from };
  };
}

const rows = [];
try {
  const kinds = await ours();
  const install = missing(bullmq('redis'));
  if (install === null) {
    kinds.BullMQ = await theirs('redis');
    kinds['BullMQ, appendfsync always'] = await theirs('durable redis');
  }
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, {}]));
  for (let i = -warmUp; i < rounds; i++) {
    for (const [kind, run] of Object.entries(kinds)) {
      const measured = await run();
      for (const [clock, ms] of i < 0 ? [] : Object.entries(measured)) {
        times[kind][clock] ??= [];
        times[kind][clock].push(ms);
      }
      await sleep(4);
    }
  }
  for (const [task, clocks] of Object.entries(times))
    for (const [clock, list] of Object.entries(clocks))
      rows.push({ task, clock, median: round(median(list), 3), p99: round(quantile(list, 0.99), 3), worst: round(Math.max(...list), 3) });
  if (install !== null)
    rows.push({ task: 'BullMQ', clock: 'submit to its own clock', median: null, p99: null, note: `not run: ${install}` });
} finally {
  for (const close of open.reverse()) await close();
}
show('latency', rows, [...packageVersions(['bullmq']), programVersion('redis-server')]);
const [first] = rows;
const rival = rows.find(({ task }) => task === 'BullMQ');
showBars('latency', [
  { what: 'idle submit to start of a function, median ms', value: first.median, most: 0.6 },
  { what: 'idle submit to start of a function, p99 ms', value: first.p99, most: 2 },
  {
    what: 'idle submit to start, median against BullMQ',
    value: rival.median === null ? null : rival.median / first.median,
    least: 1,
    note: rival.note,
  },
]);
