/** Our own part of the benchmarks of functions and commands: server, client and submitter as a user starts them, whole or joined. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The module of the functions that are called. */
export const module = new URL('./no-op.mjs', import.meta.url);

export function* calls(tasks) {
  for (let i = 0; i < tasks; i++) yield { module, name: 'nothing', args: [i] };
}

/** Two calls first, so that the threads stand, as those of the rivals do; the clock begins with the first call that is counted. */
async function* warmed(counted, server, clock) {
  yield { module, name: 'nothing' };
  yield { module, name: 'nothing' };
  while ((await server.progress()).succeeded < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  clock.begin();
  yield* counted;
}

function expect(succeeded, tasks) {
  if (succeeded !== tasks) throw new Error(`${succeeded} of ${tasks} tasks succeeded`);
}

/** Calls through a server, a client with two slots and a submitter, all over loopback TCP. */
export const functionsOverTcp = (durable) => ({
  async run(tasks, clock) {
    const { ClientThread, ServerThread, SubmitThread } = await import('../dist/index.js');
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    const database = durable ? join(folder, 'tasks.db') : 'memory:';
    const server = await ServerThread.new({ address: 'localhost:0', database });
    const client = await ClientThread.new({ address: server.address, numTasks: 2 });
    const source = warmed(calls(tasks), server, clock);
    const submitter = await SubmitThread.new(source, { address: server.address, bundlesize: 1_000 });
    const { succeeded } = await server.join();
    clock.end();
    await Promise.all([client.join(), submitter.join()]);
    rmSync(folder, { recursive: true, force: true });
    expect(succeeded, tasks + 2);
  },
});

/** The same on PostgreSQL, which several servers share: a client with two slots at each of them, submitted to the last one, as one that follows. */
export const functionsOnPostgres = (count = 1) => ({
  service: 'postgres of packages',
  async run(tasks, clock, { url }) {
    const { ClientThread, ServerThread, SubmitThread } = await import('../dist/index.js');
    // As the rivals do: what an earlier run left is not looked after during this one.
    const { default: pg } = await import('pg');
    const direct = new pg.Client(url);
    await direct.connect();
    await direct.query('drop schema if exists bench cascade');
    await direct.end();
    const database = `${url}?schema=bench`;
    const servers = [];
    for (let i = 0; i < count; i++) servers.push(await ServerThread.new({ database, address: 'localhost:0', foreverMode: true }));
    const clients = await Promise.all(servers.map(({ address }) => ClientThread.new({ address, numTasks: 2 })));
    const last = servers.at(-1);
    const source = warmed(calls(tasks), last, clock);
    const submitter = await SubmitThread.new(source, { address: last.address, bundlesize: 1_000 });
    await submitter.join();
    let progress = await last.progress();
    for (; progress.pending > 0; progress = await last.progress()) await new Promise((resolve) => setTimeout(resolve, 2));
    clock.end();
    for (const client of clients) await client.stop();
    for (const server of servers.reverse()) await server.stop();
    expect(progress.succeeded, tasks + 2);
  },
});

/** A server in this process and a client joined to it by a message channel; the start of both is counted. */
export const functionsLocally = {
  async run(tasks, clock) {
    const { runLocal } = await import('../dist/index.js');
    clock.begin();
    const { succeeded } = await runLocal(calls(tasks), { numTasks: 2 });
    clock.end();
    expect(succeeded, tasks);
  },
};

/** The clock begins when the first is asked for: all threads stand then. */
function* timed(tasks, clock) {
  clock.begin();
  yield* tasks;
}

/**
 * Commands through a server with an SQLite file, a client with two slots and a submitter, over loopback TCP, both streams captured; `source(tasks,
 * folder)` makes them, `check(database, tasks)` looks at what is stored when all has been measured.
 */
export const commandsOverTcp = (source, check = () => {}) => ({
  async run(tasks, clock) {
    const { ClientThread, ServerThread, SubmitThread } = await import('../dist/index.js');
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    const database = join(folder, 'tasks.db');
    const server = await ServerThread.new({ address: 'localhost:0', database });
    const client = await ClientThread.new({ address: server.address, numTasks: 2 });
    const submitter = await SubmitThread.new(timed(source(tasks, folder), clock), { address: server.address });
    const { succeeded } = await server.join();
    clock.end();
    await Promise.all([client.join(), submitter.join()]);
    expect(succeeded, tasks);
    return async () => {
      await check(database, tasks);
      rmSync(folder, { recursive: true, force: true });
    };
  },
});
