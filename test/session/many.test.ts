/** One call with very many objects: it takes a time that grows with them, not with their square. */
import { expect, test } from 'vitest';
import { blob } from '../../src/session/blob.ts';
import { Input } from '../../src/session/input-output.ts';
import { remote } from '../../src/session/remote.ts';
import type { FunctionConfig } from '../../src/session/task-types.ts';
import { tasks } from '../../src/session/tasks.ts';
import { localSession, thrown } from './homes.ts';

test('a function takes 20,000 objects in a call: they count for nothing in what its arguments may have, and each is one input', () =>
  localSession().session.bindOnly(() => {
    const many = Array.from({ length: 20_000 }, () => blob(''));
    const count = remote((_context: unknown, all: unknown[], last: unknown) => [all, last], {
      inputs: [null, new Input(null, { load: true })],
      outputs: 1,
    });
    const task = count([...many, many], many.at(-1));
    expect(task.inputs.length).toBe(20_001);
    const { args, inputs } = task.spec.config as FunctionConfig;
    expect(inputs.slice(0, 2)).toEqual([
      [1, false, null],
      [2, false, null],
    ]);
    // The last one is found twice: as it is, and loaded.
    expect(inputs.slice(-2)).toEqual([
      [20_000, false, null],
      [20_000, true, null],
    ]);
    expect(args[1]).toEqual([['D', 20_000]]);
    expect(() => count(['x'.repeat(250_000), ...many.slice(0, 10)], null)).not.toThrow();
    expect(thrown(() => count(['x'.repeat(270_000), ...many.slice(0, 10)], null)).message).toMatch(/^the arguments have \d+ bytes/);
  }));

test('as many files as one likes: 40,000 in a directory, 15,000 of a program', () =>
  localSession().session.bindOnly(() => {
    const many = Array.from({ length: 40_000 }, () => blob(''));
    const begin = performance.now();
    tasks.makeDirectory(many.map((object, at) => [`in/folder-${at % 7}/${at}`, object]));
    tasks.execute(['cat', ...many.slice(0, 15_000)]);
    // A comparison of each with each took 14 s.
    expect(performance.now() - begin).toBeLessThan(5_000);
  }));

test('of two paths none is inside of the other that is a file, in whichever order they are given', async () => {
  await localSession().session.bindOnly(async () => {
    const a = blob('a');
    const paths = (...given: string[]): Error => thrown(() => tasks.makeDirectory(given.map((path) => [path, a])));
    expect(paths('a/b', 'a/b').message).toMatch(/two objects of makeDirectory\(\) have the path 'a\/b'/);
    expect(paths('a/b/c', 'x', 'a').message).toMatch(/'a' of makeDirectory\(\) cannot be both a file and a folder/);
    expect(paths('a', 'x', 'a/b/c').message).toMatch(/'a' of makeDirectory\(\) cannot be both a file and a folder/);
    tasks.makeDirectory({ 'a/b': a, 'a/bc': a, ab: a });
    const given = (...files: string[]): Error =>
      thrown(() => tasks.execute('x', { inputPaths: files.map((path) => new Input(path, { dataobj: a })) }));
    expect(given('a/b', 'a').message).toMatch(/two files of execute\(\) have the path 'a' and 'a\/b'/);
    expect(given('a', 'a/b/c').message).toMatch(/two files of execute\(\) have the path 'a\/b\/c' and 'a'/);
    expect(given('a', 'a').message).toMatch(
      /two files of execute\(\) have the path 'a': `path` of an Input or Output gives one of them another$/,
    );
  });
});
