import { describe, expect, it } from 'vitest';
import { type LineParts, methodOf, needsScript, quote, refusal, slotLine } from '../../../../src/client/executors/shell/command-line.ts';

const parts = (command: string, more: Partial<LineParts> = {}): LineParts => ({
  command,
  env: {},
  cwd: null,
  input: '/dev/null',
  output: '/o',
  errors: '/e',
  script: null,
  piped: false,
  ...more,
});
const line = (command: string, more: Partial<LineParts> = {}, old?: string): string => slotLine(parts(command, more), '/bin/sh', old);
const files = ' </dev/null >/o 2>/e;echo =$?\n'.replaceAll(/([<>])(\/\S+?)(?=[ ;])/g, "$1'$2'");

describe('how a command is run in a slot', () => {
  it.each(['/bin/true', 'ls -l /tmp', 'python3 x.py --set a=b', 'tar czf a.tgz b@c'])(
    'a plain external command replaces its subshell: %s',
    (command) => {
      expect(methodOf(command)).toBe('direct');
    },
  );

  it.each([
    'true',
    ':',
    'echo',
    'echo a.b=c /x -n %,@+',
    `echo 'a $b; c' "d & e"f`,
    'test -f x && :',
    '[ ! -e x ] || echo no;false',
    'test a != b&&echo c',
    ' true ; true ',
  ])('builtins that leave no trace run in the slot itself: %s', (command) => {
    expect(methodOf(command)).toBe('inside');
  });

  it.each([
    'true > x',
    'true &',
    'true | true',
    'true;',
    'true\ntrue',
    'true\\',
    'echo ~',
    'echo {a,b}',
    'echo [ab]',
    'echo a*',
    'echo "$x"',
    'echo "`x`"',
    'echo #',
    "echo 'open",
    'echo é',
    'A=1 true',
    'true=1',
    'truely',
    '! true',
    '(true)',
    'exit 1',
    'echo a && exit 1',
    'printf %1000000000d 1',
    'test -e /proc/self/fd/10',
    'test -t 1 </dev/tty',
    '[ -e /dev/fd/10 ]',
    `echo ${'x'.repeat(1_000)}`,
  ])('what could change the slot, see it, last, or be expanded does not: %j', (command) => {
    expect(methodOf(command)).not.toBe('inside');
  });

  it.each(['cd /tmp', 'A=1 env', 'echo $HOME', 'ls *', 'a | b', 'a; b', 'ls\nls', 'printf x', '~/x', '-x', '# x', 'exit 3', ''])(
    'what a shell must read stays in the subshell: %j',
    (command) => {
      expect(methodOf(command)).toBe('eval');
    },
  );

  it.each([
    'echo $$',
    'sleep 1 & echo $!',
    'set -e; ls',
    'trap x EXIT',
    'wait',
    'eval ls',
    '. ./file',
    'kill $PID',
    'echo $PPID',
    'return 3',
    'echo $LINENO',
  ])('what could tell a subshell from a shell gets its own: %s', (command) => {
    expect(methodOf(command)).toBe('own');
  });
});

describe('a line for a slot', () => {
  it('holds the command, its files and the request for its status', () => {
    expect(line('/bin/true')).toBe(`(/bin/true)${files}`);
    expect(line('echo a;b')).toBe(`(eval 'echo a;b')${files}`);
    expect(line('echo $$')).toBe(`(exec /bin/sh -c 'echo $$')${files}`);
    expect(line('echo $$', { script: '/c' })).toBe(`(exec /bin/sh '/c')${files}`);
  });

  it('exports additions of the environment inside of the subshell only', () => {
    expect(line('/bin/true', { env: { A: "it's", B: '' } })).toBe(`(export A='it'\\''s' B='';/bin/true)${files}`);
  });

  it('runs builtins without a process, and not where a directory, a variable or the reader of a pipe would count', () => {
    const env = { TASK_ID: '1' };
    expect(line("echo 'a;b'", { env })).toBe(`{ eval 'echo '\\''a;b'\\''';}${files}`);
    expect(line('true', { env, cwd: '/' })).toBe(`(export TASK_ID='1';cd -P '/'&&unset OLDPWD&&eval 'true')${files}`);
    expect(line('true', { piped: true })).toBe(`(eval 'true')${files}`);
    expect(line('true', { env: { LC_ALL: 'C' } })).toBe(`(export LC_ALL='C';eval 'true')${files}`);
  });

  it('leaves names that a shell cannot or must not export to env', () => {
    for (const name of ['a-dash', 'IFS', 'PWD', 'UID', '1x', 'a.b']) {
      expect(line('/bin/true', { env: { [name]: 'v' } }), name).toBe(`(exec /usr/bin/env -- '${name}=v' /bin/sh -c '/bin/true')${files}`);
    }
  });

  it('changes the directory without a trace in OLDPWD', () => {
    expect(line('/bin/pwd', { cwd: "/a'b" })).toBe(`(cd -P '/a'\\''b'&&unset OLDPWD&&/bin/pwd)${files}`);
    expect(line('/bin/pwd', { cwd: '/a' }, '/old')).toBe(`(cd -P '/a'&&OLDPWD='/old'&&/bin/pwd)${files}`);
  });

  it('lets no first character become an option', () => {
    expect(line('-x')).toBe(`(eval ' -x')${files}`);
    expect(line('+x $$')).toBe(`(exec /bin/sh -c ' +x $$')${files}`);
  });

  it('cannot be left by any quote', () => {
    expect(quote(`a'b''c`)).toBe(`'a'\\''b'\\'''\\''c'`);
  });
});

describe('a command that does not fit', () => {
  it('goes through a file only when it is too long for an argument and needs its own shell', () => {
    const long = 'x'.repeat(130_000);
    expect(needsScript(`echo ${long}`, {})).toBe(false);
    expect(needsScript(`echo $$ ${long}`, {})).toBe(true);
    expect(needsScript(`echo ${long}`, { IFS: ',' })).toBe(true);
    expect(needsScript(`echo $$ ${'é'.repeat(65_000)}`, {})).toBe(true);
    expect(needsScript('echo $$', {})).toBe(false);
  });

  it('or holds what no shell can be given is refused by name', () => {
    expect(refusal('ls', { A: '1' })).toBeNull();
    expect(refusal('a\0b', {})).toMatchObject({ code: 'ERR_TASK' });
    expect(refusal('ls', { 'A=B': '' })?.message).toContain('"A=B"');
    expect(refusal('ls', { '': '' })).toMatchObject({ code: 'ERR_TASK' });
    expect(refusal('ls', { A: '\0' })?.message).toContain('A cannot');
  });
});
