/**
 * JSON as Python writes it: with NaN and Infinity, and integers of any length. One look over the bytes bounds what it can become in memory, and says
 * whether the language's own parser reads it as it is meant.
 */
import { MillraceError } from '../../../base/errors.ts';

const deepest = 256;
const mostContainers = 1_048_576;
const mostItems = 4_194_304;
/** As Python's own limit of digits: time to read an integer grows with their square. */
const mostDigits = 4_300;
/** Integers of up to 15 digits are exact. */
const exactDigits = 15;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const malformed = (what: string): MillraceError => new MillraceError('ERR_PROTOCOL', `a message of Pyro is no JSON: ${what}`);

/** Whether the language's parser would read it otherwise than Python. @throws ERR_PROTOCOL for what is too deep or too many */
function isSpecial(bytes: Uint8Array): boolean {
  let depth = 0;
  let containers = 0;
  let items = 0;
  let digits = 0;
  let special = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte >= 0x30 && byte <= 0x39) {
      digits += 1;
      if (digits > exactDigits) special = true;
      continue;
    }
    digits = 0;
    switch (byte) {
      case 0x22: // a string, to its end
        for (at += 1; at < bytes.length && bytes[at] !== 0x22; at += 1) if (bytes[at] === 0x5c) at += 1;
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        containers += 1;
        if (depth > deepest) throw malformed(`it nests deeper than ${deepest}`);
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
      case 0x2c:
        items += 1;
        break;
      case 0x4e: // NaN
      case 0x49: // Infinity
        special = true;
    }
  }
  if (containers > mostContainers || items > mostItems) throw malformed('it has too many values');
  return special;
}

/** @throws ERR_PROTOCOL */
export function readJson(bytes: Uint8Array): unknown {
  const special = isSpecial(bytes);
  try {
    const text = utf8.decode(bytes);
    return special ? new Parser(text).parse() : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new MillraceError('ERR_PROTOCOL', 'a message of Pyro is no JSON', { cause });
  }
}

const blank = /[ \t\n\r]*/y;
const number = /-?(?:Infinity|\d+)(\.\d+)?([eE][+-]?\d+)?/y;
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
]);

/** Depth and size are bounded before. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): unknown {
    const value = this.#value();
    this.#match(blank);
    if (this.#at < this.#text.length) throw malformed('there is more behind its end');
    return value;
  }

  #value(): unknown {
    this.#match(blank);
    switch (this.#text[this.#at]) {
      case '[':
        return this.#array();
      case '{':
        return this.#object();
      case '"':
        return this.#string();
    }
    for (const [word, value] of words)
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    return this.#number();
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    if (this.#ends(']')) return items;
    do items.push(this.#value());
    while (this.#goesOn(']'));
    return items;
  }

  #object(): object {
    const fields: Record<string, unknown> = {};
    this.#at += 1;
    if (this.#ends('}')) return fields;
    do {
      this.#match(blank);
      const key = this.#string();
      this.#match(blank);
      if (this.#text[this.#at++] !== ':') throw malformed('a colon is missing');
      // Defined, not assigned: `__proto__` is a key as any other here.
      Object.defineProperty(fields, key, { value: this.#value(), enumerable: true, configurable: true, writable: true });
    } while (this.#goesOn('}'));
    return fields;
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw malformed('a text is missing');
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    const text = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return JSON.parse(text) as string;
  }

  #number(): number | bigint {
    const text = this.#match(number);
    if (text === undefined) throw malformed('a value is missing');
    if (text.length > mostDigits) throw malformed(`a number has more than ${mostDigits} digits`);
    if (text.endsWith('y')) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    if (/^-?0\d/.test(text)) throw malformed('a number begins with 0');
    const value = Number(text);
    if (Number.isNaN(value)) throw malformed('a number is malformed');
    return Number.isSafeInteger(value) || /[.eE]/.test(text) ? value : BigInt(text);
  }

  #ends(bracket: string): boolean {
    this.#match(blank);
    if (this.#text[this.#at] !== bracket) return false;
    this.#at += 1;
    return true;
  }

  #goesOn(bracket: string): boolean {
    if (this.#ends(bracket)) return false;
    if (this.#text[this.#at++] !== ',') throw malformed('a comma is missing');
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
