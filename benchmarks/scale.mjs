/**
 * What do decisions cost at scale, and does it depend on how much is queued? The real cores of one server and 1,000 clients of 250 slots (`CLIENTS`,
 * `SLOTS`) in virtual time and one thread, on the memory store: tasks of 5 to 15 s, each slot always busy, with 10,000, 100,000 and 1,000,000 more
 * tasks in the queue all the time; measured are 200,000 tasks (`TASKS`) from submission to recorded result, the lowest of three rounds (`ROUNDS`). Then
 * a whole run of 1,000,000 tasks, what a task and a client take in memory, and the same on SQLite. No network. Each run in a process of its own. Bar: a
 * task costs less than 20 % more with 1,000,000 queued than with 10,000 (median of the ratios of each round: one build was measured from 10.7 to 17.3 µs
 * a task within five minutes). All in processor time, so that others on the machine matter less. Run after `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../dist/store/open.js';
import { simulateScale } from '../dist/testing/scale.js';
import { median, quick, round, show, showBars } from './harness.mjs';

const clients = Number(process.env.CLIENTS ?? (quick ? 20 : 1_000));
const slots = Number(process.env.SLOTS ?? 250);
const tasks = Number(process.env.TASKS ?? (quick ? 10_000 : 200_000));
const all = quick ? 20_000 : 1_000_000;
const depths = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
const rounds = Number(process.env.ROUNDS ?? (quick ? 1 : 3));
const most = 1.2;

/** ms of the processor: the collector works in the same thread. */
function stopwatch() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** In a process of its own: one run, its report on the last line. */
async function measure({ database, ...options }) {
  const bytes = {};
  const store = database === undefined ? undefined : await openStore(database);
  const report = simulateScale({
    stopwatch,
    at: (moment) => {
      globalThis.gc();
      const { heapUsed, external } = process.memoryUsage();
      bytes[moment] = heapUsed + external;
    },
    ...options,
    ...(store === undefined ? {} : { store }),
  });
  store?.close();
  console.log(JSON.stringify({ ...report, bytes }));
}

/** The young generation is large: what 1,000 clients throw away is not the server's. */
function inProcess(options) {
  const flags = ['--expose-gc', '--single-threaded-gc', '--max-semi-space-size=64', '--max-old-space-size=6144'];
  const words = [...flags, fileURLToPath(import.meta.url), `--measure=${JSON.stringify(options)}`];
  const { status, stdout } = spawnSync(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status !== 0) throw new Error(`a run ended with status ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function row(name, report) {
  return {
    case: name,
    tasks: report.tasks,
    'decisions/s': report.decisionsPerSecond,
    'core µs/task': round(report.serverMicroseconds),
    'store µs/task': round(report.storeMicroseconds),
    'clients µs/task': round(report.clientMicroseconds),
    'longest turn ms': round(report.longestTurnMs),
    turns: report.turns,
    'virtual s': round(report.durationMs / 1_000),
  };
}

const lowest = (reports) => reports.reduce((best, one) => (one.serverMicroseconds < best.serverMicroseconds ? one : best));

function compareDepths() {
  const runs = depths.map(() => []);
  for (let turn = 0; turn < rounds; turn++)
    for (const [i, queued] of depths.entries()) runs[i].push(inProcess({ clients, slots, tasks, queued }));
  const reports = runs.map(lowest);
  const rows = reports.map((report, i) => row(`${depths[i].toLocaleString('en')} queued`, report));
  // Round by round: others on the machine slow both sides of a ratio.
  const growth = (cost) => median(runs.at(-1).map((report, turn) => cost(report) / cost(runs[0][turn])));
  const core = growth(({ serverMicroseconds }) => serverMicroseconds);
  const both = growth(({ serverMicroseconds, storeMicroseconds }) => serverMicroseconds + storeMicroseconds);
  return { rows, core, both, largest: reports.at(-1) };
}

function memoryOf({ bytes }) {
  const waiting = depths.at(-1) + clients * slots;
  return {
    queuedTask: round((bytes.queued - bytes.connected) / waiting, 0),
    runningTask: round((bytes.busy - bytes.queued) / (clients * slots), 0),
    client: round((bytes.connected - bytes.made) / clients, 0),
    clientCore: round((bytes.made - bytes.empty) / clients, 0),
  };
}

function onFile() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-scale-'));
  try {
    return inProcess({ clients, slots, tasks, queued: 100_000, turnEvery: 20, database: join(folder, 'tasks.db') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asked = process.argv.find((word) => word.startsWith('--measure='));
if (asked !== undefined) await measure(JSON.parse(asked.slice('--measure='.length)));
else {
  const { rows, core, both, largest } = compareDepths();
  rows.push(row(`all ${all.toLocaleString('en')}`, inProcess({ clients, slots, tasks: all })));
  rows.push(row('100,000 queued, SQLite, a turn each 20 ms', onFile()));
  show('scale', rows);
  const { queuedTask, runningTask, client, clientCore } = memoryOf(largest);
  console.log(`${clients} clients of ${slots} slots`);
  console.log(`bytes: a queued task ${queuedTask}; a running one ${runningTask} more, server and client together`);
  console.log(`bytes: a client ${client} in the server and its first messages, ${clientCore} in its own core`);
  const longest = depths.at(-1).toLocaleString('en');
  showBars('scale', [
    { what: `a decision with ${longest} queued against 10,000`, value: core, most },
    { what: `the same with the store`, value: both, most },
  ]);
}
