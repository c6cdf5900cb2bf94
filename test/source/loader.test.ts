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

  it('evaluates the expressions of a template', () => {
    expect(load(['b.dat'], { template: "cat {} > {= stem(x).padStart(3, '0') =}" })[0]?.[1]).toBe('cat b.dat > 00b');
  });

  it.each(['{slot}', '{% date %}'])('refuses a template with %s, which only a client can fill in', (template) => {
    expect(() => new Loader({ template })).toThrow(
      expect.objectContaining({ code: 'ERR_TEMPLATE', message: expect.stringContaining('client') }),
    );
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

  it('reads lines of JSON: texts, tasks and named fields for the template', () => {
    const lines = [
      '"echo {sample} # MILLRACE: cores:2"',
      '',
      '{"args":"x","sample":"s1","cores":1}',
      '{"sample":"s2","run":7}',
      '"# note"',
    ];
    const tasks = load(lines, { json: true, template: 'do {sample} {}' });
    expect(tasks).toEqual([
      [0, 'do {sample} echo {sample}', null, { cores: 2 }],
      [0, 'do s1 x', null, { cores: 1, fields: { sample: 's1' } }],
      [0, 'do s2 {"sample":"s2","run":7}', null, { fields: { sample: 's2', run: 7 } }],
    ]);
    expect(load(['"# MILLRACE: group:2"', '{"args":"x"}'], { json: true })).toEqual([[0, 'x', null, { group: 2 }]]);
  });

  it('takes a time as text for the start of a task', () => {
    const [task] = load(['{"args":"x","startAfter":"2030-05-01T03:00:00Z"}'], { json: true });
    expect(task?.[3]?.startAfter).toBe(Date.UTC(2030, 4, 1, 3));
  });

  it.each([
    ['{"args":"x","cores":"2"}', 'ERR_TASK', 13, 'cores'],
    ['{"args":"x","memory":"5 parsecs"}', 'ERR_SIZE', 13, 'size'],
    ['{"args":"x","timeout":"long"}', 'ERR_DURATION', 13, 'duration'],
    ['{"args":"x","cron":"often"}', 'ERR_CRON', 13, 'minute, hour'],
    ['{"args":"x","tags":{"a b":1}}', 'ERR_TAG', 13, 'key of a tag'],
    ['{"args":"x","startAfter":"2030-05-01"}', 'ERR_TASK', 13, 'with its zone'],
    ['{"args":7}', 'ERR_TASK', 2, 'command line'],
    ['{"args":"x","timeOut":1}', 'ERR_JSON', 13, "'timeout'"],
    ['{"args":"x"', 'ERR_JSON', 12, 'or }'],
    ['"x # MILLRACE: cores:two"', 'ERR_DIRECTIVE', 15, 'number'],
  ])('of the line of JSON %s says what is wrong and where', (line, code, column, reason) => {
    const [good, task] = load(['"good"', line, '"good"'], { json: true });
    expect(good?.[1]).toBe('good');
    expect(task?.[3]?.rejected).toMatchObject({ code, message: expect.stringMatching(/^line 2: .*column \d+/s) });
    expect(task?.[3]?.rejected?.message).toContain(`column ${column}:`);
    expect(task?.[3]?.rejected?.message).toContain(reason);
    const strict = (): unknown => load(['"good"', line], { json: true, strict: true });
    expect(strict).toThrow(expect.objectContaining({ code, details: expect.objectContaining({ line: 2, column }) }));
  });

  it.each([
    ['x # MILLRACE: cores:two', 'ERR_DIRECTIVE', 15, 'a number'],
    ['x # MILLRACE: a:b Timeout:5', 'ERR_DIRECTIVE', 19, "'timeout'"],
    ['x # MILLRACE: memory:5parsecs', 'ERR_DIRECTIVE', 15, 'size'],
    ['x # MILLRACE: timeout:soon', 'ERR_DIRECTIVE', 15, 'duration'],
    ['x # MILLRACE: startAfter:2030-01-01T00:00', 'ERR_DIRECTIVE', 15, 'zone'],
    ['x # MILLRACE: sample:a/b', 'ERR_TAG', 15, 'value of tag'],
    ['x # MILLRACE: timezone:Nowhere/Atall', 'ERR_DIRECTIVE', 15, 'timezone'],
    ['x # HYPERSHELL: group:-1', 'ERR_DIRECTIVE', 17, 'whole number'],
  ])('of the line %s says what is wrong and where', (line, code, column, reason) => {
    const [, task] = load(['good', line]);
    expect(task?.[3]?.rejected).toMatchObject({ code, message: expect.stringMatching(/^line 2: /) });
    expect(task?.[3]?.rejected?.message).toContain(reason);
    const strict = (): unknown => load(['good', line], { strict: true });
    expect(strict).toThrow(expect.objectContaining({ code, details: expect.objectContaining({ line: 2, column }) }));
  });

  it('tells each task its place among the tasks, and passes over those that are done', () => {
    const loader = new Loader({ places: true, skip: new Set([2, 3]) });
    const tasks: WireTask[] = [];
    loader.load(['# note', 'a', '', 'b', 'bad # MILLRACE: cores:x', 'c # MILLRACE: cores:1'], tasks);
    expect(tasks.map(([, args, , attributes]) => [args, attributes])).toEqual([
      ['a', { place: 1 }],
      ['c', { cores: 1, place: 4 }],
    ]);
    expect(loader.skipped).toBe(2);
  });
});
