/**
 * The queue on PostgreSQL: no-op functions from add to done with one, two and three servers, beside pg-boss and graphile-worker on the same database, which
 * syncs; and how long a task takes that is submitted at one server and runs on the client of another.
 *
 * `node benchmarks/postgres.mjs [tasks]`, after `npm run build`; it starts a PostgreSQL of its own.
 */
import { ClientThread, ServerThread } from '../dist/index.js';
import { startPostgres } from '../test/support/postgres-server.mjs';
import { graphileWorker } from './rivals/graphile-worker.mjs';
import { pgBoss } from './rivals/pg-boss.mjs';

const tasks = Number(process.argv[2] ?? 30_000);
const nothing = { module: new URL('./no-op.mjs', import.meta.url), name: 'nothing', args: [] };
const rate = (ms) => `${Math.round((tasks / ms) * 1000)}/s`;

async function rival({ run }, url) {
  let start = 0;
  let ms = 0;
  const clock = {
    begin: () => {
      start = performance.now();
    },
    end: () => {
      ms = performance.now() - start;
    },
  };
  await run(tasks, clock, { url });
  return rate(ms);
}

/** One client at each server; submitted at the last of them. */
async function ours(count, url) {
  const database = `${url}?schema=queue_${count}`;
  const servers = [];
  for (let i = 0; i < count; i++) servers.push(await ServerThread.new({ database, address: 'localhost:0', foreverMode: true }));
  const clients = await Promise.all(servers.map(({ address }) => ClientThread.new({ address, numTasks: 2 })));
  const last = servers.at(-1);
  await last.run(nothing);
  const start = performance.now();
  await last.submit(
    Array.from({ length: tasks }, () => nothing),
    { bundlesize: 1_000 },
  );
  while ((await last.progress()).pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const text = [`${count} servers, ${count} clients: ${rate(performance.now() - start)}`];
  if (count > 1) {
    await clients.shift().stop();
    const times = [];
    for (let i = 0; i < 60; i++) {
      const begun = performance.now();
      await servers[0].run(nothing);
      times.push(performance.now() - begun);
    }
    text.push(`from one server to the client of another and back: median ${times.sort((a, b) => a - b)[30].toFixed(1)} ms`);
  }
  for (const client of clients) await client.stop();
  for (const server of servers.reverse()) await server.stop();
  return text.join('; ');
}

const postgres = await startPostgres({ durable: true });
try {
  console.log('pg-boss:', await rival(pgBoss, postgres.url()));
  console.log('graphile-worker:', await rival(graphileWorker, postgres.url()));
  for (const count of [1, 2, 3]) console.log(await ours(count, postgres.url()));
} finally {
  await postgres.stop();
}
