import { describe, expect, it } from 'vitest';
import { Loader, type LoaderOptions } from '../../src/source/loader.ts';
import type { TaskInput, WireTask } from '../../src/task/task.ts';

function load(inputs: TaskInput[], options: LoaderOptions = {}): WireTask[] {
  const tasks: WireTask[] = [];
  new Loader(options).load(inputs, tasks);
  return tasks;
}

describe('a loader', () => {
  it('skips blank lines and comments, and nothing else', () => {
    const lines = ['a', '', '   ', '# note', '  # note: x', '#!/bin/sh', 'b # note', '# step\nreal command', '"# quoted"'];
    expect(load(lines).map(([, args]) => args)).toEqual(['a', 'b # note', '# step\nreal command', '"# quoted"']);
  });

  it('keeps a line that is only a directive for the lines after it; a later one adds to it', () => {
    const tasks = load([
      'a',
      '# MILLRACE: group:1 site:north',
      'b',
      '# HYPERSHELL: cores:2 site:south',
      'c # MILLRACE: group:5 run:1',
      { args: 'd', cores: 1 },
      { module: 'm', name: 'f' },
    ]);
    expect(tasks.map(([, args, , attributes]) => [args, attributes])).toEqual([
      ['a', null],
      ['b', { group: 1, tags: { site: 'north' } }],
      ['c', { group: 5, cores: 2, tags: { site: 'south', run: '1' } }],
      ['d', { group: 1, cores: 1, tags: { site: 'south' } }],
      ['m#f', { group: 1, cores: 2, tags: { site: 'south' } }],
    ]);
  });

  it('prefers a word of the file over a default of the submission', () => {
    const tasks = load(['a', '# MILLRACE: group:2', 'b'], { defaults: { group: 1, timeout: 5 } });
    expect(tasks.map(([, , , attributes]) => attributes)).toEqual([
      { group: 1, timeout: 5 },
      { group: 2, timeout: 5 },
    ]);
  });

  it('fills the template in at once', () => {
    expect(load(['a.dat', { module: 'm' }], { template: 'gzip {} # {/-}' }).map(([, args]) => args)).toEqual([
      'gzip a.dat # a',
      'm#default',
    ]);
  });

  it.each(['{slot}', '{% date %}', '{= 1 =}'])('refuses a template with %s, which only a client can fill in', (template) => {
    expect(() => new Loader({ template })).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE' }));
  });

  it('records a bad task as rejected, with its line, and goes on', () => {
    const loader = new Loader({ template: 'x {[1]}' });
    const tasks: WireTask[] = [];
    loader.load(['a b', 'a', '# MILLRACE: id:7', 7 as unknown as TaskInput], tasks);
    loader.load(['c d # MILLRACE: cores:two', 'e f'], tasks);
    expect(tasks.map(([, args, , attributes]) => [args, attributes?.rejected?.code, attributes?.rejected?.message.slice(0, 7)])).toEqual([
      ['x b', undefined, undefined],
      ['a', 'ERR_TEMPLATE', 'line 2:'],
      ['# MILLRACE: id:7', 'ERR_DIRECTIVE', 'line 3:'],
      ['7', 'ERR_TASK', 'line 4:'],
      ['c d # MILLRACE: cores:two', 'ERR_DIRECTIVE', 'line 5:'],
      ['x f', undefined, undefined],
    ]);
    expect(loader.rejected).toBe(4);
    expect(loader.line).toBe(6);
  });

  it.each(['id:0190a0b0-0000-7000-8000-000000000001', 'key:k'])('refuses %s as a word for all the lines that follow', (word) => {
    const [first, second] = load([`# MILLRACE: ${word}`, 'a']);
    expect(first?.[3]?.rejected?.code).toBe('ERR_DIRECTIVE');
    expect(second).toEqual([0, 'a', null, null]);
  });

  it('throws at the first bad task when strict, with its line, after the good ones before it', () => {
    const tasks: WireTask[] = [];
    const run = (): void => new Loader({ strict: true }).load(['a', '', 'b # MILLRACE: a:/', 'c'], tasks);
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_TAG', details: expect.objectContaining({ line: 3, column: 15 }) }));
    expect(tasks).toEqual([[0, 'a', null, null]]);
  });

  it('makes keys of the content: the same for the same task, another for any other, none for a task with a key', () => {
    const tasks = load(['a', 'a', { args: 'a', stdin: 'x' }, { args: 'b' }, { args: 'a', key: 'own' }], { contentKeys: true });
    const keys = tasks.map(([, , , attributes]) => attributes?.key);
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(4);
    expect(keys[4]).toBe('own');
  });
});
