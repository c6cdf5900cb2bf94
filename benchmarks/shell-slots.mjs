/**
 * How fast are the bare slots? One question: commands per second of the shell executor with two slots and both streams captured, beside
 * `xargs -P2`, interleaved round by round. Prints a JSON line for each rival and a table.
 *
 *   node benchmarks/shell-slots.mjs      N=1000 ROUNDS=5 DIST=dist
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median, programVersion, round, show } from './harness.mjs';

const count = Number(process.env.N ?? 1000);
const rounds = Number(process.env.ROUNDS ?? 5);
const built = resolve(process.env.DIST ?? 'dist', 'client/executors/shell/create.js');
const { createShellExecutor } = await import(pathToFileURL(built).href);
const folder = mkdtempSync(join(tmpdir(), 'slots-bench-'));
const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin' };

/** All commands through the executor, a new one the moment that a slot is idle; its start and end are not counted. */
async function slots(command, method) {
  let started = 0;
  let ended = 0;
  let finish;
  const done = new Promise((resolve) => {
    finish = resolve;
  });
  const next = (slot) => {
    if (started < count) executor.start(slot, [{ key: started++, id: 'bench', attempt: 1, command, input: null, env: {}, cwd: null }]);
  };
  const executor = await createShellExecutor(
    { slots: 2, environment, spoolFolder: folder, overlap: true, method },
    {
      ended(slot, ends, idle) {
        if (idle) next(slot);
        for (const end of ends) if (end.outcome !== 'succeeded') finish(new Error(`${command}: ${JSON.stringify(end)}`));
        ended += ends.length;
        if (ended === count) finish(null);
      },
      failed: (error) => finish(error),
    },
  );
  const from = performance.now();
  next(0);
  next(1);
  const error = await done;
  const took = performance.now() - from;
  await executor.close();
  if (error) throw error;
  return took;
}

function xargs(words) {
  const from = performance.now();
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', `seq ${count} | xargs -P2 -I{} ${words}`], { stdio: 'ignore', env: environment });
    child.once('close', () => resolve(performance.now() - from));
  });
}

const questions = [
  {
    command: 'true',
    rivals: {
      'xargs -P2 sh -c true': () => xargs('sh -c true'),
      'slots: true': () => slots('true', 'slots'),
      'spawn: true': () => slots('true', 'spawn'),
    },
  },
  {
    command: '/bin/true',
    rivals: {
      'xargs -P2 /bin/true': () => xargs('/bin/true'),
      'slots: /bin/true': () => slots('/bin/true', 'slots'),
      'spawn: /bin/true': () => slots('/bin/true', 'spawn'),
    },
  },
];

const table = [];
try {
  for (const { command, rivals } of questions) {
    const rates = {};
    for (let turn = 0; turn < rounds; turn++) {
      for (const [name, run] of Object.entries(rivals)) {
        const took = await run();
        rates[name] ??= [];
        rates[name].push((count / took) * 1000);
      }
    }
    const base = rates[Object.keys(rivals)[0]];
    for (const [name, list] of Object.entries(rates)) {
      const ratio = median(list.map((rate, turn) => rate / base[turn]));
      table.push({
        commands: count,
        rounds,
        command,
        contestant: name,
        rate: Math.round(median(list)),
        best: Math.round(Math.max(...list)),
        ratio: round(ratio),
      });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
show('shell-slots', table, [programVersion('xargs')]);
