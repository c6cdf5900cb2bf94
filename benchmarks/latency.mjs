/**
 * How long from a submission to the start of its task, when nothing else is going on? One task at a time through `connect()` and a client,
 * both over loopback TCP, with an SQLite file. Three clocks: the server's own (`waitedMs`: commit to notice of the start), that of a function,
 * which reads the machine's monotonic clock when it runs, and that of a command, for which `date` has to start first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientThread, connect, ServerThread } from '../dist/index.js';
import { median, quantile, quick, round, show, showBars } from './harness.mjs';

const rounds = quick ? 200 : 1_000;
const module = new URL('./no-op.mjs', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const began = process.cpuUsage();
const rows = [];
const open = [];
try {
  const server = await ServerThread.new({ address: 'localhost:0', database: join(folder, 'tasks.db'), foreverMode: true });
  open.push(() => server.stop());
  const client = await ClientThread.new({ address: server.address, numTasks: 2 });
  open.push(() => client.stop());
  const connection = await connect(server.address);
  open.push(() => connection.close());

  const wallNow = () => performance.timeOrigin + performance.now();
  const kinds = [
    {
      kind: 'function',
      task: { module, name: 'now', args: [] },
      now: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
      started: ({ value }) => Number(BigInt(value) / 1_000n) / 1_000,
    },
    { kind: 'command', task: { args: 'date +%s%N' }, now: wallNow, started: ({ stdout }) => Number(stdout.toString().trim()) / 1e6 },
  ];
  for (const { kind, task, now, started } of kinds) {
    const waited = [];
    const measured = [];
    const whole = [];
    for (let i = -20; i < rounds; i++) {
      const from = now();
      const result = await connection.run(task);
      const to = now();
      if (result.outcome !== 'succeeded') throw new Error(`the ${kind} ended as ${result.outcome}: ${result.error?.message ?? ''}`);
      // The first ones warm up.
      if (i >= 0) {
        waited.push(result.waitedMs);
        measured.push(started(result) - from);
        whole.push(to - from);
      }
      await sleep(4);
    }
    for (const [clock, list] of Object.entries({
      'waitedMs, by the server': waited,
      'submit to its own clock': measured,
      'run() to its result': whole,
    }))
      rows.push({
        task: kind,
        clock,
        median: round(median(list), 3),
        p99: round(quantile(list, 0.99), 3),
        worst: round(Math.max(...list), 3),
      });
  }
} finally {
  for (const close of open.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
}
const { user, system } = process.cpuUsage(began);
show('latency', rows);
console.log(`CPU ${Math.round((user + system) / (2 * rounds))} µs a task, peak ${Math.round(process.resourceUsage().maxRSS / 1_024)} MB`);
showBars(rows, [
  { what: 'idle submit to start, median ms (function, its own clock)', value: rows[1].median, most: 5 },
  { what: 'idle submit to start, median ms (command, by the server)', value: rows[3].median, most: 5 },
]);
