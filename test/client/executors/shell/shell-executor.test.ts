import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { ShellExecutorOptions } from '../../../../src/client/executors/shell/options.ts';
import { alive, execution, openShell, type ShellUnderTest, until } from '../harness.ts';

const open: ShellUnderTest[] = [];

async function openOne(options: Partial<ShellExecutorOptions> = {}): Promise<ShellUnderTest> {
  const shell = await openShell(options);
  open.push(shell);
  return shell;
}

afterEach(async () => {
  for (const shell of open.splice(0)) expect(await shell.close()).toEqual([]);
});

/** The numbers that a command wrote to its output. */
const numbers = (output: unknown): number[] => String(output).trim().split(/\s+/).map(Number);

describe.each(['slots', 'spawn'] as const)('signals to a command run by %s', (method) => {
  it('INT ends a command that does not mind, and is told as a signal', async () => {
    const shell = await openOne({ method });
    const { end } = await shell.running('exec sleep 30');
    shell.executor.signal(0, 'SIGINT');
    expect(await end).toMatchObject({ outcome: 'failed', exitStatus: null, extra: { signal: 'SIGINT' } });
    expect((await shell.run('echo next')).extra?.stdout).toBe('next\n');
  });

  it('TERM reaches the whole group, a command that ignores INT included', async () => {
    const shell = await openOne({ method });
    const { end } = await shell.running('sleep 30; echo not reached', { before: "trap '' INT" });
    shell.executor.signal(0, 'SIGINT');
    shell.executor.signal(0, 'SIGTERM');
    expect(await end).toMatchObject({ exitStatus: null, extra: { signal: 'SIGTERM' } });
  });

  it('KILL ends one that ignores all else and leaves nothing of its group', async () => {
    const shell = await openOne({ method });
    const { pid, end } = await shell.running('while :; do sleep 30; done', { before: "trap '' INT TERM; sleep 30 & echo $$ $!" });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) shell.executor.signal(0, signal);
    const ended = await end;
    expect(ended).toMatchObject({ outcome: 'failed', exitStatus: null, extra: { signal: 'SIGKILL' } });
    const group = numbers(ended.extra?.stdout);
    expect(group).toHaveLength(2);
    expect(group[0]).toBe(pid);
    await until(() => !group.some(alive), 'the group is gone');
    expect((await shell.run('echo next')).extra?.stdout).toBe('next\n');
  });

  it('a background job that survives INT goes when its command has ended', async () => {
    const shell = await openOne({ method });
    const { end } = await shell.running('exec sleep 30', { before: 'sleep 30 & echo $!' });
    shell.executor.signal(0, 'SIGINT');
    const [job] = numbers((await end).extra?.stdout);
    await until(() => !alive(job!), 'the job is gone');
  });

  it('a command that catches the signal ends as it likes', async () => {
    const shell = await openOne({ method });
    const { end } = await shell.running('sleep 30 & wait', { before: "trap 'exit 7' INT" });
    shell.executor.signal(0, 'SIGINT');
    expect(await end).toMatchObject({ outcome: 'failed', exitStatus: 7 });
  });

  it('to an idle slot are nothing', async () => {
    const shell = await openOne({ method });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) shell.executor.signal(0, signal);
    expect((await shell.run('echo next')).extra?.stdout).toBe('next\n');
  });

  it('close() kills what runs, what it left behind, and reports nothing more', async () => {
    const shell = await openOne({ method, slots: 2 });
    const { extra } = await shell.run('sleep 30 & echo $!', {}, 1);
    const { pid } = await shell.running('while :; do sleep 30; done', { before: "trap '' INT TERM" });
    const reports = shell.ends.log.length;
    open.splice(0);
    expect(await shell.close()).toEqual([]);
    await until(() => !alive(pid) && !alive(numbers(extra?.stdout)[0]!), 'all processes are gone');
    expect(shell.ends.log).toHaveLength(reports);
  });
});

