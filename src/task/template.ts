/**
 * Templates: a command with places for the line that it is made for, compiled once and expanded for each task. What needs a shell
 * (`{% … %}`) is handed to a resolver that the caller passes in.
 *
 * `{}` line · `{.}` its folder · `{..}` the folder's folder · `{/}` file name · `{/-}` file name without extension · `{-}` path
 * without extension · `{+}` `.ext` · `{++}` `ext` · `{[i]}` `{[a:b:c]}` words · `{name}` a field or a tag · `{slot}` · `{= … =}` JavaScript,
 * with the line as `x` · `{% command @ %}` what a shell command prints, `@` being the line · `{{` `}}` literal braces.
 * Any other brace is the command's own (`{print $1}`, `{a,b}`, `f() { … }`), and so is everything inside of `${…}`. What is
 * filled in is never expanded again.
 */
import { posix } from 'node:path';
import { MillraceError } from '../base/errors.ts';
import { Expression, ExpressionScope, type TemplateFields } from './expression.ts';
import { compileSlice, sliceWords } from './slice.ts';

/** A part that only a resolver can fill in: the shell command of `{% … %}`, in which `@` is the line. */
export interface CommandPart {
  readonly command: string;
}

/** What a command prints for a line, without trailing white space. */
export type PartResolver = (part: CommandPart, line: string) => Promise<string>;

type Part = string | ((line: string, fields: TemplateFields) => string) | CommandPart;

const paths: Readonly<Record<string, (line: string) => string>> = {
  '{}': (line) => line,
  '{.}': (line) => posix.dirname(line),
  '{..}': (line) => posix.dirname(posix.dirname(line)),
  '{/}': (line) => posix.basename(line),
  '{/-}': (line) => posix.basename(line, posix.extname(line)),
  '{-}': withoutExtension,
  '{+}': (line) => posix.extname(line),
  '{++}': (line) => posix.extname(line).slice(1),
};

const path = /\{(?:\.\.?|\/-?|-|\+\+?)?\}/y;
const slice = /\{\[([-\d: ]+)\]\}/y;
const tag = /\{([A-Za-z0-9_.+-]{1,120})\}/y;
/** `{%Y}`, `{=}`: a word in braces that neither begins a command nor an expression. */
const word = /\{[%=][^\s{}%=]*\}/y;
const noFields: TemplateFields = {};

export class Template {
  /** As given. */
  readonly source: string;
  /** The template is `{}`: every line is its own command. */
  readonly identity: boolean;
  /** It has `{% … %}`, for which `expand` is not enough. */
  readonly dynamic: boolean;
  /** It has a `{slot}`, which is known only on the client. */
  readonly usesSlot: boolean;
  readonly #parts: readonly Part[];

  /** @throws ERR_TEMPLATE, with the place, for a slice that can never fit, what is not closed, and an expression that is none */
  constructor(source: string) {
    this.source = source;
    this.identity = source === '{}';
    const { parts, usesSlot } = compile(source);
    this.#parts = parts;
    this.usesSlot = usesSlot;
    this.dynamic = parts.some((part) => typeof part === 'object');
  }

  /**
   * The command for a line.
   * @throws ERR_TEMPLATE where the line has too few words, no slot is known, an expression fails, or a part needs a resolver
   */
  expand(line: string, fields: TemplateFields = noFields): string {
    if (this.identity) return line;
    let command = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') command += part;
      else if (typeof part === 'function') command += part(line, fields);
      else
        throw new MillraceError('ERR_TEMPLATE', `{% ${part.command} %} can be filled in only on a client: use it in the client's template`);
    }
    return command;
  }

  /** As `expand`, with a resolver for the commands; they are run in order, one at a time. */
  async expandWith(line: string, fields: TemplateFields, resolve: PartResolver): Promise<string> {
    let command = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') command += part;
      else if (typeof part === 'function') command += part(line, fields);
      else command += await resolve(part, line);
    }
    return command;
  }
}

function compile(source: string): { parts: Part[]; usesSlot: boolean } {
  const parts: Part[] = [];
  let literal = '';
  let escapes = 0; // `{{` whose `}}` is still to come
  const scope = new ExpressionScope();
  let usesSlot = false;
  let i = 0;
  const put = (part: Part): void => {
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(part);
  };
  while (i < source.length) {
    const next = nextBrace(source, i, escapes > 0);
    literal += source.slice(i, next);
    i = next;
    if (i >= source.length) break;
    if (source[i] === '$') {
      const end = expansionEnd(source, i + 1);
      literal += source.slice(i, end);
      i = end;
      continue;
    }
    if (source.startsWith('}}', i)) {
      literal += '}';
      escapes -= 1;
      i += 2;
      continue;
    }
    if (source.startsWith('{{', i)) {
      literal += '{';
      escapes += 1;
      i += 2;
      continue;
    }
    const found = patternAt(source, i, scope);
    if (found === null) {
      literal += source[i]!;
      i += 1;
      continue;
    }
    put(found.part);
    usesSlot ||= found.slot;
    i += found.length;
  }
  if (literal !== '') parts.push(literal);
  return { parts, usesSlot };
}

