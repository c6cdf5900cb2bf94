/**
 * Where a text stops being JSON. Node's own messages name a position in some versions and for some errors only, so what `JSON.parse`
 * has refused is scanned once more. Never called for a line that is fine.
 */

/** The first place at which a text cannot be JSON any more, from 0, and what was expected there. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

const space = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const word = /(?:true|false|null)(?!\w)/y;
/** Blank, `!`, `#` to `[`, `]` and above: all but quotes, backslashes and control characters. */
const stringPart = /(?:[ !#-[\]-\uffff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

/** Null: it is JSON. */
export function jsonFault(text: string): JsonFault | null {
  const open: ('[' | '{')[] = [];
  let at = 0;
  let expected: 'value' | 'value or ]' | 'key' | 'key or }' | 'next' = 'value';
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.test(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const stringFault = (): JsonFault | null => {
    at += 1;
    take(stringPart);
    if (text[at] !== '"') return { offset: at, expected: text[at] === '\\' ? 'an escape such as \\n or \\u00e9' : 'a closing "' };
    at += 1;
    return null;
  };
  for (;;) {
    take(space);
    const here = text[at];
    if (expected === 'next') {
      const inside = open.at(-1);
      if (inside === undefined) return here === undefined ? null : { offset: at, expected: 'the end of the line' };
      const close = inside === '[' ? ']' : '}';
      if (here === close) open.pop();
      else if (here === ',') expected = inside === '[' ? 'value' : 'key';
      else return { offset: at, expected: `, or ${close}` };
      at += 1;
      continue;
    }
    if (expected === 'key' || expected === 'key or }') {
      if (here === '}' && expected === 'key or }') {
        open.pop();
        at += 1;
        expected = 'next';
        continue;
      }
      if (here !== '"') return { offset: at, expected: expected === 'key' ? 'a name in double quotes' : 'a name in double quotes or }' };
      const fault = stringFault();
      if (fault !== null) return fault;
      take(space);
      if (text[at] !== ':') return { offset: at, expected: 'a colon' };
      at += 1;
      expected = 'value';
      continue;
    }
    if (here === ']' && expected === 'value or ]') {
      open.pop();
      at += 1;
    } else if (here === '"') {
      const fault = stringFault();
      if (fault !== null) return fault;
    } else if (here === '[' || here === '{') {
      open.push(here);
      at += 1;
      expected = here === '[' ? 'value or ]' : 'key or }';
      continue;
    } else if (!take(number) && !take(word)) return { offset: at, expected: expected === 'value or ]' ? 'a value or ]' : 'a value' };
    expected = 'next';
  }
}
