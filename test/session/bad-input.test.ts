/** What is wrong is told by the call that made the mistake, also where a template or a function is only described. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { blob, directory } from '../../src/session/blob.ts';
import { Input, Output } from '../../src/session/input-output.ts';
import { Program } from '../../src/session/program.ts';
import { remote } from '../../src/session/remote.ts';
import { Task } from '../../src/session/task.ts';
import { tasks } from '../../src/session/tasks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { localSession, thrown } from './homes.ts';

test.for<[object, string]>([
  [{ inputPaths: 'abc' }, 'ERR_GRAPH'],
  [{ outputPaths: 'abc' }, 'ERR_GRAPH'],
  [{ outputPaths: ['../a'] }, 'ERR_GRAPH'],
  [{ outputPaths: ['a', 'a'] }, 'ERR_GRAPH'],
  [{ stdout: 'a', env: { A: 1 } }, 'ERR_GRAPH'],
  [{ shell: 5 }, 'ERR_GRAPH'],
  [{ timeout: 'soon' }, 'ERR_DURATION'],
  [{ cpus: -1 }, 'ERR_OPTION'],
  [{ name: 5 }, 'ERR_OPTION'],
  [{ memory: 'much' }, 'ERR_SIZE'],
  [{ resources: [1] }, 'ERR_GRAPH'],
  // Names that no client can have.
  [{ resources: { '': 1 } }, 'ERR_GRAPH'],
  [{ resources: { 'gpu 0': 1 } }, 'ERR_GRAPH'],
  [{ resources: JSON.parse('{"__proto__": 1}') }, 'ERR_GRAPH'],
])('a Program refuses %j when it is made', ([options, code]) => {
  expect(thrown(() => Program('ls', options)).code).toBe(code);
});

test('a Program refuses words that no call could mend', () => {
  for (const words of [
    '',
    [],
    'echo "a',
    5,
    [new Input('a', { path: 'p' }), new Input('b', { path: 'p/q' })],
    [new Output('a', { encode: 'json' })],
  ])
    expect(thrown(() => Program(words as string)).code).toBe('ERR_GRAPH');
});

test('the lists of a Program are read once, and serve all its calls', () =>
  localSession().session.bindOnly(() => {
    const list = Program('ls', { outputPaths: ['a', 'b'].values(), inputPaths: ['x'].values() });
    const made = [list({ x: blob('') }), list({ x: blob('') })];
    expect(made.map(({ outputs }) => outputs.labels)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  }));

test('the outputs of a call are a list, read once for all calls', () =>
  localSession().session.bindOnly(() => {
    const named = remote(() => 1).with({ outputs: ['one'].values() });
    expect([named(), named()].map(({ outputs }) => outputs.labels)).toEqual([['one'], ['one']]);
    for (const wrong of [5, 'one', {}, null])
      expect(thrown(() => remote(() => 1).with({ outputs: wrong as never })).code).toBe('ERR_GRAPH');
  }));

test.for<[object, string]>([
  [{ cpus: -1 }, 'ERR_OPTION'],
  [{ name: 5 }, 'ERR_OPTION'],
  [{ priority: 0.5 }, 'ERR_OPTION'],
  [{ memory: -1 }, 'ERR_SIZE'],
  [{ resources: { gpu: -1 } }, 'ERR_OPTION'],
])('a remote function refuses %j when it is described, and when a call is', ([options, code]) => {
  expect(thrown(() => remote(() => 1, options)).code).toBe(code);
  expect(thrown(() => remote(() => 1).with(options)).code).toBe(code);
});

test('memory is bytes, or a size in words', () =>
  localSession().session.bindOnly(() => {
    expect(tasks.concat([], { memory: '2GB' }).spec.resources).toEqual({ cpus: 1, memory: 2 * 2 ** 30 });
    expect(remote(() => 1, { memory: 5 })().spec.resources).toEqual({ cpus: 1, memory: 5 });
  }));

test('no part of a path is longer than a file may be called', () =>
  localSession().session.bindOnly(() => {
    const a = blob('a');
    tasks.makeDirectory({ [`${'x'.repeat(255)}/${'y'.repeat(255)}`]: a });
    expect(thrown(() => tasks.makeDirectory({ ['\u00fc'.repeat(128)]: a })).message).toMatch(/has a part of more than 255 bytes/);
  }));

test('a folder with a name that no directory object can hold is refused when it is read', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'plain'));
  writeFileSync(join(folder, 'plain', 'a'), '');
  writeFileSync(join(folder, '\\server'), '');
  await localSession().session.bindOnly(async () => {
    await expect(directory(folder)).rejects.toThrow(/the name of .*server must be relative/);
    expect((await directory(pathToFileURL(join(folder, 'plain')))).dataType).toBe('dir');
  });
});

test('who gives no list, or no task, is told so', async () => {
  const { session } = localSession();
  for (const given of [undefined, 5, 'abc', blob('a', { session })])
    for (const call of ['unkeep', 'wait', 'waitSome', 'update'] as const)
      await expect(session[call](given as never), call).rejects.toMatchObject({ name: 'RainException' });
  for (const given of [undefined, 5, blob('a', { session })])
    await expect(session.explain(given as never)).rejects.toMatchObject({
      name: 'RainException',
      message: expect.stringMatching(/explain\(\) takes a task/),
    });
  await expect(session.onProgress(5 as never)).rejects.toMatchObject({ name: 'RainException' });
  expect(thrown(() => session.onSaid(undefined as never)).message).toMatch(/onSaid\(\) takes a function/);
  expect(new Task([], 1, { taskType: 'x', session }).outputs.length).toBe(1);
});
