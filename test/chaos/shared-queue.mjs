/**
 * Several servers on one queue of PostgreSQL, each in a process of its own, clients that know all of them, and tasks submitted over any of them. In the middle
 * the server that leads and a client are killed, and the database is restarted, or killed. At the end every task has exactly one outcome.
 *
 * By itself: `node test/chaos/shared-queue.mjs [tasks] [SIGINT|SIGKILL]`, after `npm run build`; 100,000 tasks and SIGINT if nothing is said.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { submitFrom } from '../../dist/index.js';
import { startPostgres } from '../support/postgres-server.mjs';

const functions = new URL('../../benchmarks/no-op.mjs', import.meta.url).href;

/** A server or a client; `first`: what it says when it stands. */
async function part(name, options, children) {
  const path = fileURLToPath(new URL(`../support/parts/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout });
  const [first] = await once(lines, 'line');
  const fact = JSON.parse(first);
  if (fact.code !== undefined) throw new Error(`${name}: ${first}`);
  return { child, first: fact };
}

function gate() {
  let resolve;
  const promise = new Promise((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

async function until(condition, what) {
  for (const end = performance.now() + 120_000; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    // The database is away for a while.
    if (await condition().catch(() => false)) return;
  }
  throw new Error(`${what}: not within 120 s`);
}

/**
 * @param {{ tasks: number, servers?: number, clients?: number, signal: 'SIGINT' | 'SIGKILL', say?: (text: string) => void }} options
 * @returns {Promise<{ submitted: number, outcomes: Record<string, number>[], recorded: number, distinct: number, epochs: number, retried: number, seconds: number }>}
 */
export async function runShared({ tasks, servers = 3, clients = 6, signal, say = () => {} }) {
  const postgres = await startPostgres({ durable: true });
  const database = postgres.url();
  const children = [];
  const ask = async (sql) => {
    const client = new pg.Client(database);
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(sql)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  };
  const ended = async () => Number((await ask('select ended from millrace.state'))[0].ended);
  try {
    const options = { database, foreverMode: true, evictAfter: 4, reconnectGrace: 1 };
    const standing = [];
    for (let i = 0; i < servers; i++) standing.push(await part('serve', { ...options, address: ['localhost', 0] }, children));
    const address = standing.map(({ first }) => first.address);
    say(`${servers} servers: ${address.map(({ port }) => port).join(', ')}; the first leads`);
    const working = await Promise.all(Array.from({ length: clients }, () => part('work', { address, numTasks: 2 }, children)));
    const start = performance.now();
    // What is submitted late finds another server that leads, and another life of the database.
    const gates = new Map([0.4, 0.7].map((part) => [Math.floor(tasks * part), gate()]));
    const [killed, back] = [...gates.values()];
    const source = (async function* () {
      for (let i = 0; i < tasks; i++) {
        await gates.get(i)?.promise;
        yield { module: functions, name: 'nothing', args: [] };
      }
    })();
    const submitting = submitFrom(source, { address });
    submitting.catch(() => {});
    await until(async () => (await ended()) > tasks / 10, 'the first tenth');
    working[0].child.kill('SIGKILL');
    say(`a client killed after ${await ended()} tasks`);
    await until(async () => (await ended()) > tasks / 5, 'the first fifth');
    standing[0].child.kill('SIGKILL');
    killed.resolve();
    say('the server that leads killed');
    await until(async () => (await ended()) > tasks / 2, 'the first half');
    await postgres.kill(signal);
    say(`the database ended by ${signal}`);
    await postgres.start();
    back.resolve();
    const { submitted } = await submitting;
    await until(async () => (await ended()) === tasks, 'all tasks');
    const seconds = (performance.now() - start) / 1000;
    const [record] = await ask(`select count(*) as recorded, count(distinct n) as distinct from (
      select generate_series(tasks[2 * i - 1], tasks[2 * i]) as n from millrace.completion, generate_series(1, cardinality(tasks) / 2) i) r`);
    return {
      submitted,
      outcomes: (await ask('select state, outcome, count(*)::int as count from millrace.task group by 1, 2')).map((row) => ({ ...row })),
      recorded: Number(record.recorded),
      distinct: Number(record.distinct),
      epochs: Number((await ask('select epoch from millrace.state'))[0].epoch),
      retried: Number((await ask('select count(*) as count from millrace.attempt'))[0].count),
      seconds,
    };
  } finally {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await postgres.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [tasks = '100000', signal = 'SIGINT'] = process.argv.slice(2);
  console.log(await runShared({ tasks: Number(tasks), signal, say: console.log }));
}
