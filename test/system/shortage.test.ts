/** No file, no process, no memory to be had for a while: commands wait, and none is lost. The limit is of a process of its own, set by its shell: no root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';

vi.setConfig({ testTimeout: 90_000 });
expectNoLeaks();

const poison: URL = new URL('./fixtures/poison.mjs', import.meta.url);
const script = fileURLToPath(new URL('./fixtures/run-results.mjs', import.meta.url));

interface Told {
  readonly summary: { readonly succeeded: number; readonly failed: number; readonly lost: number; readonly submitted: number };
  readonly results: readonly { readonly args: string; readonly outcome: string; readonly stdout: string; readonly attempt: number }[];
}

/** What a run in a process of its own told that may open so many files. */
async function runWithFiles(limit: number, lines: readonly unknown[], options: object): Promise<Told> {
  const program = `ulimit -n ${limit}; exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', program, process.execPath, script, JSON.stringify({ lines, options })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  expect([code, text.slice(0, 100)]).toEqual([0, expect.stringContaining('summary')]);
  return JSON.parse(text) as Told;
}

const waitsFor = (mark: string): string => `while [ ! -e ${mark} ]; do sleep 0.05; done`;

it('while no file can be opened commands wait or go on, and each has its whole output and one end', async () => {
  if (process.platform === 'win32') return;
  const mark = join(temporaryFolder(), 'full');
  const waits = waitsFor(mark);
  // Each of these ends while there is no file left: its slot's shell is to be replaced, its output to be read.
  const lines = [
    { module: poison.href, name: 'holdFiles', args: [3_000, mark] },
    ...Array.from({ length: 30 }, (_, i) => (i % 5 === 0 ? `${waits}; echo ${i}; kill -9 $PPID; sleep 5` : `${waits}; echo ${i}`)),
  ];
  const { summary, results } = await runWithFiles(256, lines, { numTasks: 4, taskSignalwait: 0.2 });
  expect(existsSync(mark) && readFileSync(mark, 'utf8')).toBe('full\n');
  expect(summary).toMatchObject({ submitted: 31, succeeded: 25, failed: 6, lost: 0 });
  const told = results.filter(({ args }) => args.includes('echo'));
  expect(told.map(({ stdout, attempt }) => [stdout, attempt]).sort()).toEqual(Array.from({ length: 30 }, (_, i) => [`${i}\n`, 1]).sort());
});

it.each([
  ['captured', {}],
  ['redirected', { redirectOutput: 'out', redirectErrors: 'err' }],
])('output that is %s is read when a file can be opened again, though a thread takes each that is given back', async (_, redirect) => {
  if (process.platform === 'win32') return;
  const folder = temporaryFolder();
  const mark = join(folder, 'full');
  const options = Object.fromEntries(Object.entries(redirect).map(([name, file]) => [name, join(folder, file)]));
  const lines = [
    { module: poison.href, name: 'holdFiles', args: [2_000, mark, 0] },
    ...Array.from({ length: 100 }, (_, i) => `${waitsFor(mark)}; echo ${i}; echo e${i} >&2`),
  ];
  const { summary, results } = await runWithFiles(256, lines, { numTasks: 4, ...options });
  expect(summary).toMatchObject({ submitted: 101, succeeded: 101, lost: 0 });
  const told = results.filter(({ args }) => args.includes('echo'));
  const outputs = Array.from({ length: 100 }, (_, i) => `${i}\n`).sort();
  expect(told.map(({ stdout }) => stdout).sort()).toEqual(outputs);
  for (const [name, path] of Object.entries(options)) {
    const written = readFileSync(path, 'utf8')
      .replaceAll('e', '')
      .split('\n')
      .filter(Boolean)
      .map((line) => `${line}\n`);
    expect([name, written.sort()]).toEqual([name, outputs]);
  }
});
