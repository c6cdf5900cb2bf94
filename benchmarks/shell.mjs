/**
 * How many shell commands a second? Server, client and submitter over loopback TCP, tasks in an SQLite file, both streams captured, two
 * slots; beside `xargs`, GNU parallel and a plain loop of `child_process.spawn`; in a small host, and in one that holds 1 GiB.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, quick } from './harness.mjs';

/** The same command again and again; the clock begins when the first one is asked for: all threads stand then. */
function* lines(command, tasks, clock) {
  clock.begin();
  for (let i = 0; i < tasks; i++) yield command;
}

/** `command` by the library. */
const ours = (command, memory) => ({
  async run(tasks, clock) {
    const ballast = hold(memory);
    const { ClientThread, ServerThread, SubmitThread } = await import('../dist/index.js');
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    const server = await ServerThread.new({ address: 'localhost:0', database: join(folder, 'tasks.db') });
    const client = await ClientThread.new({ address: server.address, numTasks: 2 });
    const submitter = await SubmitThread.new(lines(command, tasks, clock), { address: server.address });
    const { succeeded } = await server.join();
    clock.end();
    await Promise.all([client.join(), submitter.join()]);
    rmSync(folder, { recursive: true, force: true });
    if (succeeded !== tasks) throw new Error(`${succeeded} of ${tasks} tasks succeeded`);
    if (ballast.length > 0 && ballast[0][0] !== 1) throw new Error('the memory of the host is gone');
  },
});

/** A whole command line, `N` being the number of tasks. */
const line = (text, needs, share = 1) => ({
  ...(needs === undefined ? {} : { needs }),
  share,
  async run(tasks, clock) {
    clock.begin();
    const child = spawn('/bin/sh', ['-c', text.replace(/\bN\b/, String(tasks))], { stdio: 'ignore' });
    const [status] = await once(child, 'close');
    clock.end();
    if (status !== 0) throw new Error(`${text} ended with status ${status}`);
  },
});

/** What a program does without a library: two at a time, both streams read. */
const spawnLoop = (command, memory, share = 1) => ({
  share,
  async run(tasks, clock) {
    const ballast = hold(memory);
    let left = tasks;
    const lane = async () => {
      while (left-- > 0) {
        const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
        child.stdout.resume();
        child.stderr.resume();
        await once(child, 'close');
      }
    };
    clock.begin();
    await Promise.all([lane(), lane()]);
    clock.end();
    if (ballast.length > 0 && ballast[0][0] !== 1) throw new Error('the memory of the host is gone');
  },
});

/** Memory that is written to, so that it exists. */
function hold(bytes = 0) {
  return Array.from({ length: bytes / 2 ** 26 }, () => Buffer.alloc(2 ** 26, 1));
}

const parallel = { command: 'parallel', install: 'apt-get install -y parallel' };
const tasks = quick ? 2_000 : 10_000;
const rounds = quick ? 3 : 5;

await compare(
  'shell',
  import.meta.url,
  [
    {
      name: 'true',
      tasks,
      rounds,
      contestants: {
        'xargs -P2 sh -c': line('seq N | xargs -P2 -I{} sh -c true'),
        millrace: ours('true'),
        'GNU parallel -j2': line('seq N | parallel -j2 -N1 "true #"', parallel, 0.1),
        'spawn loop': spawnLoop('true', 0, 0.25),
      },
    },
    {
      name: '/bin/true',
      tasks,
      rounds,
      contestants: {
        'xargs -P2': line('seq N | xargs -P2 -I{} /bin/true'),
        millrace: ours('/bin/true'),
        'xargs -P2 sh -c': line('seq N | xargs -P2 -I{} sh -c /bin/true'),
        'GNU parallel -j2': line('seq N | parallel -j2 -N1 /bin/true', parallel, 0.1),
        'spawn loop': spawnLoop('/bin/true', 0, 0.25),
      },
    },
    {
      name: 'true, 1 GiB in the host',
      tasks,
      rounds,
      contestants: {
        'millrace, small host': ours('true'),
        millrace: ours('true', 2 ** 30),
        'spawn loop': spawnLoop('true', 2 ** 30, quick ? 0.02 : 0.01),
      },
    },
  ],
  [
    { what: 'true against xargs -P2 sh -c', case: 'true', contestant: 'millrace', of: 'ratio', least: 1.25 },
    { what: '/bin/true against xargs -P2', case: '/bin/true', contestant: 'millrace', of: 'ratio', least: 0.6 },
    {
      what: 'true in a host of 1 GiB against a small one',
      case: 'true, 1 GiB in the host',
      contestant: 'millrace',
      of: 'ratio',
      least: 0.9,
    },
  ],
);
