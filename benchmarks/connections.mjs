/**
 * What does a server take for each connected client, and how much of a core for 500 (`CONNECTIONS`) that work? A server in a process of its own with
 * an SQLite file, on loopback TCP; the connections of this process, behind each of which the core of a client with 16 slots stands. First they are
 * idle: resident memory of the server. Then each slot has tasks of 2 s: 4,000 tasks a second, submitted as they are used up; after one round of
 * them, the server's processor time over 10 s. Run after `npm run build`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../dist/index.js';
import { median, quick, round, show, showBars } from './harness.mjs';
import { SimulatedClient, startServer } from './simulated-clients.mjs';

const count = Number(process.env.CONNECTIONS ?? (quick ? 100 : 500));
const slots = 16;
const taskMs = 2_000;
const windowMs = quick ? 2_000 : 10_000;
const rounds = quick ? 1 : 3;
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));

async function run(turn) {
  const server = await startServer(join(folder, `${turn}.db`));
  const empty = await server.memory();
  const began = performance.now();
  // The first task of a slot is of any length, so that they do not all end at once for ever.
  const lastingFrom = performance.now() + 3_000;
  const lasting = () => (performance.now() < lastingFrom ? Math.random() * taskMs : taskMs);
  const clients = await Promise.all(Array.from({ length: count }, () => SimulatedClient.join(server, { slots, lasting })));
  const joined = performance.now();
  const idle = await server.memory();
  const session = await connect(server.address, { auth: server.auth });
  const stretch = count * slots;
  const submit = () => session.submit(Array.from({ length: stretch }, (_, i) => `task ${i}`));
  const submitted = performance.now();
  // Some in hand for the short ones, then as many as are used up: the queue is never empty, and what a submission costs is counted.
  for (let i = 0; i < 4; i++) await submit();
  let feeding = null;
  const feeder = setInterval(() => {
    feeding = submit();
  }, taskMs);
  while (clients.some(({ began: at }) => at === null)) await sleep(2);
  const last = Math.max(...clients.map((client) => client.began));
  await sleep(taskMs);
  const done = () => clients.reduce((sum, client) => sum + client.done, 0);
  const from = { cost: await server.cost(), done: done(), at: performance.now() };
  await sleep(windowMs);
  const to = { cost: await server.cost(), done: done(), at: performance.now() };
  clearInterval(feeder);
  await feeding;
  await session.close();
  for (const client of clients) client.close();
  await server.stop();
  const seconds = (to.at - from.at) / 1_000;
  return {
    empty,
    idle,
    joined: joined - began,
    first: last - submitted,
    rate: (to.done - from.done) / seconds,
    core: (to.cost - from.cost) / 10 / seconds,
    cost: ((to.cost - from.cost) * 1_000) / (to.done - from.done),
  };
}

try {
  const runs = [];
  for (let turn = 0; turn < rounds; turn++) runs.push(await run(turn));
  const middle = (key) => median(runs.map((one) => one[key]));
  const cores = runs.map(({ core }) => round(core, 1));
  show('connections', [
    {
      connections: count,
      slots,
      'server MB before': round(middle('empty'), 1),
      'server MB with all': round(middle('idle'), 1),
      'KB a client': round(((middle('idle') - middle('empty')) * 1_024) / count, 1),
      'ms until all have joined': round(middle('joined'), 0),
      'ms until all have begun something': round(middle('first'), 0),
      rate: Math.round(middle('rate')),
      '% of a core': round(middle('core'), 1),
      'CPU µs/task': round(middle('cost'), 1),
      cores,
    },
  ]);
  const due = (count * slots * 1_000) / taskMs;
  showBars('connections', [
    { what: `${count} clients: tasks a second, of ${due}`, value: middle('rate'), least: due * 0.95 },
    { what: `${count} clients at ${due} tasks a second: % of a core for the server`, value: middle('core'), most: 50 },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
