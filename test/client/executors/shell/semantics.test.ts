import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionEnd } from '../../../../src/client/executor.ts';
import { environment, openShell, type ShellUnderTest } from '../harness.ts';

interface Expected {
  status?: number | null;
  signal?: string;
  stdout?: string | Uint8Array | RegExp;
  stderr?: RegExp;
}

/** Every line must do in a slot what it does in a shell of its own, which is asked beside. */
const table: [name: string, command: string, expected: Expected][] = [
  ['a builtin', 'true', {}],
  ['several builtins', 'echo \'a  b\' "c"; test x = y || echo d && false', { status: 1, stdout: 'a  b c\nd\n' }],
  ['a builtin that complains', 'test 1 -eq x', { status: 2, stderr: /sh: 1: test: |test: x/ }],
  ['a builtin that complains and others after it', '[ a = b || echo c', { stdout: 'c\n', stderr: /\[: missing/ }],
  ['an external command', '/bin/echo a b', { stdout: 'a b\n' }],
  ['nothing at all', '', {}],
  ['a status', 'exit 3', { status: 3 }],
  ['status 137 is no signal', 'exit 137', { status: 137 }],
  ['status 130 is no signal', 'exit 130', { status: 130 }],
  ['KILL of itself is a signal, not a status', 'kill -9 $$', { status: null, signal: 'SIGKILL' }],
  ['TERM of itself', 'kill -TERM $$', { status: null, signal: 'SIGTERM' }],
  ['a segmentation fault', 'kill -SEGV $$', { status: null, signal: 'SIGSEGV' }],
  ['a number that looks like a date', 'echo 20240101', { stdout: '20240101\n' }],
  ['a number with an exponent', 'echo 1e5 null', { stdout: '1e5 null\n' }],
  ['quotes of both kinds', `echo "it's" 'say "hi"'`, { stdout: `it's say "hi"\n` }],
  ['a hash inside quotes', `echo "a # b"; echo c # d`, { stdout: 'a # b\nc\n' }],
  ['awk fields', `echo 'one two' | awk '{print $2}'`, { stdout: 'two\n' }],
  ['a variable in braces', `echo \${HOME}`, { stdout: '/tmp\n' }],
  ['a backslash', `printf '%s\\n' 'a\\b\\n'`, { stdout: 'a\\b\\n\n' }],
  ['a dollar and a back-quote', "printf '%s' '$HOME `x`'; echo `echo y`", { stdout: '$HOME `x`y\n' }],
  ['many lines', 'for i in 1 2\ndo\n  echo $i\ndone', { stdout: '1\n2\n' }],
  ['a here-document', 'cat <<END\nhome $HOME\nEND\necho after', { stdout: 'home /tmp\nafter\n' }],
  ['a here-document without an end', 'cat <<END\nopen', { stdout: 'open' }],
  ['a syntax error', 'fi', { status: 2, stderr: /syntax error/i }],
  ['an open quote', "echo 'x", { status: 2, stderr: /unterminated|syntax/i }],
  ['an open parenthesis', 'echo (', { status: 2 }],
  ['a lonely closing parenthesis', ') ; echo pwned', { status: 2 }],
  ['exec', 'exec echo executed', { stdout: 'executed\n' }],
  ['exec of closed streams', 'exec >&- 2>&-; echo lost', { status: 1 }],
  ['set -e', 'set -e; false; echo no', { status: 1, stdout: '' }],
  ['set -u', 'set -u; echo $nothing', { status: 2 }],
  ['a positional parameter', 'set -- a b; echo $# $2', { stdout: '2 b\n' }],
  ['the process number is its own', 'test "$$" = "$(ps -o ppid= -p $(sh -c \'echo $PPID\') | tr -d " ")" || kill -0 $$', {}],
  ['a trap at the end', "trap 'echo bye' EXIT; echo hi", { stdout: 'hi\nbye\n' }],
  ['a trap that catches', "trap 'echo caught; exit 5' TERM; kill -TERM $$; sleep 1", { status: 5, stdout: 'caught\n' }],
  ['no traps are inherited', 'trap', { stdout: '' }],
  ['an unset variable that ends the shell', `echo \${nope?gone}`, { status: 2, stderr: /gone/ }],
  ['wait for a background job', '(exit 4) & wait $!', { status: 4 }],
  ['a command that does not exist', 'no_such_command_x a b', { status: 127, stderr: /not found/ }],
  ['a file that cannot be executed', '/etc/passwd', { status: 126 }],
  ['no final newline', 'printf abc', { stdout: 'abc' }],
  ['emoji', "echo '\u{1F600} é'", { stdout: '\u{1F600} é\n' }],
  ['a NUL in the output', "printf 'a\\000b'", { stdout: Uint8Array.of(97, 0, 98) }],
  ['bytes that are no UTF-8', "printf '\\377\\376'", { stdout: Uint8Array.of(255, 254) }],
  ['both streams', 'echo out; echo err >&2', { stdout: 'out\n', stderr: /^err\n$/ }],
  ['an empty standard input', 'cat; echo end', { stdout: 'end\n' }],
  ['a dash as the first character', '-x', { status: 127 }],
  ['a plus as the first character', '+x', { status: 127 }],
  ['an assignment before a command', "A=1 sh -c 'echo $A'", { stdout: '1\n' }],
  ['a pipe', 'seq 3 | tail -1', { stdout: '3\n' }],
  ['a pattern', 'cd / && echo et[c]', { stdout: 'etc\n' }],
  ['an alias', "alias hi='echo aliased'\nhi", { stdout: 'aliased\n' }],
  ['return', 'return 3', { status: 3 }],
  ['a sourced file', '. /dev/null; echo $?', { stdout: '0\n' }],
  ['the flags of the shell', 'echo "[$-]"', { stdout: '[]\n' }],
  ['the name of the shell', 'echo $0', { stdout: '/bin/sh\n' }],
  ['the line number', 'echo "[$LINENO]"', {}],
  ['forged status lines', 'echo =0 >&2; echo =0; exit 7', { status: 7, stdout: '=0\n', stderr: /^=0\n$/ }],
];

function text(value: string | Uint8Array | undefined): string {
  return (typeof value === 'string' ? Buffer.from(value) : Buffer.from(value ?? [])).toString('latin1');
}

function check(end: ExecutionEnd, expected: Expected): void {
  expect(end.notStarted).toBeUndefined();
  expect(end.exitStatus).toBe(expected.status === undefined ? 0 : expected.status);
  expect(end.extra?.signal).toBe(expected.signal);
  expect(end.outcome).toBe(end.exitStatus === 0 ? 'succeeded' : 'failed');
  if (expected.stdout instanceof RegExp) expect(text(end.extra?.stdout)).toMatch(expected.stdout);
  else if (expected.stdout instanceof Uint8Array) expect(Buffer.from(expected.stdout).equals(end.extra?.stdout as Uint8Array)).toBe(true);
  else if (expected.stdout !== undefined) expect(end.extra?.stdout ?? '').toBe(expected.stdout);
  if (expected.stderr !== undefined) expect(text(end.extra?.stderr)).toMatch(expected.stderr);
}

describe.each(['slots', 'spawn'] as const)('a command run by %s', (method) => {
  let shell: ShellUnderTest;
  beforeAll(async () => {
    shell = await openShell({ method });
  });
  afterAll(async () => {
    expect(await shell.close()).toEqual([]);
  });

  it.each(table)('does what it does in a shell of its own: %s', async (_, command, expected) => {
    const end = await shell.run(command);
    check(end, expected);
    const plain = spawnSync('/bin/sh', ['-c', /^[-+]/.test(command) ? ` ${command}` : command], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(plain.status).toBe(expected.status === undefined ? 0 : expected.status);
    expect(plain.signal ?? undefined).toBe(expected.signal);
    expect(text(end.extra?.stdout)).toBe(plain.stdout.toString('latin1'));
    // A shell counts the lines that it was given, and a slot was given those of others too.
    if (command === 'no_such_command_x a b')
      expect(text(end.extra?.stderr).replace(/: \d+: /, ': 1: ')).toBe(plain.stderr.toString('latin1'));
    // Whatever the last one did, the next one finds a slot like new.
    expect(await shell.run('echo unharmed; pwd')).toMatchObject({ exitStatus: 0, extra: { stdout: `unharmed\n${process.cwd()}\n` } });
  });

  it('sees the environment that a plain shell would, byte by byte', async () => {
    for (const env of [
      {},
      { A: 'it\'s\n"$HOME" `x` \\n \u{1F600}', B: '' },
      { IFS: ',', X: 'a,b' },
      { 'a-dash': '1', OLDPWD: '/x', PS1: 'p' },
    ]) {
      for (const command of ['env | sort', 'set -- $X; echo $#', 'set', '/usr/bin/env']) {
        const plain = spawnSync('/bin/sh', ['-c', command], { env: { ...environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
        const end = await shell.run(command, { env });
        const mask = (output: string): string => output.replaceAll(/^(PPID=|_=).*$/gm, '$1');
        expect(mask(text(end.extra?.stdout)), command).toBe(mask(plain.stdout.toString('latin1')));
      }
    }
  });

  it('sees nothing of the one before it: variables, directory, umask, limits, functions', async () => {
    await shell.run('A=1; export A; cd /; umask 0; ulimit -n 5; echo(){ :; }; PATH=/nowhere', { env: { SECRET: 'x' } });
    const end = await shell.run('echo "[$A][$SECRET]"; pwd; umask; ulimit -n; /bin/echo ok');
    const plain = spawnSync('/bin/sh', ['-c', 'echo "[$A][$SECRET]"; pwd; umask; ulimit -n; /bin/echo ok'], { env: environment });
    expect(end.extra?.stdout).toBe(plain.stdout.toString());
  });

  it('runs in its own directory, also through a link, and knows it by its real name', async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "a dir's-")));
    const link = `${folder}-link`;
    symlinkSync(folder, link);
    try {
      for (const cwd of [folder, link]) {
        expect((await shell.run('pwd; env | grep -c OLDPWD', { cwd })).extra?.stdout).toBe(`${folder}\n0\n`);
      }
    } finally {
      rmSync(link);
      rmSync(folder, { recursive: true });
    }
  });

  it('fails with ERR_CWD when its directory is missing, and the slot goes on', async () => {
    const end = await shell.run('pwd', { cwd: '/no/such/place' });
    expect(end).toMatchObject({ outcome: 'failed', exitStatus: null, extra: { error: { code: 'ERR_CWD' } } });
    expect((await shell.run('echo on')).extra?.stdout).toBe('on\n');
  });

  it('is refused with ERR_TASK when it holds what no shell can be given', async () => {
    for (const end of [
      await shell.run('echo \0'),
      await shell.run('env', { env: { 'a=b': '' } }),
      await shell.run('env', { env: { A: '\0' } }),
    ]) {
      expect(end).toMatchObject({ outcome: 'failed', extra: { error: { code: 'ERR_TASK' } } });
    }
  });

  it('reads its standard input, text or bytes of any length', async () => {
    expect((await shell.run('cat', { input: 'one\ntwo' })).extra?.stdout).toBe('one\ntwo');
    expect((await shell.run('wc -c', { input: new Uint8Array(3_000_000) })).extra?.stdout).toBe('3000000\n');
    expect((await shell.run('cat')).extra).toBeNull();
  });

  it('may be longer than an argument of a process', async () => {
    const long = 'x'.repeat(500_000);
    expect((await shell.run(`echo ${long} | wc -c`)).extra?.stdout).toBe('500001\n');
    const own = await shell.run(`: $$; trap 'echo bye' EXIT; echo ${long} | wc -c`);
    expect(own.extra?.stdout).toBe('500001\nbye\n');
  });

  it('that leaves a child with open streams behind ends at once, and the child writes into no other task', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'late-'));
    const [go, gone] = [`${folder}/go`, `${folder}/gone`];
    // Were it waited for, nothing would tell it to go on.
    const left = `(until [ -e ${go} ]; do sleep 0.01; done; echo LATE; : >${gone}) &`;
    expect((await shell.run(`${left} echo first; exit 3`)).exitStatus).toBe(3);
    expect((await shell.run(`: >${go}; until [ -e ${gone} ]; do sleep 0.01; done; echo second`)).extra?.stdout).toBe('second\n');
    rmSync(folder, { recursive: true });
  });

  it('that writes more than captureLimit leaves the whole in a file that its result names', async () => {
    const end = await shell.run("head -c 10000000 /dev/zero | tr '\\0' a; echo short >&2");
    expect(end).toMatchObject({ outcome: 'succeeded', extra: { truncated: true, stderr: 'short\n' } });
    expect(end.extra?.stdout).toHaveLength(1024 * 1024);
    expect(end.extra?.stderrPath).toBeUndefined();
    expect((await shell.run(`wc -c <${end.extra?.stdoutPath}`)).extra?.stdout).toBe('10000000\n');
  });

  it('keeps its time: start by the wall clock, duration by the monotonic one', async () => {
    const [before, from] = [Date.now(), performance.now()];
    const end = await shell.run('sleep 0.1');
    expect(end.startedAt).toBeGreaterThanOrEqual(before - 1);
    expect(end.durationMs).toBeGreaterThan(95);
    expect(end.durationMs).toBeLessThanOrEqual(performance.now() - from);
  });
});
