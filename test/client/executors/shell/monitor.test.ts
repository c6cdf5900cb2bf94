import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Logger } from '../../../../src/base/log.ts';
import { silentLogger } from '../../../../src/base/log.ts';
import { ProcTable } from '../../../../src/client/executors/shell/monitor-proc.ts';
import { openProcessTable, PsTable, parseProcesses } from '../../../../src/client/executors/shell/monitor-ps.ts';
import type { ShellExecutorOptions } from '../../../../src/client/executors/shell/options.ts';
import { openShell, type ShellUnderTest, until } from '../harness.ts';

vi.setConfig({ testTimeout: 30_000 });

const linux = process.platform === 'linux';
/** Works for half a second of CPU time at least, however busy the machine is. */
const work = 'n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done';
const hold = '(head -c 40000000 /dev/zero; sleep 0.4) | tail >/dev/null';

/** What a machine without `/proc` has: `ps`, which every system has. */
const tables = linux ? (['/proc', 'ps'] as const) : (['ps'] as const);

/** As a machine finds its table when it is not one with `/proc`. */
function withTable(table: (typeof tables)[number]): void {
  const { platform } = process;
  if (table === '/proc' || !linux) return;
  Object.defineProperty(process, 'platform', { value: 'freebsd' });
  onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
}

/** Runs the words that follow in a process group of their own; also where there is no `setsid`. */
const apart = `perl -e 'setpgrp(0, 0); exec @ARGV' sh -c`;

async function watched(options: Partial<ShellExecutorOptions> = {}): Promise<ShellUnderTest> {
  const shell = await openShell({ monitor: { interval: 50, series: true }, ...options });
  onTestFinished(async () => {
    await shell.executor.close();
    rmSync(shell.folder, { recursive: true, force: true });
  });
  return shell;
}

it('tells the most cores and memory that a command used, and has the series in a file', async () => {
  const shell = await watched();
  const { extra } = await shell.run(`${work}; ${work}`);
  // How much it got is the machine's to say.
  expect(extra?.peakCores).toBeGreaterThan(0.1);
  expect(extra?.peakCores).toBeLessThan(1.3);
  expect(extra?.peakMemory).toBeGreaterThan(100_000);
  const path = extra?.monitorPath ?? '';
  const [head, ...rows] = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(head).toBe('time,cores,memory');
  const numbers = rows.map((row) => row.split(',').map(Number) as [time: number, cores: number, memory: number]);
  expect(numbers.length).toBeGreaterThan(1);
  expect(Math.max(...numbers.map(([, cores]) => cores))).toBe(extra?.peakCores);
  expect(Math.max(...numbers.map(([, , memory]) => memory))).toBeLessThanOrEqual(extra?.peakMemory ?? 0);
  expect(numbers.map(([time]) => time)).toEqual(numbers.map(([time]) => time).toSorted((a, b) => a - b));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect((await shell.close()).some((left) => left.endsWith('.csv'))).toBe(true);
});

it.each(['slots', 'spawn'] as const)('counts the memory of all processes of a command (%s)', async (method) => {
  const shell = await watched({ method });
  const { extra } = await shell.run(hold);
  expect(extra?.peakMemory).toBeGreaterThan(35_000_000);
  expect(extra?.peakMemory).toBeLessThan(150_000_000);
  // The next command has its own peaks.
  expect((await shell.run('sleep 0.4')).extra?.peakMemory).toBeLessThan(20_000_000);
});

it.each(tables)('counts who left the group of its command, also when its parent is gone (%s)', async (table) => {
  withTable(table);
  const shell = await watched();
  const { extra } = await shell.run(`${apart} '${hold}' & sleep 0.7`);
  expect(extra?.peakMemory).toBeGreaterThan(35_000_000);
  const orphaned = await shell.run(`(${apart} 'sleep 0.3; ${hold}' & sleep 0.25) ; sleep 0.9`);
  expect(orphaned.extra?.peakMemory).toBeGreaterThan(35_000_000);
});

it.each(tables)('does not count what an earlier command left running (%s)', async (table) => {
  withTable(table);
  const shell = await watched();
  // `ps` tells ages in seconds.
  await shell.run(`{ (head -c 40000000 /dev/zero; sleep 9) | tail >/dev/null; } & sleep ${table === 'ps' ? 2.1 : 0.5}`);
  expect((await shell.run('sleep 0.5')).extra?.peakMemory).toBeLessThan(20_000_000);
});

