/**
 * The boundary between a line of a `.jsonl` source and a task: what is an option of the task, and what is a named field for templates.
 *
 * A text is a command line. An object with `args` or `module` is a task, and its other names are fields, unless they look like an
 * option that was written wrongly: `timeOut` must never be a time-out that silently does not exist. An object with neither is all
 * fields (also `id` and `group`, which are columns of many tables); a template makes its command.
 */
import { MillraceError } from '../base/errors.ts';
import { nearestName } from '../base/nearest.ts';
import { optionNames, readAttributes } from './attributes.ts';
import { jsonFault } from './json-scan.ts';
import type { Tags, TagValue, TaskInput } from './task.ts';

/** A line of JSON as a task. */
export interface JsonTask {
  readonly input: TaskInput;
  /** Null: it has none. */
  readonly fields: Tags | null;
  /** Nothing says what to run but a template. */
  readonly bare: boolean;
}

const options: ReadonlySet<string> = new Set(optionNames);

/** @throws ERR_JSON, with `details.column` where it is known */
export function readJsonLine(line: string): JsonTask {
  const value = parsed(line);
  if (typeof value === 'string') return { input: value, fields: null, bare: false };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const given = Array.isArray(value) ? 'a list' : String(value);
    const column = line.search(/\S/) + 1;
    throw new MillraceError('ERR_JSON', `column ${column}: a line must be a text or an object; it is ${given}`, { details: { column } });
  }
  const given = value as Readonly<Record<string, unknown>>;
  if (given.args === undefined && given.module === undefined) {
    const fields: Tags = {};
    for (const name of Object.keys(given)) putField(fields, name, given[name], line);
    if (Object.keys(fields).length === 0) throw new MillraceError('ERR_JSON', 'an object without args and module must have named fields');
    return { input: { args: JSON.stringify(fields) }, fields, bare: true };
  }
  const own: readonly string[] = given.module === undefined ? ['args'] : ['args', 'module', 'name'];
  const task: Record<string, unknown> = {};
  let fields: Tags | null = null;
  for (const name of Object.keys(given)) {
    if (own.includes(name) || options.has(name)) {
      task[name] = given[name];
      continue;
    }
    const meant = meantOption(name, own);
    if (meant !== null)
      throw at(
        line,
        name,
        `'${name.slice(0, 100)}' is no option of a task, and too near to one for a named field. Did you mean '${meant}'?`,
      );
    fields ??= {};
    putField(fields, name, given[name], line);
  }
  return { input: task as unknown as TaskInput, fields, bare: false };
}

/** Whether these fields are all that a task is made of: its args are their JSON. */
export function isBare(args: string, fields: Tags | undefined): boolean {
  return fields !== undefined && args.startsWith('{') && args === JSON.stringify(fields);
}

/** A task of fields alone that no template makes a command of. */
export function withoutTemplate(): MillraceError {
  return new MillraceError(
    'ERR_TEMPLATE',
    "the line has named fields but no args and no module: give a template, such as 'process --name {name}', that makes its command",
  );
}

/** What is wrong with a task of a line of JSON, with the column of the option that is to blame where that can be told. */
export function atOption(thrown: unknown, line: string, input: TaskInput): MillraceError {
  const error = MillraceError.from(thrown, 'ERR_TASK');
  if (typeof input === 'string' || error.details.column !== undefined) return error;
  const name = Object.keys(input).find((option) => {
    if (!options.has(option) || option === 'stdin') return false;
    try {
      readAttributes({ [option]: (input as unknown as Record<string, unknown>)[option] });
      return false;
    } catch {
      return true;
    }
  });
  const blamed = name ?? ['args', 'module', 'name', 'stdin'].find((option) => error.message.includes(option) && option in input);
  const index = blamed === undefined ? -1 : line.indexOf(JSON.stringify(blamed));
  if (index === -1) return error;
  const details = { ...error.details, column: index + 1 };
  return new MillraceError(error.code, `column ${index + 1}: ${error.message}`, { cause: error, details });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    const fault = jsonFault(line);
    const column = (fault?.offset ?? 0) + 1;
    const found = fault === null ? '' : fault.offset >= line.length ? ', but the line ends' : `, not ${JSON.stringify(line[fault.offset])}`;
    throw new MillraceError('ERR_JSON', `column ${column}: the line is no JSON: ${fault?.expected ?? 'a value'} was expected${found}`, {
      cause,
      details: { column },
    });
  }
}

function putField(into: Tags, name: string, value: unknown, line: string): void {
  if (name === '__proto__' || name === '') throw at(line, name, `a field cannot be called ${JSON.stringify(name)}`);
  if (typeof value === 'object' && value !== null)
    throw at(
      line,
      name,
      `the field '${name.slice(0, 100)}' must be a text, a number, a boolean or null; it is ${Array.isArray(value) ? 'a list' : 'an object'}`,
    );
  into[name] = value as TagValue;
}

/** Short names are near to many words (`end` to `env`), and hardly anybody misses the first letter of one. */
function meantOption(name: string, own: readonly string[]): string | null {
  const meant = nearestName(name, [...own, ...optionNames]);
  if (meant === null || meant.length > 5) return meant;
  const plain = name.replace(/[_-]/g, '').toLowerCase();
  return plain === meant || (meant.length > 3 && plain[0] === meant[0]) ? meant : null;
}

/** At the name as it stands in the line; an escaped one is not found, and the message has no column then. */
function at(line: string, name: string, message: string): MillraceError {
  const index = line.indexOf(JSON.stringify(name));
  if (index === -1) return new MillraceError('ERR_JSON', message, { details: { name: name.slice(0, 100) } });
  const column = index + 1;
  return new MillraceError('ERR_JSON', `column ${column}: ${message}`, { details: { name: name.slice(0, 100), column } });
}
