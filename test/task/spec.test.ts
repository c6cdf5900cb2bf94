import { describe, expect, it } from 'vitest';
import { rejectedTask, splitFunctionName, toWireTask } from '../../src/task/spec.ts';
import type { TaskInput } from '../../src/task/task.ts';
import { Template } from '../../src/task/template.ts';
import { decodeValue } from '../../src/task/value.ts';

function failing(code: string): unknown {
  return expect.objectContaining({ code });
}

describe('a command line', () => {
  it.each([
    '20240101',
    '1e5',
    'null',
    `awk '{print $1}' \${HOME}`,
    'echo "a#b"',
    "cat <<E\nit's\nE\n",
    'a \n b',
    '  echo é 😀  ',
    "printf 'x",
  ])('comes through unchanged: %j', (line) => {
    expect(toWireTask(line)).toEqual([0, line, null, null]);
    expect(toWireTask({ args: line })).toEqual([0, line, null, null]);
  });

  it('says what its directive says, over the defaults, tags joined', () => {
    const defaults = { group: 1, cores: 4, tags: { a: 'default', b: 'default' } };
    expect(toWireTask('ls # MILLRACE: cores:2 a:own', defaults)).toEqual([
      0,
      'ls',
      null,
      { group: 1, cores: 2, tags: { a: 'own', b: 'default' } },
    ]);
    expect(defaults.tags).toEqual({ a: 'default', b: 'default' });
    expect(toWireTask('ls', defaults)[3]).toBe(defaults);
  });

  it('of an object keeps what looks like a directive', () => {
    expect(toWireTask({ args: 'ls # MILLRACE: cores:2' })).toEqual([0, 'ls # MILLRACE: cores:2', null, null]);
  });

  it('goes through the template, which sees its tags', () => {
    const template = new Template('gzip {} > {site}.gz');
    expect(toWireTask('a.dat # MILLRACE: site:north', null, template)[1]).toBe('gzip a.dat > north.gz');
    expect(toWireTask({ args: 'a.dat', tags: { site: 'south' } }, null, template)[1]).toBe('gzip a.dat > south.gz');
  });

  it.each(['', '   ', '# MILLRACE: cores:2', '\u00a0'])('must not be empty: %j', (line) => {
    expect(() => toWireTask(line)).toThrow(failing('ERR_TASK'));
  });

  it('must not contain half of a surrogate pair', () => {
    for (const line of ['echo \ud800', '\udc00 echo', 'echo \udc00\ud800'])
      expect(() => toWireTask({ args: line })).toThrow(
        expect.objectContaining({ code: 'ERR_TASK', message: expect.stringContaining('well-formed') }),
      );
    expect(toWireTask('echo 🙂')[1]).toBe('echo 🙂');
  });

  it('must not contain a NUL', () => {
    expect(() => toWireTask('echo a\0b')).toThrow(/NUL/);
  });
});

describe('the options of a task', () => {
  it('become milliseconds, bytes and epoch times', () => {
    const task: TaskInput = {
      args: 'ls',
      id: '0190A0B0-0000-7000-8000-000000000001',
      key: 'k',
      group: 2,
      priority: -1,
      cores: 1.5,
      memory: '2GB',
      resources: { gpu: 1 },
      timeout: '1.5m',
      tags: { n: 7 },
      startAfter: new Date(1_700_000_000_000),
      maxRetries: 3,
      backoff: { delay: '2s', max: '1m', jitter: 0.5 },
      env: { MODE: 'fast' },
      cwd: '/tmp',
      stdin: 'in',
    };
    expect(toWireTask(task)).toEqual([
      0,
      'ls',
      'in',
      {
        id: '0190a0b0-0000-7000-8000-000000000001',
        key: 'k',
        group: 2,
        priority: -1,
        cores: 1.5,
        memory: 2 * 1024 ** 3,
        resources: { gpu: 1 },
        timeout: 90_000,
        tags: { n: 7 },
        startAfter: 1_700_000_000_000,
        maxRetries: 3,
        backoff: { delay: 2_000, factor: 2, max: 60_000, jitter: 0.5 },
        env: { MODE: 'fast' },
        cwd: '/tmp',
      },
    ]);
    expect(toWireTask({ args: 'ls', startAfter: '5s', backoff: 1 })[3]).toEqual({
      startDelay: 5_000,
      backoff: { delay: 1_000, factor: 2, max: 300_000, jitter: 0 },
    });
  });

  it('that are undefined are not set', () => {
    expect(toWireTask({ args: 'ls', group: undefined, tags: undefined } as unknown as TaskInput)).toEqual([0, 'ls', null, null]);
  });

  it('replace the default start by time or by delay', () => {
    expect(toWireTask({ args: 'ls', startAfter: 1 }, { startAfter: 5 })[3]).toEqual({ startDelay: 1_000 });
    expect(toWireTask({ args: 'ls', startAfter: new Date(7) }, { startDelay: 5 })[3]).toEqual({ startAfter: 7 });
  });

  it.each([
    ['timeOut', 'timeout'],
    ['max_retries', 'maxRetries'],
    ['stdIn', 'stdin'],
    ['arg', 'args'],
  ])('are known by name: %s gets the hint %s', (wrong, right) => {
    expect(() => toWireTask({ args: 'ls', [wrong]: 1 } as unknown as TaskInput)).toThrow(new RegExp(`'${wrong}'.*Did you mean '${right}'`));
  });

  it.each([
    [{ id: 'seven' }, 'ERR_TASK'],
    [{ key: '' }, 'ERR_TASK'],
    [{ group: -1 }, 'ERR_TASK'],
    [{ group: 1.5 }, 'ERR_TASK'],
    [{ group: '1' }, 'ERR_TASK'],
    [{ priority: 2 ** 40 }, 'ERR_TASK'],
    [{ cores: -1 }, 'ERR_TASK'],
    [{ cores: Number.NaN }, 'ERR_TASK'],
    [{ memory: '8X' }, 'ERR_SIZE'],
    [{ resources: [] }, 'ERR_TASK'],
    [{ resources: { gpu: '1' } }, 'ERR_TASK'],
    [{ timeout: 'soon' }, 'ERR_DURATION'],
    [{ timeout: 0 }, 'ERR_DURATION'],
    [{ timeout: -1 }, 'ERR_DURATION'],
    [{ tags: { 'a b': 1 } }, 'ERR_TAG'],
    [{ startAfter: new Date(Number.NaN) }, 'ERR_TASK'],
    [{ startAfter: null }, 'ERR_DURATION'],
    [{ maxRetries: -1 }, 'ERR_TASK'],
    [{ backoff: {} }, 'ERR_TASK'],
    [{ backoff: { delay: 1, factor: 0.5 } }, 'ERR_TASK'],
    [{ backoff: { delay: 1, jitter: 2 } }, 'ERR_TASK'],
    [{ backoff: { delay: 1, limit: 2 } }, 'ERR_TASK'],
    [{ env: { 'A-B': 'x' } }, 'ERR_TASK'],
    [{ env: { A: 1 } }, 'ERR_TASK'],
    [{ cwd: '' }, 'ERR_TASK'],
    [{ stdin: 7 }, 'ERR_TASK'],
  ])('are checked: %o is refused with %s', (options, code) => {
    expect(() => toWireTask({ args: 'ls', ...options } as unknown as TaskInput)).toThrow(failing(code));
  });
});

