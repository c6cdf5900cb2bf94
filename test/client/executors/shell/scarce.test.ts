/** A system that gives no process for a while: commands are delayed, none is lost, and none runs twice. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { execution, openShell, type ShellUnderTest, until } from '../harness.ts';

let folder: string;
let open: ShellUnderTest | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scarce-test-'));
});
afterEach(async () => {
  expect(await open?.close()).toEqual([]);
  open = null;
  rmSync(folder, { recursive: true, force: true });
});

/** A shell that can be taken away: what is spawned then fails as it does without processes or files to be had. */
async function openWithShell(method: 'slots' | 'spawn'): Promise<{ shell: ShellUnderTest; take(): void; give(): void }> {
  const path = join(folder, 'sh');
  const give = (): void => symlinkSync('/bin/sh', path);
  give();
  open = await openShell({ method, shell: path });
  return { shell: open, take: () => rmSync(path), give };
}

it('a slot whose shell cannot be replaced at once keeps its command until it can, and runs it once', async () => {
  const { shell, take, give } = await openWithShell('slots');
  const ran = join(folder, 'ran');
  const stopped = execution(`: > ${ran}; exec sleep 30`);
  shell.executor.start(0, [stopped]);
  await until(() => existsSync(ran), 'the first command runs');
  take();
  // Whatever is signalled takes the shell of its slot along.
  shell.executor.signal(0, 'SIGKILL');
  expect(await shell.ends.of(stopped.key)).toMatchObject({ outcome: 'failed', extra: { signal: 'SIGKILL' } });
  let ended = false;
  const end = shell.run(`echo once >> ${ran}; echo late`).finally(() => {
    ended = true;
  });
  const began = performance.now();
  await until(() => performance.now() - began > 400, 'some attempts to start a shell');
  expect(ended).toBe(false);
  give();
  expect(await end).toMatchObject({ outcome: 'succeeded', exitStatus: 0, extra: { stdout: 'late\n' } });
  expect(readFileSync(ran, 'utf8')).toBe('once\n');
});

it('a command that gets no process of its own is said not to have begun, and begins when there is one', async () => {
  const { shell, take, give } = await openWithShell('spawn');
  const ran = join(folder, 'ran');
  const command = `echo once >> ${ran}; echo late`;
  take();
  for (let times = 0; times < 3; times++) expect((await shell.run(command)).notStarted?.code).toBe('ERR_SPAWN');
  give();
  expect(await shell.run(command)).toMatchObject({ outcome: 'succeeded', extra: { stdout: 'late\n' } });
  expect(readFileSync(ran, 'utf8')).toBe('once\n');
});