describe('slots', () => {
  it('say that they are idle only when the successor of a retired shell stands', async () => {
    const shell = await openOne({ method: 'slots', slots: 2 });
    const { end } = await shell.running('exec sleep 30', { slot: 1 });
    shell.executor.signal(1, 'SIGTERM');
    const { key } = await end;
    await until(() => shell.ends.idle(1), 'slot 1 is idle');
    expect(shell.ends.log.filter((entry) => entry.slot === 1)).toEqual([
      { slot: 1, keys: [key], idle: false },
      { slot: 1, keys: [], idle: true },
    ]);
    expect((await shell.run('echo same slot', {}, 1)).exitStatus).toBe(0);
  });

  it('with overlap take the next command before the last end is reported', async () => {
    const shell = await openOne({ method: 'slots', overlap: true });
    const first = execution('echo 1');
    shell.executor.start(0, [first]);
    await shell.ends.of(first.key);
    expect(shell.ends.log).toEqual([
      { slot: 0, keys: [], idle: true },
      { slot: 0, keys: [first.key], idle: false },
    ]);
  });

  it('run several commands one after the other when they are given at once', async () => {
    const shell = await openOne({ method: 'slots' });
    const three = [execution('echo 1'), execution('pwd', { cwd: '/nowhere' }), execution('echo 3')];
    shell.executor.start(0, three);
    await shell.ends.of(three[2]!.key);
    expect(shell.ends.log.map((entry) => [entry.keys[0], entry.idle])).toEqual([
      [three[0]!.key, false],
      [three[1]!.key, false],
      [three[2]!.key, true],
    ]);
  });

  it('whose shell is killed while idle have a new one', async () => {
    const shell = await openOne({ method: 'slots' });
    const slot = numbers((await shell.run('ps -o ppid= -p $$')).extra?.stdout)[0]!;
    process.kill(slot, 'SIGKILL');
    await until(() => !alive(slot), 'the shell is gone');
    const end = await shell.run('echo new');
    // Given back, never failed, when it was started before the death was noticed.
    if (end.notStarted) expect((await shell.run('echo new')).extra?.stdout).toBe('new\n');
    else expect(end.extra?.stdout).toBe('new\n');
  });

  it('killed by their own command report it as ended by KILL', async () => {
    const shell = await openOne({ method: 'slots' });
    expect(await shell.run('echo before; kill -9 0')).toMatchObject({ exitStatus: null, extra: { signal: 'SIGKILL', stdout: 'before\n' } });
    expect((await shell.run('echo next')).extra?.stdout).toBe('next\n');
  });

  it('give a command back as not started when its files cannot be made, and mend the folder', async () => {
    const shell = await openOne({ method: 'slots' });
    const spool = join(shell.folder, readdirSync(shell.folder)[0]!);
    rmSync(join(spool, 'commands'), { recursive: true });
    const end = await shell.run(`touch ${shell.folder}/ran`);
    expect(end.notStarted).toMatchObject({ code: 'ERR_SPAWN' });
    expect(existsSync(join(shell.folder, 'ran'))).toBe(false);
    expect((await shell.run('echo again')).extra?.stdout).toBe('again\n');
  });

  it('are given up for a process for each command when the self-test fails', async () => {
    const shell = await openOne({ shell: '/bin/false', method: 'auto' });
    expect(shell.executor.method).toBe('spawn');
  });

  it('are refused with ERR_SPAWN where they are demanded and cannot be', async () => {
    await expect(openShell({ shell: '/bin/false', method: 'slots' })).rejects.toMatchObject({ code: 'ERR_SPAWN' });
    await expect(openShell({ spoolFolder: '/no/such/folder' })).rejects.toMatchObject({ code: 'ERR_SPAWN' });
  });
});

describe('output', () => {
  it('waits in a folder that only its user may read', async () => {
    const shell = await openOne();
    const spool = join(shell.folder, readdirSync(shell.folder)[0]!);
    expect(statSync(spool).mode & 0o777).toBe(0o700);
    await shell.run('echo x', { input: 'y' });
    expect(readdirSync(join(spool, 'commands'))).toEqual([]);
  });

  it('cut at captureLimit is never cut inside a character', async () => {
    const shell = await openOne({ captureLimit: 5 });
    expect((await shell.run("printf 'aéé\u{1F600}'")).extra).toMatchObject({ stdout: 'aéé', truncated: true });
    expect((await shell.run("printf 'abé\u{1F600}'")).extra).toMatchObject({ stdout: 'abé', truncated: true });
    expect((await shell.run("printf 'abcdé'")).extra).toMatchObject({ stdout: 'abcd', truncated: true });
    expect((await shell.run("printf 'abcde'")).extra).toEqual({ stdout: 'abcde' });
  });

  it('with capture files stays in files that outlive the executor', async () => {
    const shell = await openShell({ capture: 'files' });
    const end = await shell.run('echo out; echo err >&2', { id: 'an-id', attempt: 3 });
    expect(end.extra?.stdout).toBeUndefined();
    await shell.executor.close();
    expect(end.extra?.stdoutPath).toMatch(/results\/an-id\.3\.out$/);
    expect(readFileSync(end.extra!.stdoutPath!, 'utf8')).toBe('out\n');
    expect(readFileSync(end.extra!.stderrPath!, 'utf8')).toBe('err\n');
    expect((await shell.close()).filter((path) => path.includes('commands'))).toEqual([]);
  });

  it('with capture none goes nowhere', async () => {
    const shell = await openOne({ capture: 'none' });
    expect((await shell.run('echo out; kill -9 $$')).extra).toEqual({ signal: 'SIGKILL' });
    expect((await shell.run('echo out')).extra).toBeNull();
  });

  it('with capture inherit comes task by task, each on a line of its own', async () => {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
    const shell = await openOne({ capture: 'inherit', slots: 2, streams });
    // The first to begin is the last to end, however slow the machine is.
    const mark = join(shell.folder, 'go-on');
    const first = shell.run(`printf 1; until test -e ${mark}; do sleep 0.01; done; rm ${mark}; printf 1`, {}, 0);
    await shell.run('printf "2\\n"; echo 2; echo e >&2', {}, 1);
    writeFileSync(mark, '');
    await first;
    await shell.run('echo 3');
    open.splice(0);
    await shell.close();
    expect(streams.stdout.read().toString()).toBe('2\n2\n11\n3\n');
    expect(streams.stderr.read().toString()).toBe('e\n');
  });

  it('beyond outputLimit ends its command with ERR_OUTPUT_LIMIT', async () => {
    const shell = await openOne({ outputLimit: 1_000_000, captureLimit: 10 });
    const end = await shell.run('head -c 2000000 /dev/zero; exec sleep 30');
    expect(end).toMatchObject({ outcome: 'failed', extra: { signal: 'SIGKILL', truncated: true, error: { code: 'ERR_OUTPUT_LIMIT' } } });
    expect((await shell.run('echo next')).exitStatus).toBe(0);
  });
});
