/**
 * Inline directives: `gzip big.dat  # MILLRACE: cores:2 memory:4GB sample:007`.
 *
 * A directive is a shell comment of exactly the form `# MILLRACE: …` (or `# HYPERSHELL: …`), where a shell would see a
 * comment. Everything else with a `#` in it is the command's own and stays as it is. Values of tags are never guessed
 * into other types.
 */
import { MillraceError } from '../base/errors.ts';
import { readAttributes } from './attributes.ts';
import { shellComments } from './shell-scan.ts';
import { parseTag } from './tags.ts';
import type { Tags, TaskAttributes } from './task.ts';

const anywhere = /#[ \t]*(?:MILLRACE|HYPERSHELL):/;
const comment = /^#[ \t]*(MILLRACE|HYPERSHELL):/;
const decimal = /^-?\d+(?:\.\d+)?$/;

/** Options that a directive sets; any other key is a tag. As text: `list` is split at commas. */
const options: Readonly<Record<string, 'number' | 'text' | 'list'>> = {
  cores: 'number',
  memory: 'text',
  timeout: 'text',
  group: 'number',
  priority: 'number',
  maxRetries: 'number',
  id: 'text',
  key: 'text',
  startAfter: 'text',
  backoff: 'text',
  dependsOn: 'list',
  dependencyFailure: 'text',
  timezone: 'text',
};

const byLowerCase: ReadonlyMap<string, string> = new Map(Object.keys(options).map((name) => [name.toLowerCase(), name]));

/** Under its other name a directive knows four of them, as its files were written: there `id:7` is a tag. */
const optionsOfOldFiles: ReadonlySet<string> = new Set(['cores', 'memory', 'timeout', 'group']);

/** A line and what its directive says. `attributes` null: an empty directive. */
export interface DirectedLine {
  /** The line without its directive and the blanks before it. */
  readonly line: string;
  readonly attributes: TaskAttributes | null;
}

/**
 * The directive of a command line; null when it has none (the line is then used as it is).
 *
 * @throws ERR_DIRECTIVE, ERR_TAG; `details.column` is where, from 1.
 */
export function readDirective(line: string): DirectedLine | null {
  if (line.indexOf('#') === -1 || !anywhere.test(line)) return null;
  for (const { start, end, wordEnd } of shellComments(line)) {
    const match = comment.exec(line.slice(start, end));
    if (match === null) continue;
    const attributes = readWords(line, start + match[0].length, end, match[1] === 'HYPERSHELL');
    return { line: line.slice(0, wordEnd) + line.slice(end), attributes };
  }
  return null;
}

function readWords(line: string, from: number, to: number, old: boolean): TaskAttributes | null {
  const given = new Set<string>();
  const attributes: TaskAttributes = {};
  const tags: Tags = {};
  let some = false;
  for (const word of line.slice(from, to).matchAll(/\S+/g)) {
    const at = from + word.index;
    try {
      const colon = word[0].indexOf(':');
      const name = colon === -1 ? word[0] : word[0].slice(0, colon);
      const how = old && !optionsOfOldFiles.has(name) ? undefined : Object.hasOwn(options, name) ? options[name] : undefined;
      if (how === undefined) {
        const meant = old ? undefined : byLowerCase.get(name.toLowerCase());
        if (meant !== undefined)
          throw new MillraceError('ERR_DIRECTIVE', `'${name}' is no option, and too near to one for a tag: write '${meant}'`);
        const [key, value] = parseTag(word[0]);
        if (Object.hasOwn(tags, key)) throw new MillraceError('ERR_DIRECTIVE', `the tag '${key}' is given twice`);
        tags[key] = value;
        some = true;
        continue;
      }
      if (given.has(name)) throw new MillraceError('ERR_DIRECTIVE', `'${name}' is given twice`);
      given.add(name);
      Object.assign(attributes, readAttributes({ [name]: fromText(name, how, colon === -1 ? '' : word[0].slice(colon + 1)) }));
    } catch (error) {
      throw located(error, at + 1);
    }
  }
  if (some) attributes.tags = tags;
  return some || given.size > 0 ? attributes : null;
}

function fromText(name: string, how: 'number' | 'text' | 'list', value: string): unknown {
  if (value === '') throw new MillraceError('ERR_DIRECTIVE', `'${name}' needs a value, as in ${name}:${how === 'number' ? '2' : '…'}`);
  if (how === 'text') return value;
  if (how === 'list') return value.split(',');
  if (!decimal.test(value))
    throw new MillraceError('ERR_DIRECTIVE', `'${name}' must be a number; it is ${JSON.stringify(value.slice(0, 100))}`);
  return Number(value);
}

/** The same failure with its place; what is wrong with an option is wrong with the directive. */
function located(thrown: unknown, column: number): MillraceError {
  const error = MillraceError.from(thrown);
  const code = error.code === 'ERR_TAG' ? 'ERR_TAG' : 'ERR_DIRECTIVE';
  return new MillraceError(code, `in the directive at column ${column}: ${error.message}`, {
    cause: error,
    details: { ...error.details, column },
  });
}
