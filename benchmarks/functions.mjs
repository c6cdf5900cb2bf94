/**
 * How many function calls a second, from the adding to the recorded end? A function that does nothing; server, client and submitter over
 * loopback TCP with an SQLite file, the same in memory, `runLocal`, and piscina alone, which records nothing. Two threads each.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compare, quick } from './harness.mjs';

const module = new URL('./no-op.mjs', import.meta.url);

function* calls(tasks) {
  for (let i = 0; i < tasks; i++) yield { module, name: 'nothing', args: [i] };
}

/** Two calls first, so that the threads stand, as piscina's do; the clock begins with the first call that is counted. */
async function* warmed(counted, server, clock) {
  yield { module, name: 'nothing' };
  yield { module, name: 'nothing' };
  while ((await server.progress()).succeeded < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  clock.begin();
  yield* counted;
}

const overTcp = (durable) => ({
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
    if (succeeded !== tasks + 2) throw new Error(`${succeeded} of ${tasks} tasks succeeded`);
  },
});

const local = {
  async run(tasks, clock) {
    const { runLocal } = await import('../dist/index.js');
    clock.begin();
    const { succeeded } = await runLocal(calls(tasks), { numTasks: 2 });
    clock.end();
    if (succeeded !== tasks) throw new Error(`${succeeded} of ${tasks} tasks succeeded`);
  },
};

const piscina = {
  async run(tasks, clock) {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: fileURLToPath(module), minThreads: 2, maxThreads: 2 });
    await Promise.all([pool.run(0, { name: 'nothing' }), pool.run(1, { name: 'nothing' })]);
    clock.begin();
    await Promise.all(Array.from({ length: tasks }, (_, i) => pool.run(i, { name: 'nothing' })));
    clock.end();
    await pool.destroy();
  },
};

const contestants = {
  'piscina alone': piscina,
  'millrace, SQLite, TCP': overTcp(true),
  'millrace, memory, TCP': overTcp(false),
  'millrace, runLocal': local,
};

await compare(
  'functions',
  import.meta.url,
  [{ name: 'no-op', tasks: quick ? 20_000 : 50_000, rounds: quick ? 3 : 5, contestants }],
  [{ what: 'durable functions a second, add to done', case: 'no-op', contestant: 'millrace, SQLite, TCP', of: 'rate', least: 25_000 }],
);
