import { posix } from 'node:path';
import { Script } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Template } from '../../src/task/template.ts';

function evaluate(code: string, line = 'a/b-7.tar.gz'): string {
  return new Template(`{=${code}=}`).expand(line, { tags: { run: 7, site: 'north' }, fields: { 'a b': 'F', n: 2 }, slot: 3 });
}

describe('an expression of a template', () => {
  it.each([
    ['x', 'a/b-7.tar.gz'],
    ["x.split('-')[1]", '7.tar.gz'],
    ['stem(x).toUpperCase() + extname(x)', 'B-7.TAR.gz'],
    ['[dirname(x), basename(x, ".gz")].join("/")', 'a/b-7.tar'],
    ['tags.run + 1', '8'],
    ["fields['a b'] + fields.n", 'F2'],
    ['slot', '3'],
    ['x.length > 3', 'true'],
    [' ({ a: x }).a ', 'a/b-7.tar.gz'],
    ['[3, 1, 2].sort().join("")', '123'],
    ['new Date(0).getUTCFullYear()', '1970'],
  ])('%s gives %j', (code, value) => {
    expect(evaluate(code)).toBe(value);
  });

  it('has the line as a text, never as a number or a date that it looks like', () => {
    for (const line of ['007', '20240101', 'true', 'null', '1e5']) expect(evaluate('typeof x + x', line)).toBe(`string${line}`);
  });

  it('is run again when the machine took its time away, and given up when it was too slow each time', () => {
    const template = new Template('{= x + "!" =}');
    const late = (): never => {
      throw Object.assign(new Error('late'), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
    };
    expect(template.expand('a', {})).toBe('a!');
    const runs = vi.spyOn(Script.prototype, 'runInContext');
    onTestFinished(() => runs.mockRestore());
    runs.mockImplementationOnce(late).mockImplementationOnce(late);
    expect(template.expand('b', {})).toBe('b!');
    runs.mockImplementation(late);
    expect(() => template.expand('c', {})).toThrow('longer than 100 ms');
  });

  it('has the path helpers of node:path', () => {
    const part = fc.string({ unit: fc.constantFrom(...'a.b/ '), maxLength: 12 });
    fc.assert(
      fc.property(part, (path) => {
        const name = posix.basename(path);
        expect(evaluate('[dirname(x), basename(x), extname(x), stem(x)].join("|")', path)).toBe(
          [posix.dirname(path), name, posix.extname(path), posix.basename(path, posix.extname(path))].join('|'),
        );
      }),
    );
  });

  it.each([
    ['1 +', 'column 9', 'too early'],
    ['1 +* 2', 'column 9', 'Unexpected token'],
    ['return 1', 'column 6', 'return'],
    [' x); globalThis.y = 1; (2 ', 'column 9', 'Unexpected'],
    ['', 'column 6', 'nothing'],
    [' await 1 ', 'column', 'Unexpected'],
  ])('{=%s=} is refused when it is compiled, at %s', (code, place, reason) => {
    const compile = (): Template => new Template(`abc{=${code}=}`);
    expect(compile).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE', message: expect.stringContaining(place) }));
    expect(compile).toThrow(reason);
  });

  it('names the line too in a template of many', () => {
    expect(() => new Template('first\nsecond {= x +\n  ?? =}')).toThrow('line 3, column 3');
  });

  it.each([
    ['({})', 'an object'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['() => 1', 'function'],
    ['Symbol()', 'symbol'],
    ['1n', 'bigint'],
    ['x * 1', 'NaN'],
    ['(async () => 1)()', 'an object'],
    ['y', 'y is not defined'],
    ['null.x', 'null'],
    ['(() => { throw { get message() { throw 1 } } })()', 'no text'],
    ['(() => { throw new Proxy({}, { has() { throw 1 } }) })()', 'no text'],
    ["'x'.repeat(2_000_000)", 'more than'],
  ])('%s is refused where it is filled in, with the reason: %s', (code, reason) => {
    expect(() => evaluate(code)).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE', message: expect.stringContaining(reason) }));
  });

  it.each(['(() => { for (;;); })()', '(() => { throw { get message() { for (;;); } } })()', '/^(a+)+$/.test("a".repeat(40) + "b")'])(
    '%s is ended after 100 ms',
    (code) => {
      expect(() => evaluate(code)).toThrow('longer than 100 ms');
      // The same context serves the next line.
      expect(evaluate('x')).toBe('a/b-7.tar.gz');
    },
  );

  it.each([
    'this.constructor.constructor("return process")()',
    '(() => {}).constructor("return process")()',
    '(function* () {}).constructor("return process")()',
    '(async () => {}).constructor("return process")()',
    'eval("1")',
    'process.pid',
    'require("fs")',
    'globalThis.process.pid',
    'x.constructor.constructor("return this")()',
    'fields.constructor.constructor("return process")().pid',
    'tags.__proto__.constructor.constructor("return process")()',
    'basename.constructor("return process")()',
    'run$.constructor("return process")()',
    '(() => { try { null.x } catch (e) { return e.constructor.constructor("return process")().pid } })()',
    '(() => { const f = () => { try { return f() } catch (e) { return e.constructor.constructor("return process")().pid } }; return f() })()',
    '(() => { Error.prepareStackTrace = (_, sites) => sites[0].getFunction(); return new Error().stack.constructor("return process")() })()',
    'new Proxy({}, { get: (_, name) => process })[x]',
    'console.constructor',
    'new SharedArrayBuffer(1)',
    'WebAssembly.compile',
    'setTimeout(() => {}, 1)',
    'fetch("http://localhost")',
    '(() => { x = 1 })()',
    '(() => { leak = 1 })()',
    '(() => { fields.n = 3; return fields.n })()',
    '(() => { Array.prototype.at = 1 })()',
    '(() => { String.prototype.leak = 1 })()',
    '(() => { globalThis.leak = 1 })()',
    '(() => { JSON.parse = 1 })()',
  ])('%s leads nowhere', (code) => {
    expect(() => evaluate(code)).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE' }));
  });

  it.each(['import("node:fs")', '(async () => (await import("node:fs")).readFileSync)()', 'import.meta.url'])(
    '%s is refused before it is compiled: its failure would be an object of the host',
    (code) => {
      expect(() => new Template(`{= ${code} =}`)).toThrow('cannot import');
    },
  );

  it('cannot hide the word import', () => {
    expect(() => new Template('{= \\u0069mport("fs") =}')).toThrow(expect.objectContaining({ code: 'ERR_TEMPLATE' }));
  });

  it('leaves nothing behind for the next line', () => {
    const template = new Template('{= (globalThis.seen ?? "none") + x =}');
    expect([template.expand('1'), template.expand('2')]).toEqual(['none1', 'none2']);
  });
});