it.each(tables)('counts the time of children that have ended where the system tells it (%s)', async (table) => {
  withTable(table);
  const looks = vi.spyOn(table === '/proc' ? ProcTable.prototype : PsTable.prototype, 'read');
  onTestFinished(() => looks.mockRestore());
  const shell = await watched({ monitor: { interval: 400, series: true } });
  const short = 'n=0; while [ $n -lt 4000 ]; do n=$((n+1)); done';
  const seen = join(shell.folder, 'seen');
  const ran = shell.run(`until [ -e '${seen}' ]; do sh -c '${short}'; done; times`);
  // However quick the machine is, it has been looked at while it ran.
  await until(() => looks.mock.settledResults.filter(({ type }) => type === 'fulfilled').length > 2, 'two looks');
  writeFileSync(seen, '');
  const { extra, durationMs } = await ran;
  // What the shell itself says that all of them used; how much they got a second is the machine's to say.
  const used = [...String(extra?.stdout).matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
  expect(used).toBeGreaterThan(0.1);
  const cores = (used / durationMs) * 1_000;
  if (table === '/proc') expect(extra?.peakCores).toBeGreaterThan(cores * 0.5);
  else expect(extra?.peakCores).toBeLessThan(cores * 0.5);
});

it('a command that nobody looked at has no peaks, and nobody looks while the monitor is off', async () => {
  const shell = await watched({ monitor: { interval: 60_000, series: true } });
  expect((await shell.run('true')).extra).toBeNull();
  const off = await watched({ monitor: null });
  expect((await off.run('sleep 0.3')).extra).toBeNull();
});

it('keeps no series that nobody wants, and leaves nothing', async () => {
  const shell = await watched({ monitor: { interval: 50, series: false } });
  const { extra } = await shell.run('sleep 0.4');
  expect(extra).toMatchObject({ peakMemory: expect.any(Number) });
  expect(extra).not.toHaveProperty('monitorPath');
  expect(await shell.close()).toEqual([]);
});

it('leaves no empty folder where no series was written', async () => {
  const shell = await watched();
  await shell.run('true');
  expect(await shell.close()).toEqual([]);
});

it('warns once when a command uses more than its task asked for', async () => {
  const warnings: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (facts: unknown) => void warnings.push(facts) };
  const shell = await watched({ logger });
  await shell.run(hold, { asked: { memory: 10_000_000, cores: 8 } });
  expect(warnings).toEqual([expect.objectContaining({ asked: 10_000_000, used: expect.any(Number) })]);
  await shell.run(hold, { asked: { memory: 1_000_000_000 } });
  expect(warnings).toHaveLength(1);
});

it.each(tables)('the table that a machine has (%s) tells of this process what ps does', async (name) => {
  withTable(name);
  const table = await openProcessTable();
  expect(table).toBeInstanceOf(name === '/proc' ? ProcTable : PsTable);
  const mine = (await new PsTable().read()).find(({ pid }) => pid === process.pid);
  const same = (await table.read()).find(({ pid }) => pid === process.pid);
  expect(mine).toMatchObject({ parent: same?.parent, group: same?.group });
  expect(Math.abs((mine?.memory ?? 0) / (same?.memory ?? 1) - 1)).toBeLessThan(0.3);
  expect(Math.abs((mine?.age ?? 0) - (same?.age ?? 0))).toBeLessThan(3_000);
  expect(Math.abs((mine?.own ?? 0) - (same?.own ?? 0))).toBeLessThan(2_500);
});

it('reads the lines of ps of every system', () => {
  const text = '    1     0     1   1024 00:00:01 1-02:03:04\n  501   1   501 20480   1:02.50      05:06\n\n';
  expect(parseProcesses(text)).toEqual([
    { pid: 1, parent: 0, group: 1, memory: 1_048_576, own: 1_000, waited: 0, age: 93_784_000 },
    { pid: 501, parent: 1, group: 501, memory: 20_971_520, own: 62_500, waited: 0, age: 306_000 },
  ]);
});

it('goes on without peaks when processes cannot be looked at for a while', async () => {
  const warnings: unknown[] = [];
  const read = vi.spyOn(ProcTable.prototype, 'read');
  onTestFinished(() => read.mockRestore());
  const shell = await watched({ logger: { ...silentLogger, warn: (facts: unknown) => void warnings.push(facts) } });
  read.mockImplementation(() => {
    throw new Error('too many open files');
  });
  const end = shell.run('sleep 0.4');
  await until(() => read.mock.calls.length > 3, 'it is tried again');
  expect((await end).outcome).toBe('succeeded');
  expect(warnings).toHaveLength(1);
});
