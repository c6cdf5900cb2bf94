/** What runs commands without a queue: a command line (`xargs`, GNU parallel), a loop of `child_process.spawn`, execa. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A whole command line in a folder of its own, `N` being the number of tasks; `check(folder, tasks)` looks at what it left. */
export const line = (text, { needs = ['xargs'], share = 1, check = () => {} } = {}) => ({
  needs,
  share,
  async run(tasks, clock) {
    const cwd = mkdtempSync(join(tmpdir(), 'rival-bench-'));
    clock.begin();
    const child = spawn('/bin/sh', ['-c', text.replace(/\bN\b/, String(tasks))], { cwd, stdio: 'ignore' });
    const [status] = await once(child, 'close');
    clock.end();
    if (status !== 0) throw new Error(`${text} ended with status ${status}`);
    return () => {
      check(cwd, tasks);
      rmSync(cwd, { recursive: true, force: true });
    };
  },
});

/** Two at a time. */
async function inTwoLanes(tasks, clock, one) {
  let left = tasks;
  const lane = async () => {
    while (left-- > 0) await one();
  };
  clock.begin();
  await Promise.all([lane(), lane()]);
  clock.end();
}

/** What a program does without a library: both streams read. */
export const spawnLoop = (command, share = 1) => ({
  share,
  run: (tasks, clock) =>
    inTwoLanes(tasks, clock, async () => {
      const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.resume();
      child.stderr.resume();
      await once(child, 'close');
    }),
});

export const execa = (command, share = 1) => ({
  needs: ['execa'],
  share,
  async run(tasks, clock) {
    const library = await import('execa');
    await inTwoLanes(tasks, clock, () => library.execa('/bin/sh', ['-c', command], { stdin: 'ignore' }));
  },
});

/** The same in a host that holds so much memory: written to, so that it exists, and looked at afterwards, so that it stays. */
export const withMemory = (bytes, contestant) => ({
  ...contestant,
  async run(tasks, clock, service) {
    const ballast = Array.from({ length: bytes / 2 ** 26 }, () => Buffer.alloc(2 ** 26, 1));
    const check = await contestant.run(tasks, clock, service);
    if (ballast.some((part) => part[0] !== 1)) throw new Error('the memory of the host is gone');
    return check;
  },
});
