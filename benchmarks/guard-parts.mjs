/**
 * What the guard runs: ours and a rival, each in windows of a fraction of a second within one process that has warmed up, since the lowest of many short
 * windows is what a task costs when nobody else is there; whole runs differ by a third on a busy machine. A window is `{ tasks, ms, processor }`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { calls, module } from './contestants.mjs';
import { costOf } from './services.mjs';

/** Of this process and its threads, to the µs. */
const ofThreads = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
/** Of its children too, to 10 ms each. */
const ofFamily = () => costOf(process.pid).processor;

async function windows(count, tasks, processor, run) {
  const list = [];
  for (let i = 0; i < count; i++) {
    const before = processor();
    const from = performance.now();
    await run(tasks);
    list.push({ tasks, ms: performance.now() - from, processor: processor() - before });
  }
  return list;
}

/** A server with an SQLite file and a client with two slots, over loopback TCP; `source(tasks)` is submitted and done in each window. */
async function ours(count, tasks, processor, source) {
  const { ClientThread, ServerThread } = await import('../dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const server = await ServerThread.new({ address: 'localhost:0', database: join(folder, 'tasks.db'), foreverMode: true });
  const client = await ClientThread.new({ address: server.address, numTasks: 2 });
  let submitted = 0;
  const list = await windows(count, tasks, processor, async () => {
    submitted += tasks;
    await server.submit(source(tasks), { bundlesize: 1_000 });
    while ((await server.progress()).succeeded < submitted) await sleep(2);
  });
  await client.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  return list;
}

async function piscina(count, tasks) {
  const { Piscina } = await import('piscina');
  const pool = new Piscina({ filename: fileURLToPath(module), minThreads: 2, maxThreads: 2 });
  const list = await windows(count, tasks, ofThreads, () =>
    Promise.all(Array.from({ length: tasks }, (_, i) => pool.run(i, { name: 'nothing' }))),
  );
  await pool.destroy();
  return list;
}

function xargs(count, tasks) {
  return windows(count, tasks, ofFamily, async () => {
    const child = spawn('/bin/sh', ['-c', `seq ${tasks} | xargs -P2 -I{} sh -c true`], { stdio: 'ignore' });
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`xargs ended with status ${status}`);
  });
}

function* commands(tasks) {
  for (let i = 0; i < tasks; i++) yield 'true';
}

/** A round of a case is one process of each. */
export const cases = [
  {
    name: 'functions, SQLite, beside piscina',
    parts: { rival: () => piscina(15, 4_000), ours: () => ours(15, 4_000, ofThreads, calls) },
  },
  {
    name: 'shell true, SQLite, beside xargs -P2 sh -c',
    parts: { rival: () => xargs(3, 600), ours: () => ours(4, 800, ofFamily, commands) },
  },
];
