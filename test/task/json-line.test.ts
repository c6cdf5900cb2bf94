import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonLine } from '../../src/task/json-line.ts';
import { jsonFault } from '../../src/task/json-scan.ts';

describe('a line of JSON', () => {
  it('that is a text is a command line', () => {
    expect(readJsonLine('"echo \\"a\\" # MILLRACE: cores:2"')).toEqual({
      input: 'echo "a" # MILLRACE: cores:2',
      fields: null,
      bare: false,
    });
  });

  it('with args or module is a task; what is no option of it is a named field', () => {
    expect(readJsonLine('{"args":"run","cores":2,"tags":{"a":1},"sample":"s7","name":"n","score":1.5,"end":true,"iron":null}')).toEqual({
      input: { args: 'run', cores: 2, tags: { a: 1 } },
      fields: { sample: 's7', name: 'n', score: 1.5, end: true, iron: null },
      bare: false,
    });
    expect(readJsonLine('{"module":"m","name":"f","args":[1,{"a":2}]}')).toEqual({
      input: { module: 'm', name: 'f', args: [1, { a: 2 }] },
      fields: null,
      bare: false,
    });
  });

  it('with neither is all fields, its line the JSON of them', () => {
    expect(readJsonLine(' { "sample": "s7", "id": 4, "timeout": "x" } ')).toEqual({
      input: { args: '{"sample":"s7","id":4,"timeout":"x"}' },
      fields: { sample: 's7', id: 4, timeout: 'x' },
      bare: true,
    });
  });

  it.each([
    ['timeOut', 'timeout'],
    ['time_out', 'timeout'],
    ['memry', 'memory'],
    ['Cores', 'cores'],
    ['core', 'cores'],
    ['tag', 'tags'],
    ['priorty', 'priority'],
    ['max_retries', 'maxRetries'],
    ['start_after', 'startAfter'],
    ['depends_on', 'dependsOn'],
    ['ENV', 'env'],
    ['Id', 'id'],
  ])('%s is taken for a wrongly written %s, not for a field', (name, meant) => {
    const line = `{"args": "run", ${JSON.stringify(name)}: 1}`;
    const read = (): unknown => readJsonLine(line);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_JSON', details: expect.objectContaining({ column: 17 }) }));
    expect(read).toThrow(`Did you mean '${meant}'?`);
  });

  it.each([
    ['{"args":"a","b":{"c":1}}', 13, 'a text, a number'],
    ['{"a":[1]}', 2, 'a text, a number'],
    ['{"args":"a","__proto__":1}', 13, 'cannot be called'],
    ['  7', 3, 'must be a text or an object; it is 7'],
    ['[1]', 1, 'it is a list'],
    ['null', 1, 'it is null'],
    ['{"a":1', 7, ', or } was expected, but the line ends'],
    ['{"a":1,}', 8, 'a name in double quotes was expected, not "}"'],
    ["{'a':1}", 2, 'a name in double quotes or } was expected, not "\'"'],
    ['{"a" 1}', 6, 'a colon'],
    ['{"a":tru}', 6, 'a value'],
    ['{"a":01}', 6, 'a value'],
    ['{"a":"b}', 9, 'a closing "'],
    ['{"a":"\\x"}', 7, 'an escape'],
    ['{"a":1} x', 9, 'the end of the line'],
    ['echo hello', 1, 'a value'],
  ])('%s is refused at column %i: %s', (line, column, reason) => {
    const read = (): unknown => readJsonLine(line);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_JSON', details: expect.objectContaining({ column }) }));
    expect(read).toThrow(`column ${column}: `);
    expect(read).toThrow(reason);
  });

  it('that is no JSON has a fault, and one that is has none', () => {
    const text = fc.oneof(fc.json(), fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE+-truefalsnl\\u \t'), maxLength: 14 }));
    fc.assert(
      fc.property(text, (candidate) => {
        let valid = true;
        try {
          JSON.parse(candidate);
        } catch {
          valid = false;
        }
        expect(jsonFault(candidate) === null).toBe(valid);
      }),
      { numRuns: 3_000 },
    );
  });

  it('of many levels costs no stack', () => {
    expect(jsonFault(`${'['.repeat(100_000)}x`)).toEqual({ offset: 100_000, expected: 'a value or ]' });
  });
});
