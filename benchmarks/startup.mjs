/**
 * How long until the first task has run? `runLocal(['true'])` in a running host, the parts of it, and the import of the package in a fresh
 * process; beside `xargs` and a bare Node.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, programVersion, quick, round, show, showBars } from './harness.mjs';

const rounds = quick ? 3 : 20;
const door = new URL('../dist/index.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));

function child(command, words) {
  const { status, stderr } = spawnSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${command} ended with status ${status}: ${stderr}`);
}

const { ClientThread, runLocal, ServerThread } = await import(door);
let file = 0;
let server = null;
const contestants = {
  'xargs -P2 sh -c, one line': { run: () => child('/bin/sh', ['-c', 'echo 1 | xargs -P2 -I{} sh -c true']) },
  'node, nothing': { run: () => child(process.execPath, ['-e', '']) },
  'node, import of the package': { run: () => child(process.execPath, ['--input-type=module', '-e', `await import('${door}')`]) },
  "runLocal(['true'])": {
    async run() {
      const { succeeded } = await runLocal(['true'], { numTasks: 2 });
      if (succeeded !== 1) throw new Error('the task did not succeed');
    },
  },
  "runLocal(['true']), SQLite": { run: () => runLocal(['true'], { numTasks: 2, database: join(folder, `${file++}.db`) }) },
  'ServerThread.new, memory': {
    async run() {
      server = await ServerThread.new({ address: 'localhost:0' });
    },
    after: () => server.stop(),
  },
  'ServerThread.new, SQLite': {
    async run() {
      server = await ServerThread.new({ address: 'localhost:0', database: join(folder, `${file++}.db`) });
    },
    after: () => server.stop(),
  },
  'ClientThread.new, 2 slots': {
    async before() {
      server = await ServerThread.new({ address: 'localhost:0' });
    },
    async run() {
      this.client = await ClientThread.new({ address: server.address, numTasks: 2 });
    },
    async after() {
      await this.client.stop();
      await server.stop();
    },
  },
};

const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
const rows = [];
try {
  for (let turn = 0; turn < rounds; turn++) {
    for (const [name, contestant] of Object.entries(contestants)) {
      await contestant.before?.();
      const processor = process.cpuUsage();
      const from = performance.now();
      await contestant.run();
      const ms = performance.now() - from;
      const { user, system } = process.cpuUsage(processor);
      times[name].push({ ms, cpu: (user + system) / 1_000 });
      await contestant.after?.();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const [what, list] of Object.entries(times)) {
  const ms = list.map((one) => one.ms);
  rows.push({
    what,
    first: round(ms[0], 1),
    median: round(median(ms), 1),
    best: round(Math.min(...ms), 1),
    'CPU ms': round(median(list.map((one) => one.cpu)), 1),
  });
}
show('startup', rows, [programVersion('xargs')]);
console.log(`peak ${Math.round(process.resourceUsage().maxRSS / 1_024)} MB`);
const cold = rows.find(({ what }) => what === "runLocal(['true'])");
showBars('startup', [{ what: "runLocal(['true']) in a running host, median ms", value: cold.median, most: 150 }]);
