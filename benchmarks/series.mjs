/**
 * What does a task cost as a quantity grows: tasks in the queue, clients, the size of a submission's bundle, the bytes of an argument? Processor time
 * per task, from submission to recorded result, over loopback TCP with an SQLite file; of everything, but where clients grow that of the server alone.
 * Each point is a process of its own, the lowest of its rounds (`--rounds=`), which go over all points in turns. `plot.mjs` draws them. Run after
 * `npm run build`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientThread, connect, ServerThread, SubmitThread } from '../dist/index.js';
import { chosen, inProcess } from './compare.mjs';
import { module } from './contestants.mjs';
import { announce, argument, packageVersions, quick, round, showBars, showTable } from './harness.mjs';
import { SimulatedClient, startServer } from './simulated-clients.mjs';

const rounds = Number(argument('rounds') ?? (quick ? 1 : 2));
/** Done before the measurement begins. */
const warmUp = quick ? 500 : 10_000;

const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

function* calls(count, args = [1]) {
  for (let i = 0; i < count; i++) yield { module, name: 'nothing', args };
}

const count = async (server) => (await server.progress()).succeeded;

/** What `tasks` of them cost, once some have been done, by `cost()`; polled each 5 ms. */
async function window(server, tasks, cost, feed = () => {}) {
  const point = async () => ({ done: await count(server), cost: await cost(), at: performance.now() });
  let from = null;
  for (;;) {
    const now = await point();
    if (from === null && now.done >= warmUp) from = now;
    if (from !== null && now.done >= from.done + tasks) {
      const done = now.done - from.done;
      return { microseconds: ((now.cost - from.cost) * 1_000) / done, rate: (done / (now.at - from.at)) * 1_000, tasks: done };
    }
    await feed(now.done);
    await sleep(5);
  }
}

const startOwn = (folder) => ServerThread.new({ address: 'localhost:0', database: join(folder, 'tasks.db'), foreverMode: true });

/** As many wait all the time: tasks are submitted by the thousand as others end. */
async function queued(length, folder) {
  const server = await startOwn(folder);
  await server.submit(calls(length), { bundlesize: 10_000 });
  let submitted = length;
  const client = await ClientThread.new({ address: server.address, numTasks: 2 });
  const point = await window(server, quick ? 3_000 : 30_000, processor, async (done) => {
    while (submitted - done < length) {
      await server.submit(calls(1_000), { bundlesize: 1_000 });
      submitted += 1_000;
    }
  });
  await client.stop();
  await server.stop();
  return point;
}

/** Through a submitter with bundles of a size, arguments of so many bytes. */
async function streamed(folder, tasks, bundlesize, bytes) {
  const server = await startOwn(folder);
  const client = await ClientThread.new({ address: server.address, numTasks: 2 });
  await server.submit(calls(warmUp));
  while ((await count(server)) < warmUp) await sleep(1);
  const before = processor();
  const began = performance.now();
  const submitter = await SubmitThread.new(calls(tasks, ['x'.repeat(bytes)]), { address: server.address, bundlesize });
  while ((await count(server)) < warmUp + tasks) await sleep(2);
  const point = { microseconds: ((processor() - before) * 1_000) / tasks, rate: (tasks / (performance.now() - began)) * 1_000, tasks };
  await submitter.join();
  await client.stop();
  await server.stop();
  return point;
}

/** So many connections, behind which tasks end at once; the server is a process of its own. */
async function connected(clients, folder) {
  const tasks = quick ? 5_000 : 50_000;
  const server = await startServer(join(folder, 'tasks.db'));
  const joined = await Promise.all(Array.from({ length: clients }, () => SimulatedClient.join(server, { slots: 16 })));
  const session = await connect(server.address, { auth: server.auth });
  const submitting = session.submit(calls(warmUp + tasks + 10_000), { bundlesize: 1_000 });
  const point = await window(session, tasks, server.cost);
  await submitting;
  await session.close();
  for (const client of joined) client.close();
  await server.stop();
  return point;
}

/** So many bytes at the most: at 30 ns each, in all threads, a point of large arguments takes some seconds as the others do. */
const most = (bytes) => Math.max(quick ? 20 : 40, Math.min(quick ? 2_000 : 20_000, Math.round((quick ? 2e7 : 5e7) / (bytes + 1))));

/** What grows, its points, and how a point is measured. */
const series = {
  'tasks in the queue': { points: quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000], run: queued },
  clients: { points: quick ? [1, 50] : [1, 5, 20, 100, 500], run: connected },
  'bundle size': {
    points: quick ? [10, 1_000] : [1, 10, 100, 1_000, 10_000],
    run: (size, folder) => streamed(folder, quick ? 3_000 : size < 10 ? 10_000 : 40_000, size, 0),
  },
  'bytes of an argument': {
    points: quick ? [0, 100_000] : [0, 1_000, 10_000, 100_000, 1_000_000],
    run: (bytes, folder) => streamed(folder, most(bytes), 100, bytes),
  },
};

async function one(name, point) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    console.log(JSON.stringify(await series[name].run(point, folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** All points of a series, in turns. */
async function measure(name, points) {
  const runs = points.map(() => []);
  for (let turn = 0; turn < rounds; turn++)
    for (const [i, point] of points.entries())
      runs[i].push(
        await inProcess(fileURLToPath(import.meta.url), [`--point=${point}`, `--series=${name}`, ...(quick ? ['--quick'] : [])]),
      );
  return points.map((point, i) => {
    const best = runs[i].toSorted((a, b) => a.microseconds - b.microseconds)[0];
    const all = runs[i].map(({ microseconds }) => round(microseconds, 1));
    return { case: name, at: point, 'CPU µs/task': round(best.microseconds, 1), rate: Math.round(best.rate), tasks: best.tasks, all };
  });
}

if (argument('point') !== undefined) await one(argument('series'), Number(argument('point')));
else {
  announce('series', packageVersions(['libsql']));
  const rows = [];
  for (const { name } of chosen(Object.keys(series).map((key) => ({ name: key })))) {
    for (const row of await measure(name, series[name].points)) {
      rows.push(row);
      console.log(JSON.stringify({ benchmark: 'series', ...row }));
    }
  }
  showTable(rows);
  const cost = (name, at) => rows.find((row) => row.case === name && row.at === at)?.['CPU µs/task'];
  const longest = Math.max(...series['tasks in the queue'].points);
  const [far, near] = [cost('tasks in the queue', longest), cost('tasks in the queue', 10_000)];
  if (near !== undefined) {
    const what = `a task's cost with ${longest.toLocaleString('en')} queued against 10,000`;
    showBars('series', [{ what, case: 'tasks in the queue', value: far / near, most: 1.2 }]);
  }
}
