/** What the benchmarks take on their command line, and what they leave behind. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { questions, undivided } from '../../benchmarks/questions.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const folder = new URL('../../benchmarks/', import.meta.url);

function told(program: string, ...words: string[]): { status: number | null; out: string; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL(program, folder)), ...words], { encoding: 'utf8' });
  return { status, out: stdout, said: stderr };
}

it.each([
  [['shel'], "there is no benchmark 'shel'. Did you mean 'shell'?"],
  [['latency', '--quik'], "there is no option '--quik'. Did you mean '--quick'?"],
  [['latency', '--quick=1'], "there is no option '--quick=1'"],
  [['shell', '--only='], '--only= needs a value'],
  [['latency', '--only=x'], 'latency has no cases: leave out --only'],
  [['latency', '--quick', '--write'], 'leave out --quick, or --write'],
  [[], 'npm run bench -- <name>'],
])('bench refuses %j before it runs anything', (words, said) => {
  const answer = told('run.mjs', ...words);
  expect(answer).toMatchObject({ status: 2, out: '' });
  expect(answer.said).toContain(said);
});

it('bench lists what there is when it is asked', () => {
  const { status, out, said } = told('run.mjs', '--help');
  expect([status, said]).toEqual([0, '']);
  for (const name of Object.keys(questions)) expect(out).toContain(`  ${name} `);
});

it.each([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a benchmark that is ended by %s leaves no process and no file', { timeout: 60_000 }, async (signal, status) => {
  const temporary = temporaryFolder();
  const child = spawn(process.execPath, [fileURLToPath(new URL('run.mjs', folder)), 'latency', '--quick'], {
    stdio: 'ignore',
    env: { PATH: '/nowhere', TMPDIR: temporary },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  // Its own folder, and in it that of its database.
  await until(() => readdirSync(temporary).some((name) => readdirSync(join(temporary, name)).length > 0), 'the benchmark to have begun');
  child.kill(signal);
  expect(await ended).toEqual([status, null]);
  expect(readdirSync(temporary)).toEqual([]);
});

it.each([
  [['--selftest'], "Did you mean '--self-test'?"],
  [['functions'], "'functions' is no option"],
  [['--only=nothing'], "there is no case 'nothing': there are "],
])('the guard refuses %j', (words, said) => {
  const answer = told('guard.mjs', ...words);
  expect(answer).toMatchObject({ status: 2, out: '' });
  expect(answer.said).toContain(said);
});

it('those that have no cases are those that choose none', () => {
  for (const name of Object.keys(questions))
    expect([name, /\b(?:compare|chosen)\(/.test(readFileSync(new URL(`${name}.mjs`, folder), 'utf8'))]).toEqual([
      name,
      !undivided.has(name),
    ]);
});
