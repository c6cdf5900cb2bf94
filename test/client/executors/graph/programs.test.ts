import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blob, directory, pickled } from '../../../../src/session/blob.ts';
import { Input, InputDir, Output, OutputDir } from '../../../../src/session/input-output.ts';
import { Program } from '../../../../src/session/program.ts';
import { tasks } from '../../../../src/session/tasks.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { until } from '../../../support/until.ts';
import { Here } from './run-here.ts';

test('a program reads its inputs as files and writes its outputs: stdin, stdout, arguments and paths', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const [a, b] = [blob('one\n'), blob('two\n')];
    expect(await here.text(tasks.execute(['cat', a, b], { stdout: true }))).toBe('one\ntwo\n');
    expect(await here.text(tasks.execute('tr a-z A-Z', { stdin: a, stdout: true }))).toBe('ONE\n');
    const both = tasks.execute(['sh', '-c', 'cat named > "$0"; echo x > made/it', new Output('copy')], {
      inputPaths: [new Input('named', { dataobj: b })],
      outputPaths: [new Output('it', { path: 'made/it' })],
    });
    await here.run(both);
    expect([await here.text(both.outputs.get('copy')), await here.text(both.outputs.get('it'))]).toEqual(['two\n', 'x\n']);
  });
});

test('two blobs of the same label are two files', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    expect(await here.text(tasks.execute(['cat', blob('first '), blob('second')], { stdout: true }))).toBe('first second');
  });
});

test('words reach a program as they are, without a shell; with shell they are a command line', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const odd = ["a'b", '$HOME', '* ; ls', '', 'back\\slash', 'line\nbreak'];
    expect(await here.text(tasks.execute(['printf', '<%s>', ...odd], { stdout: true }))).toBe(odd.map((word) => `<${word}>`).join(''));
    expect(await here.text(tasks.execute('echo a b | tr " " "\\n" | sort -r', { shell: true, stdout: true }))).toBe('b\na\n');
  });
});

test('it runs in a fresh folder, with the environment of its client and its own', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const list = tasks.execute('ls -A; echo "$MINE"; test -n "$PATH" && echo path', { shell: true, stdout: true, env: { MINE: 'yes' } });
    expect(await here.text(list)).toBe('yes\npath\n');
    const [first, second] = [1, 2].map(() => tasks.execute('pwd', { stdout: true }));
    expect(await here.text(first!)).not.toBe(await here.text(second!));
  });
});

test('an input may only be read, unless it is asked for with write; then a copy changes', async () => {
  const here = new Here();
  const path = join(temporaryFolder(), 'original');
  writeFileSync(path, 'kept');
  await here.session.bindOnly(async () => {
    const source = tasks.open(path);
    const changed = tasks.execute('echo changed > f; cat f', {
      shell: true,
      stdout: true,
      inputPaths: [new Input('f', { dataobj: source, write: true })],
    });
    expect([await here.text(changed), await here.text(source)]).toEqual(['changed\n', 'kept']);
  });
});

test('directories go in and come out', async () => {
  const here = new Here();
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a'), '1');
  await here.session.bindOnly(async () => {
    const run = tasks.execute('mkdir new && cp in/a new/b', {
      shell: true,
      inputPaths: [new InputDir('in', { dataobj: await directory(folder) })],
      outputPaths: [new OutputDir('new')],
    });
    expect(await here.text(tasks.sliceDirectory(run, 'b'))).toBe('1');
  });
});

test('an output that is a link to an input is a copy of it', async () => {
  const here = new Here();
  const path = join(temporaryFolder(), 'original');
  writeFileSync(path, 'data');
  await here.session.bindOnly(async () => {
    const source = tasks.open(path);
    const linked = tasks.execute('ln -s in out', { shell: true, inputPaths: [new Input('in', { dataobj: source })], outputPaths: ['out'] });
    expect([await here.text(linked), await here.text(source)]).toEqual(['data', 'data']);
  });
});

test('another status than 0 fails it with what it wrote to stderr, and so does a signal', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const failing = here.run(tasks.execute('echo out; echo problem >&2; exit 3', { shell: true }));
    await expect(failing).rejects.toMatchObject({
      message: 'Program exit with exit code 3\nStderr: problem\n',
      details: { stderr: 'problem\n' },
    });
    await expect(here.run(tasks.execute('kill -9 $$', { shell: true }))).rejects.toThrow('Program terminated by signal SIGKILL');
    await expect(here.run(tasks.execute(['no-such-program-here']))).rejects.toThrow(/exit code 127[\s\S]*no-such-program-here/);
  });
});

test('an output that was not written, or is of the other kind, fails it', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    await expect(here.run(tasks.execute('true', { outputPaths: ['missing'] }))).rejects.toThrow("Path 'missing' not found");
    const toNowhere = tasks.execute('ln -s nowhere l', { outputPaths: ['l'] });
    await expect(here.run(toNowhere)).rejects.toThrow("Path 'l' not found: the program has made a link that leads nowhere");
    await expect(here.run(tasks.execute('mkdir d', { outputPaths: ['d'] }))).rejects.toThrow("Output 'd' expects type blob");
    await expect(here.run(tasks.execute('touch f', { outputPaths: [new OutputDir('f')] }))).rejects.toThrow("Output 'f' expects type dir");
  });
});

test('after its timeout it is killed with all that it started, and fails', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    // A machine that is busy starts it late.
    const endless = here.run(tasks.execute('echo begun >&2; sleep 1000 & wait', { shell: true, timeout: '1500ms' }));
    await expect(endless).rejects.toMatchObject({ code: 'ERR_TIMEOUT', details: { stderr: 'begun\n' } });
    expect(await here.text(tasks.execute('echo next', { stdout: true }))).toBe('next\n');
  });
});

test('a program that is stopped ends, and the runner leaves nothing', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const marker = join(temporaryFolder(), 'runs');
    const running = here.run(tasks.execute(`touch ${marker}; sleep 1000 & wait`, { shell: true }));
    await until(() => existsSync(marker), 'its start');
    const stopped = expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    here.abort();
    await expect(here.run(tasks.execute('true'))).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await stopped;
  });
  expect(await here.closed()).toEqual([]);
});

test('what a program makes has no content type, unless its output says one', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const value = pickled({ a: 1 });
    expect((await here.made(tasks.execute(['cat', value], { stdout: true }))).contentType).toBeNull();
    const typed = tasks.execute(['cat', value], { stdout: new Output('value', { contentType: 'pickle' }) });
    expect((await here.made(typed)).contentType).toBe('pickle');
  });
});

test('a Program runs with the objects of its call', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const count = Program(['grep', '-c', 'a', new Input('file')], { stdout: true });
    expect(await here.text(count({ file: blob('a\nb\na\n') }))).toBe('2\n');
  });
});
