import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Template } from '../../src/task/template.ts';

const file = '/some/path/to/file.h5';
const refused = expect.objectContaining({ code: 'ERR_TEMPLATE' });

function expand(template: string, line: string, tags = {}): string {
  return new Template(template).expand(line, { tags });
}

describe('a template', () => {
  it.each([
    ['{}', file],
    ['{.}', '/some/path/to'],
    ['{..}', '/some/path'],
    ['{/}', 'file.h5'],
    ['{/-}', 'file'],
    ['{-}', '/some/path/to/file'],
    ['{+}', '.h5'],
    ['{++}', 'h5'],
    ['cp {} {-}.bak{+}', `cp ${file} /some/path/to/file.bak.h5`],
  ])('fills %s in from a path', (template, command) => {
    expect(expand(template, file)).toBe(command);
  });

  it.each([
    ['{/}|{/-}|{-}|{+}|{++}', 'plain', 'plain|plain|plain||'],
    ['{/}|{/-}|{-}|{+}|{++}', 'a.tar.gz', 'a.tar.gz|a.tar|a.tar|.gz|gz'],
    ['{/}|{/-}|{-}|{+}|{++}', 'x/.hidden', '.hidden|.hidden|x/.hidden||'],
    ['{/}|{/-}|{-}', 'a/b.d/', 'b.d|b|a/b'],
    ['{.}', 'file', '.'],
  ])('%s of other paths: %s', (template, line, command) => {
    expect(expand(template, line)).toBe(command);
  });

  it.each([
    ['{[0]}', 'a'],
    ['{[-1]}', 'd'],
    ['{[1:3]}', 'b c'],
    ['{[-2:]}', 'c d'],
    ['{[:-1]}', 'a b c'],
    ['{[::2]}', 'a c'],
    ['{[::-1]}', 'd c b a'],
    ['{[2:0:-1]}', 'c b'],
    ['{[-1:-9:-2]}', 'd b'],
    ['{[7:]}', ''],
    ['{[1:99]}', 'b c d'],
    ['{[:]}', 'a b c d'],
  ])('%s takes words', (template, words) => {
    expect(expand(template, ' a  b\tc d ')).toBe(words);
  });

  it('takes the same words as a list does, for every slice', () => {
    const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), bound, bound, fc.integer({ min: -3, max: 3 }), (count, from, to, step) => {
        fc.pre(step !== 0);
        const words = Array.from({ length: count }, (_, i) => `w${i}`);
        const chosen: string[] = [];
        // By definition: walk from one bound to the other and keep what exists.
        const low = step > 0 ? 0 : -1;
        const resolve = (bound_: number | undefined, otherwise: number): number => {
          if (bound_ === undefined) return otherwise;
          const index = bound_ < 0 ? bound_ + count : bound_;
          return step > 0 ? Math.min(Math.max(index, 0), count) : Math.min(Math.max(index, low), count - 1);
        };
        const start = resolve(from, step > 0 ? 0 : count - 1);
        const end = resolve(to, step > 0 ? count : -1);
        for (let i = start; step > 0 ? i < end : i > end; i += step) chosen.push(words[i]!);
        expect(expand(`{[${from ?? ''}:${to ?? ''}:${step}]}`, words.join(' '))).toBe(chosen.join(' '));
      }),
    );
  });

  it.each(['{[4]}', '{[-5]}'])('refuses %s where the line has no such word', (template) => {
    expect(() => expand(template, 'a b c d')).toThrow(refused);
  });

  it('refuses a step of 0 when it is compiled', () => {
    expect(() => new Template('{[::0]}')).toThrow(refused);
  });

  it.each([
    "awk '{print $1}' {}",
    `echo \${HOME} {}`,
    `echo \${} {}`,
    `echo \${x:-{}} {}`,
    'f() { echo; }; f {}',
    'echo {a,b} {1..3} { } {[x]} {} ',
    "awk '{if(x){print}}' {}",
    'date +{%Y} {}',
    `echo \${open {}`,
    '}} {} {',
  ])('leaves the braces of %j to the command', (template) => {
    expect(expand(template, 'LINE')).toBe(template.replace(/\{\}(?=\s*$|\s\{$)/, 'LINE'));
  });

  it.each([
    ['find {} -exec ls {{}} +', 'find x -exec ls {} +'],
    ['{{{}}}', '{x}'],
    ['{{.Name}} {}', '{.Name} x'],
    ['{{a {{b}} c}} {}', '{a {b} c} x'],
    ['{{}}', '{}'],
  ])('%j gives literal braces: %j', (template, command) => {
    expect(expand(template, 'x')).toBe(command);
  });

  it('never expands again what it filled in', () => {
    const hostile = fc.string({ unit: fc.constantFrom(...'{}$[]%=.-/ 0ax') });
    fc.assert(
      fc.property(hostile, (line) => {
        expect(expand('do {} {}', line)).toBe(`do ${line} ${line}`);
        expect(expand('do {x}', 'l', { x: line })).toBe(`do ${line}`);
      }),
    );
  });

  it('never touches text without a pattern', () => {
    const braces = fc.string({ unit: fc.constantFrom(...`\${}%=,; \n'"xy1`) });
    fc.assert(
      fc.property(fc.oneof(fc.string(), braces), (text) => {
        fc.pre(!/\{\{|\{\}|\{[./+-]|\{\[|\{%|\{=/.test(text));
        expect(expand(text, 'LINE')).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('is the line itself when it is {}', () => {
    const template = new Template('{}');
    expect(template.identity).toBe(true);
    fc.assert(fc.property(fc.string(), (line) => template.expand(line) === line));
  });

  it('draws on tags where there is such a tag, and only there', () => {
    expect(expand('run --site {site} -n {run} {other} {}', 'x', { site: 'north', run: 7 })).toBe('run --site north -n 7 {other} x');
    expect(expand('{constructor}{toString}', 'x')).toBe('{constructor}{toString}');
  });

  it('knows the slot on a client and refuses it where there is none', () => {
    const template = new Template('gpu {slot} {}');
    expect(template.usesSlot).toBe(true);
    expect(template.expand('x', { slot: 3 })).toBe('gpu 3 x');
    expect(() => template.expand('x')).toThrow(refused);
  });

  it('hands commands to a resolver, in order, and refuses them without one', async () => {
    const template = new Template("cp {} {% awk '{print $2}' @ %}-{= x.length =}{% date %}");
    expect(template.dynamic).toBe(true);
    const asked: string[] = [];
    const command = await template.expandWith('f', {}, (part, line) => {
      asked.push(`${part.command} ${line}`);
      return Promise.resolve(`C${asked.length}`);
    });
    expect(command).toBe('cp f C1-1C2');
    expect(asked).toEqual(["awk '{print $2}' @ f", 'date f']);
    expect(() => template.expand('f')).toThrow(refused);
  });

  it('draws on the named fields of a line before its tags', () => {
    const fields = { fields: { site: 'south', n: 2, none: null }, tags: { site: 'north', run: 7 } };
    expect(new Template('{site} {n} {none} {run} {other}').expand('x', fields)).toBe('south 2 null 7 {other}');
  });

  it.each([
    ['do {= x', 'column 4', '=}'],
    ['do {} {% date', 'column 7', '%}'],
    ['a\nb {% date }', 'line 2, column 3', 'never closed'],
    ['{%  %}', 'column 1', 'no command'],
    ['do {[1:2:0]}', 'column 4', 'a step of 0'],
  ])('%j is refused at %s', (template, place, reason) => {
    const compile = (): Template => new Template(template);
    expect(compile).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE', message: expect.stringContaining(place) }));
    expect(compile).toThrow(reason);
  });
});