describe('a function', () => {
  it('is named by its module and export, its arguments encoded', () => {
    const url = new URL('file:///srv/jobs/a%23b.js');
    expect(toWireTask({ module: url, name: 'run', args: [1, 'x'] })).toEqual([1, 'file:///srv/jobs/a%23b.js#run', '[1,"x"]', null]);
    expect(toWireTask({ module: '/srv/jobs/a#b.js', name: 'run', group: 1 })).toEqual([1, `${url.href}#run`, null, { group: 1 }]);
    expect(toWireTask({ module: '@scope/package/sub', args: [] })).toEqual([1, '@scope/package/sub#default', null, null]);
    expect(toWireTask({ module: 'node:os', name: 'hostname' })[1]).toBe('node:os#hostname');
  });

  it('takes arguments that JSON cannot hold', () => {
    const args = [new Date(5), new Map([['k', 1n]]), undefined];
    const [, , input] = toWireTask({ module: 'x', args });
    expect(decodeValue(input!)).toStrictEqual(args);
  });

  it.each([
    [{ module: './a.js' }, /relative.*import\.meta\.url/],
    [{ module: '..' }, /relative/],
    [{ module: '' }, /module/],
    [{ module: 7 }, /module/],
    [{ module: 'https://x/a.js' }, /file: URL/],
    [{ module: new URL('data:text/javascript,1') }, /file: URL/],
    [{ module: 'x', name: 'a#b' }, /'#'/],
    [{ module: 'x', name: '' }, /export/],
    [{ module: 'x', args: 'a' }, /list/],
    [{ module: 'x', cwd: '/tmp' }, /'cwd' is for commands only/],
    [{ module: 'x', env: {} }, /'env' is for commands only/],
    [{ module: 'x', stdin: '' }, /'stdin' is for commands only/],
  ])('is refused when it is %o', (task, message) => {
    expect(() => toWireTask(task as unknown as TaskInput)).toThrow(message);
    expect(() => toWireTask(task as unknown as TaskInput)).toThrow(failing('ERR_TASK'));
  });

  it('names the argument that cannot cross', () => {
    expect(() => toWireTask({ module: 'x', args: [{ done: () => 1 }] })).toThrow(/args\[0\]\.done is a function/);
  });

  it('is split at its last #', () => {
    expect(splitFunctionName('file:///a#b.js#run')).toEqual({ module: 'file:///a#b.js', name: 'run' });
    for (const bad of ['', 'run', '#run', 'a#']) expect(() => splitFunctionName(bad)).toThrow(failing('ERR_TASK'));
  });
});

describe('what is no task', () => {
  it.each([[null], [7], [undefined], [{}], [{ args: 1 }], [['ls']], [() => 1]])('is refused: %o', (input) => {
    expect(() => toWireTask(input as unknown as TaskInput)).toThrow(failing('ERR_TASK'));
    expect(rejectedTask(input, new Error('no'))[3]).toEqual({ rejected: { code: 'ERR_TASK', message: 'no' } });
  });

  it('is recorded with the text that was given and the place where it went wrong', () => {
    const line = 'ls # MILLRACE: cores:two';
    let thrown: unknown;
    try {
      toWireTask(line);
    } catch (error) {
      thrown = error;
    }
    expect(rejectedTask(line, thrown, 12)).toEqual([
      0,
      line,
      null,
      { rejected: { code: 'ERR_DIRECTIVE', message: expect.stringMatching(/^line 12: .*column 16.*cores/) } },
    ]);
    expect(rejectedTask({ module: './a.js', name: 'run' }, thrown).slice(0, 2)).toEqual([1, './a.js#run']);
  });

  it('is recorded also when it throws at whoever looks at it', () => {
    const hostile = {
      get args(): string {
        throw new Error('not ready');
      },
    };
    expect(rejectedTask(hostile, new Error('no'))).toEqual([
      0,
      expect.any(String),
      null,
      { rejected: { code: 'ERR_TASK', message: 'no' } },
    ]);
  });
});
