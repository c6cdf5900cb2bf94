import { describe, expect, it } from 'vitest';
import { ContentKeys } from '../../src/source/content-keys.ts';
import { Loader, type LoaderOptions } from '../../src/source/loader.ts';
import type { TaskInput, WireTask } from '../../src/task/task.ts';

function keys(inputs: TaskInput[], options: LoaderOptions = {}): (string | undefined)[] {
  const tasks: WireTask[] = [];
  new Loader({ contentKeys: true, ...options }).load(inputs, tasks);
  return tasks.map(([, , , attributes]) => attributes?.key);
}

describe('the keys of a submission', () => {
  it('are the same for the same source, and its equal tasks have one each', () => {
    const source = ['a', 'b', 'a', { args: 'a' }, { args: 'c', env: { X: '1' } }, { module: 'm', args: [1] }];
    expect(keys(source)).toEqual(keys(source));
    expect(new Set(keys(source)).size).toBe(6);
    expect(keys(source)[2]).toBe(`${keys(source)[0]}#2`);
    expect(keys(source)[3]).toBe(`${keys(source)[0]}#3`);
  });

  it('of the lines around new ones stay as they were', () => {
    const before = keys(['a', 'b', 'c', 'c']);
    const after = keys(['a', 'new', 'b', 'c', 'newer', 'c']);
    expect(after.filter((key) => before.includes(key))).toEqual(before);
  });

  it.each<[string, TaskInput, TaskInput]>([
    ['its command', 'a', 'b'],
    ['its input', { args: 'a', stdin: 'x' }, { args: 'a', stdin: 'y' }],
    ['bytes or text', { args: 'a', stdin: 'x' }, { args: 'a', stdin: Buffer.from('x') }],
    ['its environment', { args: 'a', env: { A: '1' } }, { args: 'a', env: { A: '2' } }],
    ['its directory', { args: 'a', cwd: '/x' }, { args: 'a', cwd: '/y' }],
    ['its tags', 'a # MILLRACE: sample:1', 'a # MILLRACE: sample:2'],
    ['its group', 'a # MILLRACE: group:1', 'a # MILLRACE: group:2'],
    ['its cron line', { args: 'a', cron: '0 1 * * *' }, { args: 'a', cron: '0 2 * * *' }],
    ['its arguments', { module: 'm', args: [1] }, { module: 'm', args: [2] }],
    ['its end and the start of its input', { args: 'ab', stdin: 'c' }, { args: 'a', stdin: 'bc' }],
  ])('tell two tasks apart by %s', (_what, one, other) => {
    expect(keys([one])[0]).not.toBe(keys([other])[0]);
  });

  it.each<[string, TaskInput, TaskInput]>([
    ['what it needs', { args: 'a', cores: 1 }, { args: 'a', cores: 2, memory: '1G' }],
    ['how often and how long it is tried', { args: 'a', maxRetries: 1 }, { args: 'a', timeout: 5, priority: 3 }],
    ['the order of its variables', { args: 'a', env: { A: '1', B: '2' } }, { args: 'a', env: { B: '2', A: '1' } }],
  ])('do not depend on %s', (_what, one, other) => {
    expect(keys([one])).toEqual(keys([other]));
  });

  it('do not depend on the tags and group that the submission gives to all', () => {
    const given = keys(['a', 'b # MILLRACE: own:1'], { defaults: { group: 3, tags: { run: 8 } } });
    expect(given).toEqual(keys(['a', 'b # MILLRACE: own:1'], { defaults: { group: 4, tags: { run: 9 } } }));
    expect(given).toEqual(keys(['a', 'b # MILLRACE: own:1']));
  });

  it('do not depend on the environment that the submission gives to all, as the context of a trace', () => {
    const inputs: TaskInput[] = ['a', { args: 'b', env: { X: '1' } }, { module: 'm', args: [1], tags: { t: 1 } }];
    expect(keys(inputs, { defaults: { env: { TRACEPARENT: 'x' } } })).toEqual(keys(inputs));
  });

  it('are made of the command after the template', () => {
    expect(keys(['a'], { template: 'x {}' })).toEqual(keys(['x a']));
  });

  it('spare a task that has its own, and mark a malformed line, so that it is refused once', () => {
    expect(keys([{ args: 'a', key: 'own' }])).toEqual(['own']);
    const refused = keys(['a # MILLRACE: cores:x', 'a # MILLRACE: cores:x']);
    expect(refused).toEqual(keys(['a # MILLRACE: cores:x', 'a # MILLRACE: cores:x']));
    expect(new Set(refused).size).toBe(2);
  });

  it('of 100,000 different lines differ, and the table that counts them is small', () => {
    const content = new ContentKeys(null);
    const before = process.memoryUsage().arrayBuffers;
    const made = new Set<string>();
    for (let i = 0; i < 100_000; i++) made.add(content.keyOf([0, `process --item ${i}`, null, null]));
    expect(made.size).toBe(100_000);
    expect(content.keyOf([0, 'process --item 7', null, null])).toMatch(/#2$/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(12 * 2 ** 20);
  });
});
