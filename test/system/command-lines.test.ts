/** A command line reaches its shell unchanged, its output comes back byte for byte, and no command sees anything of another. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { TaskResult } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { isAlive, pidsIn, runAll } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

interface Case {
  readonly args: string;
  readonly stdout?: string | Buffer;
  readonly exitStatus?: number | null;
  readonly signal?: string;
}

const home = process.env.HOME ?? '';

const cases: readonly Case[] = [
  { args: 'echo 20240101', stdout: '20240101\n' },
  { args: 'echo 1e5', stdout: '1e5\n' },
  { args: 'echo null true 007 0x10', stdout: 'null true 007 0x10\n' },
  { args: `printf '%s|' "a b" 'c  d' e\\ f`, stdout: 'a b|c  d|e f|' },
  { args: `echo '# MILLRACE: cores:2' "# no comment"`, stdout: '# MILLRACE: cores:2 # no comment\n' },
  { args: 'echo a#b # a comment', stdout: 'a#b\n' },
  { args: `printf 'x y\\nz w\\n' | awk '{print $1}'`, stdout: 'x\nz\n' },
  { args: `printf '%s' "\${HOME}"`, stdout: home },
  { args: `printf '%s' '\${HOME} {} {{}} {0} {name}'`, stdout: `\${HOME} {} {{}} {0} {name}` },
  { args: 'for i in 1 2\ndo\n  echo "line $i"\ndone', stdout: 'line 1\nline 2\n' },
  { args: "cat <<'END'\n$HOME  `date`\n\ttab\nEND", stdout: '$HOME  `date`\n\ttab\n' },
  { args: 'cat <<END\n$((6 * 7))\nEND\necho after', stdout: '42\nafter\n' },
  { args: 'if true; then', exitStatus: 2 },
  { args: 'echo "never closed', exitStatus: 2 },
  { args: 'exit 3', exitStatus: 3 },
  { args: 'exit 255', exitStatus: 255 },
  { args: 'exit 137', exitStatus: 137 },
  { args: 'exec echo replaced; echo never', stdout: 'replaced\n' },
  { args: 'set -e; false; echo never', exitStatus: 1 },
  { args: 'no-such-command-at-all', exitStatus: 127 },
  { args: 'echo before; kill -9 $$; echo never', stdout: 'before\n', exitStatus: null, signal: 'SIGKILL' },
  { args: 'kill -TERM $$', exitStatus: null, signal: 'SIGTERM' },
  { args: '[ "$$" = "$(sh -c \'echo $PPID\')" ] && echo same', stdout: 'same\n' },
  { args: `printf '\\377\\376\\000\\001caf\\351'`, stdout: Buffer.from([255, 254, 0, 1, 99, 97, 102, 233]) },
  { args: `printf 'a\\000b\\000'`, stdout: Buffer.from('a\0b\0') },
  { args: `printf 'no final newline'`, stdout: 'no final newline' },
  { args: `printf '\\n\\n'`, stdout: '\n\n' },
  { args: 'echo "🙂 größer 日本語"', stdout: '🙂 größer 日本語\n' },
  { args: '   echo  leading   blanks', stdout: 'leading blanks\n' },
  { args: `printf '%s %s' 'back\\slash' "quote\\"d"`, stdout: 'back\\slash quote"d' },
  { args: 'echo out; echo err >&2; echo more', stdout: 'out\nmore\n' },
  { args: 'true', stdout: '' },
];

it('each kind of line comes through unchanged, with the output, status and signal that a shell gives', async () => {
  const { summary, results } = await runAll(cases.map(({ args }) => ({ args })));
  expect(summary.submitted).toBe(cases.length);
  results.forEach((result, i) => {
    const { args, stdout = '', exitStatus = 0, signal = null } = cases[i] as Case;
    expect(result.args).toBe(args);
    expect(result.command).toBe(args);
    expect({ stdout: result.stdout.toString('latin1'), exitStatus: result.exitStatus, signal: result.signal }, args).toEqual({
      stdout: Buffer.from(stdout).toString('latin1'),
      exitStatus,
      signal,
    });
    expect(result.outcome, args).toBe(exitStatus === 0 ? 'succeeded' : 'failed');
  });
});

it('standard error is apart from standard output', async () => {
  const { results } = await runAll(['echo out; echo err >&2', "printf '\\200' >&2; exit 1"]);
  expect(results.map(({ stdout, stderr }) => [stdout.toString('latin1'), stderr.toString('latin1')])).toEqual([
    ['out\n', 'err\n'],
    ['', '\x80'],
  ]);
});

it('lines of a file are the same: quotes, comments, braces and emoji', async () => {
  const path = join(temporaryFolder(), 'lines.txt');
  const lines = cases.filter(({ args }) => !args.includes('\n') && !/MILLRACE|^ /.test(args));
  writeFileSync(path, lines.map(({ args }) => args).join('\n'));
  const { results } = await runAll(path);
  expect(results.map(({ args, exitStatus }) => [args, exitStatus])).toEqual(
    lines.map(({ args, exitStatus }) => [args, exitStatus === undefined ? 0 : exitStatus]),
  );
});

it('6 MB of output come back whole where the limit allows it, and are cut and said to be cut where it does not', async () => {
  const line = `awk 'BEGIN { for (i = 0; i < 600000; i++) printf "%09d\\n", i }'`;
  const whole = await runAll([line], { captureLimit: '7MB' });
  const [result] = whole.results as [TaskResult];
  expect(result).toMatchObject({ outcome: 'succeeded', truncated: false });
  expect(result.stdout.length).toBe(6_000_000);
  expect(result.stdout.subarray(-10).toString()).toBe('000599999\n');
  expect(result.stdout.subarray(5_000_000, 5_000_010).toString()).toBe('000500000\n');

  const cut = await runAll([line]);
  const [short] = cut.results as [TaskResult];
  expect(short).toMatchObject({ outcome: 'succeeded', truncated: true });
  expect(short.stdout.length).toBeLessThanOrEqual(2 ** 20);
});

it('a command sees only its own environment, directory, shell state and leftovers', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'elsewhere'));
  // One slot: the next command runs in the same shell's child.
  const { results } = await runAll(
    [
      { args: `cd ${folder}; export LEAK=1; umask 077; alias ll=ls; f() { echo leak; }; set -f; trap 'echo trapped' EXIT; LOCAL=2` },
      { args: `pwd; echo "\${LEAK-none} \${LOCAL-none}"; f; umask; case $- in *f*) echo noglob;; esac` },
      { args: 'echo "$OWN"; pwd', env: { OWN: 'mine' }, cwd: join(folder, 'elsewhere') },
      { args: `echo "\${OWN-none}"; pwd` },
      { args: 'cat; echo "[$(cat)]"', stdin: 'for me\0only' },
      { args: 'cat' },
    ],
    { numTasks: 1 },
  );
  const texts = results.map(({ stdout }) => stdout.toString());
  expect(texts[1]).toBe(`${process.cwd()}\nnone none\n${process.umask().toString(8).padStart(4, '0')}\n`);
  expect(texts[2]).toBe(`mine\n${join(folder, 'elsewhere')}\n`);
  expect(texts[3]).toBe(`none\n${process.cwd()}\n`);
  expect(texts[4]).toBe('for me\0only[]\n');
  expect(texts[5]).toBe('');
});

it('a child in the background that outlives its command neither delays its result nor writes into the next one', async () => {
  const pids = join(temporaryFolder(), 'pids');
  const { results } = await runAll(
    [`(echo $$ > /dev/null; exec sh -c 'echo $$ >> ${pids}; sleep 0.3; echo late; exec sleep 60') & echo early`, 'sleep 0.5; echo second'],
    { numTasks: 1 },
  );
  expect(results.map(({ stdout }) => stdout.toString())).toEqual(['early\n', 'second\n']);
  // What it left in the background ends with its client.
  const [child] = pidsIn(pids) as [number];
  await until(() => !isAlive(child));
});

it('the variables of a task say what it is', async () => {
  const names = ['ID', 'ARGS', 'ATTEMPT', 'GROUP', 'SLOT', 'SLOT_COUNT', 'CLIENT_ID', 'CORES', 'TIMEOUT', 'TAG_SAMPLE', 'TAG_DRY_RUN'];
  const args = names.map((name) => `echo "$TASK_${name}"`).join('; ');
  const { results } = await runAll([{ args, cores: 1, timeout: 30, tags: { sample: '007', 'dry.run': true } }]);
  const [{ stdout, id, slot, clientId }] = results as [TaskResult];
  expect(stdout.toString().split('\n').slice(0, -1)).toEqual([id, args, '1', '0', String(slot), '2', clientId, '1', '30', '007', 'true']);
});

it('the keys of this library in the environment of the host do not reach its commands, all else does', async () => {
  vi.stubEnv('MILLRACE_AUTH', 'a key of the host');
  vi.stubEnv('ORDINARY', 'passes');
  try {
    const { results } = await runAll(['env']);
    expect(results[0]?.stdout.toString()).not.toContain('a key of the host');
    expect(results[0]?.stdout.toString()).toContain('ORDINARY=passes');
  } finally {
    vi.unstubAllEnvs();
  }
});

it('a template makes the command of each line, and the line stays what it was', async () => {
  const { results } = await runAll(['a.txt', 'b c.txt'], { template: `printf '%s' '{} {{}} $HOME'` });
  expect(results.map(({ args, command, stdout }) => [args, command, stdout.toString()])).toEqual([
    ['a.txt', `printf '%s' 'a.txt {} $HOME'`, 'a.txt {} $HOME'],
    ['b c.txt', `printf '%s' 'b c.txt {} $HOME'`, 'b c.txt {} $HOME'],
  ]);
});

it('a command may be longer than any variable of its environment, which then lacks it', async () => {
  const text = 'x'.repeat(200_000);
  const seen = `echo "\${TASK_ARGS-none}" "\${TASK_COMMAND-none}"`;
  const { results } = await runAll([
    { args: `cat <<'END'\n${text}\nEND` },
    { args: `${seen} | wc -c; cat /dev/null # ${text}` },
    { args: seen },
  ]);
  expect(results.map(({ outcome, error }) => [outcome, error])).toEqual([1, 2, 3].map(() => ['succeeded', null]));
  expect(results[0]!.stdout.toString() === `${text}\n`).toBe(true);
  expect(results[1]!.stdout.toString().trim()).toBe('10');
  expect(results[2]!.stdout.toString()).toBe(`${seen} ${seen}\n`);
});
