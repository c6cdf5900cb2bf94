import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLogger } from '../../../../src/base/log.ts';
import { Watcher } from '../../../../src/client/executors/shell/watcher.ts';
import { handClock } from '../../../support/hand-clock.ts';
import { alive, until } from '../harness.ts';

const host = fileURLToPath(new URL('./host.mjs', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watcher-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function startHost(method: string, ...commands: string[]): ChildProcess {
  return spawn(process.execPath, [host, join(folder, 'spool'), method, ...commands], { stdio: 'inherit', detached: true });
}

async function numberIn(path: string): Promise<number> {
  await until(() => existsSync(path) && readFileSync(path, 'utf8').endsWith('\n'), `${path} is written`);
  return Number(readFileSync(path, 'utf8'));
}

describe.each(['slots', 'spawn'])('kill -9 of the host of %s', (method) => {
  it('leaves no process of any task and no spool', async () => {
    mkdirSync(join(folder, 'spool'));
    const child = startHost(
      method,
      `trap '' INT TERM HUP; sleep 60 & echo $! >${folder}/job; echo $$ >${folder}/stubborn; while :; do sleep 60; done`,
      `echo $$ >${folder}/plain; exec sleep 60`,
    );
    const numbers = [await numberIn(`${folder}/stubborn`), await numberIn(`${folder}/job`), await numberIn(`${folder}/plain`)];
    expect(numbers.every(alive)).toBe(true);
    // A Ctrl-C for the host's group first: the watcher must outlive it.
    process.kill(-child.pid!, 'SIGINT');
    process.kill(-child.pid!, 'SIGKILL');
    await until(() => !numbers.some(alive), 'all processes of tasks are gone');
    await until(() => readdirSync(join(folder, 'spool')).length === 0, 'the spool is gone');
  });
});

describe('kill -9 of the host between the spawn of a command and word of it to the watcher', () => {
  it('leaves a process that ends by itself, before anything of the command has run', async () => {
    const unlucky = fileURLToPath(new URL('./host-killed-by-its-watcher.mjs', import.meta.url));
    spawn(process.execPath, [unlucky, folder, `echo ran >${folder}/ran; exec sleep 60`], { stdio: 'inherit' });
    const group = await numberIn(`${folder}/group`);
    await until(() => !alive(group), 'the process of the command is gone');
    expect(existsSync(`${folder}/ran`)).toBe(false);
  });
});

describe('a watcher', () => {
  it('kills what it still watches when it is closed, and spares what it was told to forget', async () => {
    const watcher = new Watcher('/bin/sh', join(folder, 'nothing'), process.env.PATH, silentLogger, systemClock);
    const [kept, killed] = [0, 1].map(() => spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' })) as [
      ChildProcess,
      ChildProcess,
    ];
    watcher.add(kept.pid!);
    watcher.add(killed.pid!);
    watcher.remove(kept.pid!);
    const pid = watcher.pid!;
    await watcher.close();
    await until(() => !alive(killed.pid!), 'the watched process is gone');
    expect(alive(kept.pid!)).toBe(true);
    expect(alive(pid)).toBe(false);
    kept.kill('SIGKILL');
    await until(() => !alive(kept.pid!), 'the other is gone too');
  });

  it('that is killed is replaced by one that knows as much', async () => {
    const watcher = new Watcher('/bin/sh', join(folder, 'nothing'), process.env.PATH, silentLogger, systemClock);
    const child = spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
    watcher.add(child.pid!);
    const first = watcher.pid!;
    process.kill(first, 'SIGKILL');
    await until(() => watcher.pid !== null && watcher.pid !== first, 'a new watcher stands');
    await watcher.close();
    await until(() => !alive(child.pid!), 'the watched process is gone');
  });

  it('that somebody has stopped keeps nothing from ending', async () => {
    const hand = handClock();
    const watcher = new Watcher('/bin/sh', join(folder, 'nothing'), process.env.PATH, silentLogger, hand.clock);
    const pid = watcher.pid!;
    process.kill(pid, 'SIGSTOP');
    const closed = watcher.close();
    expect([hand.waiting, alive(pid)]).toEqual([1, true]);
    hand.fire();
    await closed;
    expect(alive(pid)).toBe(false);
  });

  it('is replaced however often it is killed', async () => {
    const hand = handClock();
    const watcher = new Watcher('/bin/sh', join(folder, 'nothing'), process.env.PATH, silentLogger, hand.clock);
    for (let times = 0; times < 5; times++) {
      const { pid } = watcher;
      process.kill(pid!, 'SIGKILL');
      await until(() => hand.waiting === 1, 'its end is noticed');
      hand.fire();
      expect(watcher.pid).not.toBe(pid);
      expect(alive(watcher.pid!)).toBe(true);
    }
    await watcher.close();
  });
});