/** The next `{`, `${`, or (inside of an escape) `}}`; the end where there is none. */
function nextBrace(source: string, from: number, escaped: boolean): number {
  for (let i = from; i < source.length; i += 1) {
    const here = source[i];
    if (here === '{') return i;
    if (here === '$' && source[i + 1] === '{') return i;
    if (escaped && here === '}' && source[i + 1] === '}') return i;
  }
  return source.length;
}

/** Behind the brace that closes the one at `open`; behind the one at `open` where none does. */
function expansionEnd(source: string, open: number): number {
  let depth = 0;
  for (let i = open; i < source.length; i += 1) {
    if (source[i] === '{') depth += 1;
    else if (source[i] === '}') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return open + 1;
}

function patternAt(source: string, at: number, scope: ExpressionScope): { part: Part; length: number; slot: boolean } | null {
  const plain = matchAt(path, source, at);
  if (plain !== null) return { part: paths[plain[0]]!, length: plain[0].length, slot: false };
  const words = matchAt(slice, source, at);
  if (words !== null) {
    const which = compileSlice(words[1]!, () => placeIn(source, at));
    if (which !== null) return { part: (line) => sliceWords(line, which), length: words[0].length, slot: false };
  }
  const name = matchAt(tag, source, at);
  if (name !== null) {
    const key = name[1]!;
    return { part: key === 'slot' ? slotNumber : named(key, name[0]), length: name[0].length, slot: key === 'slot' };
  }
  return dynamicAt(source, at, scope);
}

function dynamicAt(source: string, at: number, scope: ExpressionScope): { part: Part; length: number; slot: boolean } | null {
  const mark = source[at + 1];
  if ((mark !== '%' && mark !== '=') || matchAt(word, source, at) !== null) return null;
  const place = (offset: number): string => placeIn(source, at + 2 + offset);
  const end = source.indexOf(`${mark}}`, at + 2);
  if (end === -1) {
    const hint = `write ${mark}} behind it, or {{${mark} for a brace of the command's own`;
    throw new MillraceError('ERR_TEMPLATE', `the template's {${mark} at ${placeIn(source, at)} is never closed: ${hint}`);
  }
  const text = source.slice(at + 2, end);
  const length = end + 2 - at;
  if (mark === '%') {
    if (text.trim() === '')
      throw new MillraceError('ERR_TEMPLATE', `the template has no command between {% and %} at ${placeIn(source, at)}`);
    return { part: { command: text.trim() }, length, slot: false };
  }
  const expression = new Expression(text, scope, place);
  return { part: (line, fields) => expression.value(line, fields), length, slot: false };
}

/** Where an offset is, for people. */
function placeIn(source: string, offset: number): string {
  const before = source.slice(0, offset).split('\n');
  const column = `column ${before.at(-1)!.length + 1}`;
  return before.length === 1 && !source.includes('\n') ? column : `line ${before.length}, ${column}`;
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

/** The value of a field or a tag; without either the braces are the command's own. */
function named(key: string, braces: string): Part {
  return (_line, { fields, tags }) => {
    if (fields !== undefined && Object.hasOwn(fields, key)) return String(fields[key]);
    return tags !== undefined && Object.hasOwn(tags, key) ? String(tags[key]) : braces;
  };
}

function slotNumber(_line: string, { slot }: TemplateFields): string {
  if (slot !== undefined) return String(slot);
  throw new MillraceError(
    'ERR_TEMPLATE',
    "{slot} is known only on a client: use it in the client's template, or $TASK_SLOT in the command",
  );
}

function withoutExtension(line: string): string {
  const whole = line.length > 1 ? line.replace(/\/+$/, '') : line;
  const extension = posix.extname(whole);
  return extension === '' ? whole : whole.slice(0, -extension.length);
}

/**
 * The template of a submission.
 * @throws ERR_TEMPLATE for a malformed one, and for one that can be filled in only on a client
 */
export function submissionTemplate(source: string): Template {
  const template = new Template(source);
  if (template.dynamic || template.usesSlot) {
    const part = template.usesSlot ? '{slot}' : '{% … %}';
    throw new MillraceError('ERR_TEMPLATE', `${part} can be filled in only on a client: put it into the client's template`);
  }
  return template;
}
