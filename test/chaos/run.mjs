/**
 * Chaos: servers and clients in processes of their own are killed (-9) at seeded random moments and started again on the same SQLite
 * file, while a submitter goes on. In the end every submitted task has exactly one outcome, the right one, and ran at least once.
 *
 *   npm run test:chaos -- --seconds 120 --seed 7
 *   npm run test:chaos -- --spare clients          only servers are killed: then no task may run twice
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openTasks, SubmitThread } from '../../dist/index.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '120' }, seed: { type: 'string' }, spare: { type: 'string', default: 'nobody' } },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('--seconds takes a number of seconds, --seed a whole number');
if (!['nobody', 'clients'].includes(values.spare)) throw new Error("--spare takes 'nobody' (the default) or 'clients'");
console.log(`chaos: ${seconds} s, seed ${seed}, sparing ${values.spare}`);

let state = seed;
/** 0 to 1, the same for the same seed. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

const between = (least, most) => least + random() * (most - least);
const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
const database = join(folder, 'tasks.db');
const runs = join(folder, 'runs');
const living = new Set();
const kills = { server: 0, client: 0 };

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A process of the library; `first` resolves when it has written its first line. */
function start(script, options) {
  const path = fileURLToPath(new URL(`../system/fixtures/${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const part = { child, output: '', exited: new Promise((resolve) => child.once('close', resolve)) };
  part.first = Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), part.exited]);
  child.stdout.on('data', (data) => {
    part.output += data;
  });
  living.add(child);
  part.exited.then(() => living.delete(child));
  return part;
}

async function kill(part) {
  part.child.kill('SIGKILL');
  await part.exited;
}

const address = ['localhost', await freePort()];
const serverOptions = { address, database, evictAfter: 2, reconnectGrace: 0.3, maxLosses: 1_000 };
const clientOptions = { address, numTasks: 3, taskSignalwait: 0.2, reconnectTimeout: 60 };
const end = performance.now() + seconds * 1_000;
const submitted = [];

async function* source() {
  while (performance.now() < end) {
    const n = submitted.length;
    const status = n % 11 === 0 ? 1 + (n % 5) : 0;
    submitted.push(status);
    yield { args: `echo ${n} >> ${runs}; ${n % 3 === 0 ? 'sleep 0.02; ' : ''}exit ${status}`, tags: { n } };
    // No faster than two clients that are killed all the time can follow.
    if (n % 2 === 0) await sleep(between(0, 20));
  }
}

async function killing(name, least, most, get, set) {
  while (performance.now() < end) {
    await sleep(between(least, most));
    await kill(get());
    kills[name]++;
    await sleep(between(0, 600));
    const next = start(
      name === 'server' ? 'serve.mjs' : 'work.mjs',
      name === 'server' ? { ...serverOptions, foreverMode: true } : clientOptions,
    );
    set(next);
    if (name === 'server') await next.first;
  }
}

/** What is wrong with the store, in words. */
async function examine() {
  const wrong = [];
  const tasks = await openTasks(database);
  const seen = new Map();
  let attempts = 0;
  let losses = 0;
  for await (const { id, tags, state: now, outcome, exitStatus } of tasks.find()) {
    const status = submitted[tags.n];
    if (seen.has(tags.n)) wrong.push(`task ${tags.n} is recorded twice`);
    seen.set(tags.n, id);
    if (now !== 'done') wrong.push(`task ${tags.n} is ${now}`);
    else if (outcome !== (status === 0 ? 'succeeded' : 'failed') || exitStatus !== status)
      wrong.push(`task ${tags.n} ended as ${outcome} with status ${exitStatus}, not ${status}`);
    const history = await tasks.history(id);
    const ends = history.filter((attempt) => attempt.outcome !== 'lost');
    attempts += history.length;
    losses += history.length - ends.length;
    if (ends.length !== 1) wrong.push(`task ${tags.n} has ${ends.length} results in its history`);
  }
  await tasks.close();
  submitted.forEach((_, n) => {
    if (!seen.has(n)) wrong.push(`task ${n} was accepted and is not recorded`);
  });
  const times = new Map();
  for (const line of readFileSync(runs, 'utf8').split('\n')) if (line !== '') times.set(Number(line), (times.get(Number(line)) ?? 0) + 1);
  submitted.forEach((_, n) => {
    if (!times.has(n)) wrong.push(`task ${n} has a result and never ran`);
  });
  const again = [...times.values()].filter((count) => count > 1).length;
  console.log(`chaos: ${submitted.length} tasks, ${attempts} attempts recorded, ${losses} of them lost, ${again} tasks ran more than once`);
  if (kills.client === 0 && again > 0) wrong.push(`${again} tasks ran twice although no client was killed`);
  return wrong;
}

let failed = false;
try {
  let server = start('serve.mjs', { ...serverOptions, foreverMode: true });
  await server.first;
  const clients = [start('work.mjs', clientOptions), start('work.mjs', clientOptions)];
  const submitter = await SubmitThread.new(source(), { address, bundlesize: 20 });
  await Promise.all([
    killing(
      'server',
      800,
      4_000,
      () => server,
      (next) => {
        server = next;
      },
    ),
    ...(values.spare === 'clients' ? [] : clients).map((_, i) =>
      killing(
        'client',
        1_000,
        6_000,
        () => clients[i],
        (next) => {
          clients[i] = next;
        },
      ),
    ),
  ]);
  const receipt = await submitter.join(60);
  if (receipt.submitted !== submitted.length) throw new Error(`${submitted.length} tasks were given, ${receipt.submitted} acknowledged`);
  // The last server ends by itself when nothing is pending.
  await kill(server);
  server = start('serve.mjs', { ...serverOptions, restartMode: true });
  const ended = await Promise.race([server.exited.then(() => true), sleep(120_000, false, { ref: false })]);
  if (!ended) throw new Error('the last server did not end within two minutes: tasks are stuck');
  if (server.child.exitCode !== 0 || !server.output.includes('"pending":0'))
    throw new Error(`the last server did not end well: ${server.output}`);
  console.log(`chaos: killed ${kills.server} servers and ${kills.client} clients`);
  const wrong = await examine();
  for (const line of wrong.slice(0, 50)) console.error(`chaos: ${line}`);
  failed = wrong.length > 0;
  if (kills.server === 0 || submitted.length === 0) throw new Error('nothing happened: give it more seconds');
} catch (error) {
  console.error('chaos:', error);
  failed = true;
} finally {
  for (const child of living) child.kill('SIGKILL');
  if (!failed) rmSync(folder, { recursive: true, force: true });
}
console.log(failed ? `chaos: FAILED; seed ${seed}, the store is kept in ${folder}` : 'chaos: every task has exactly one outcome');
process.exit(failed ? 1 : 0);
