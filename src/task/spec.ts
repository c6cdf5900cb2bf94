/**
 * The boundary between tasks as users write them and `WireTask`, the form in which they travel and are stored.
 *
 * A plain line costs two scans and one small array (over a million a second); everything else is checked field by field.
 * Two ways: `toWireTask` throws what is wrong, `rejectedTask` records it as a task that never runs.
 */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '../base/errors.ts';
import { mergeAttributes, readAttributes } from './attributes.ts';
import { readDirective } from './directive.ts';
import { atOption, type JsonTask } from './json-line.ts';
import { isTooLarge, largestPayload } from './size.ts';
import type { TaskAttributes, TaskInput, WireTask } from './task.ts';
import type { Template } from './template.ts';
import { encodeValue } from './value.ts';

const shell = 0;
const functionKind = 1;

const ownFieldsOfShell: readonly string[] = ['args', 'stdin'];
const ownFieldsOfFunction: readonly string[] = ['module', 'name', 'args'];
const shellOnly: readonly string[] = ['cwd', 'env', 'stdin'];

/** Half of a surrogate pair. */
const halfPair = /\p{Surrogate}/u;

/** Longest text that a rejected task keeps of what was given. */
const longestRejected = 1_000;

/**
 * A task in its wire form. A string is a command line whose directive is read; the `args` of an object are taken as they are.
 *
 * @param defaults What the task has where it says nothing itself; shared by all tasks, never changed.
 * @param template Applied to command lines now; null: none.
 * @throws ERR_TASK, ERR_TAG, ERR_DIRECTIVE, ERR_TEMPLATE, ERR_SIZE, ERR_DURATION, ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE
 */
export function toWireTask(input: TaskInput, defaults: TaskAttributes | null = null, template: Template | null = null): WireTask {
  const task = wireTaskOf(input, defaults, template);
  if (!isTooLarge(task)) return task;
  throw new MillraceError(
    'ERR_FRAME_TOO_LARGE',
    `a task must have at most ${largestPayload} bytes, its input included: write what is longer to a file and pass the path`,
  );
}

function wireTaskOf(input: TaskInput, defaults: TaskAttributes | null, template: Template | null): WireTask {
  if (typeof input === 'string') return lineTask(input, defaults, template);
  if (typeof input !== 'object' || input === null) throw notATask(input);
  const fields = input as unknown as Readonly<Record<string, unknown>>;
  if (fields.module !== undefined) return functionTask(fields, defaults);
  if (typeof fields.args !== 'string') throw notATask(input);
  const attributes = mergeAttributes(defaults, readAttributes(fields, ownFieldsOfShell));
  return commandTask(fields.args, standardInput(fields.stdin), attributes, template);
}

/**
 * The task of a line of JSON that is an object: as `toWireTask`, with its named fields.
 * @throws as `toWireTask`, with the column where it is known
 */
export function jsonWireTask(
  line: string,
  { input, fields }: JsonTask,
  defaults: TaskAttributes | null,
  template: Template | null,
): WireTask {
  try {
    return toWireTask(input, fields === null ? defaults : { ...defaults, fields }, template);
  } catch (error) {
    throw atOption(error, line, input);
  }
}

/**
 * The record of a task that was refused: its outcome is `rejected`, it never runs.
 *
 * @param line Its line or place in the source, from 1; named in the message together with a column where one is known.
 */
export function rejectedTask(input: unknown, thrown: unknown, line: number | null = null): WireTask {
  const { code, message } = line === null ? MillraceError.from(thrown, 'ERR_TASK') : atLine(thrown, line);
  const rejected = { code, message };
  try {
    const isFunction = typeof input === 'object' && input !== null && (input as { module?: unknown }).module !== undefined;
    return [isFunction ? functionKind : shell, summary(input), null, { rejected }];
  } catch {
    // A getter or a proxy of the source's own that throws.
    return [shell, 'an object that cannot be read', null, { rejected }];
  }
}

/** The same error with its line in the message and in `details`. */
export function atLine(thrown: unknown, line: number): MillraceError {
  const error = MillraceError.from(thrown, 'ERR_TASK');
  return new MillraceError(error.code, `line ${line}: ${error.message}`, { cause: error, details: { ...error.details, line } });
}

/**
 * The two halves of a function's `module#name`.
 * @throws ERR_TASK
 */
export function splitFunctionName(args: string): { module: string; name: string } {
  const hash = args.lastIndexOf('#');
  if (hash <= 0 || hash === args.length - 1) {
    throw new MillraceError('ERR_TASK', `a function is named 'module#name', not ${JSON.stringify(args.slice(0, 200))}`);
  }
  return { module: args.slice(0, hash), name: args.slice(hash + 1) };
}

function lineTask(line: string, defaults: TaskAttributes | null, template: Template | null): WireTask {
  const directed = readDirective(line);
  if (isNothing(directed === null ? line : directed.line))
    throw new MillraceError('ERR_TASK', 'a command line must not be empty or only a comment: there is nothing to run');
  if (directed === null) return commandTask(line, null, defaults, template);
  return commandTask(directed.line, null, mergeAttributes(defaults, directed.attributes), template);
}

function commandTask(
  line: string,
  input: string | Uint8Array | null,
  attributes: TaskAttributes | null,
  template: Template | null,
): WireTask {
  if (isBlank(line)) throw new MillraceError('ERR_TASK', 'a command line must not be empty');
  const args =
    template === null || template.identity ? line : template.expand(line, { tags: attributes?.tags, fields: attributes?.fields });
  if (args.indexOf('\0') !== -1)
    throw new MillraceError('ERR_TASK', 'a command line must not contain a NUL character; no shell can take it');
  // As UTF-8 half a pair would become another character, and the command another command.
  if (halfPair.test(args))
    throw new MillraceError('ERR_TASK', 'a command line must be well-formed text; it has half of a surrogate pair, which has no bytes');
  return young(shell, args, input, attributes);
}

/**
 * The same as a literal, but always allocated among what is young. The first tasks of a source stay in the queue's window, from which V8 concludes that what this place
 * makes lives long: a literal was then allocated as old, so that a million lines left 60 MB of dead tasks until the whole heap was marked.
 */
function young(...task: WireTask): WireTask {
  return task;
}

/** Every line of it is blank or a comment; decided by the first character for all but a few lines. */
function isNothing(line: string): boolean {
  const first = line.charCodeAt(0);
  if (first > 35 && first < 127) return false;
  return line.split('\n').every((part) => /^\s*(?:#|$)/.test(part));
}

/** Nothing but white space; decided by the first character for all but a few lines. */
function isBlank(line: string): boolean {
  const first = line.charCodeAt(0);
  return !(first > 32 && first < 127) && line.trim() === '';
}

function functionTask(fields: Readonly<Record<string, unknown>>, defaults: TaskAttributes | null): WireTask {
  for (const name of shellOnly) {
    if (fields[name] === undefined) continue;
    throw new MillraceError('ERR_TASK', `'${name}' is for commands only: a function runs in a thread, which has none; pass it in args`, {
      details: { name },
    });
  }
  const { name = 'default', args = [] } = fields;
  if (typeof name !== 'string' || name === '' || name.includes('#')) {
    throw new MillraceError('ERR_TASK', `the name of a function must be that of an export, without '#'; it is ${shown(name)}`);
  }
  if (!Array.isArray(args)) throw new MillraceError('ERR_TASK', `the args of a function must be a list; they are ${shown(args)}`);
  const attributes = mergeAttributes(defaults, readAttributes(fields, ownFieldsOfFunction));
  return [functionKind, targetOf(fields.module, name), args.length === 0 ? null : encodeValue(args, 'args'), attributes];
}

/** The function that was named last: most tasks name the one that the task before them named, and to make its text takes as long as all the rest. */
let last = { module: '', name: '', target: '' };

function targetOf(module: unknown, name: string): string {
  const given = module instanceof URL ? module.href : module;
  if (given === last.module && name === last.name) return last.target;
  const target = `${moduleName(given)}#${name}`;
  if (typeof given === 'string') last = { module: given, name, target };
  return target;
}

/** A module as every client can resolve it: a `file:` URL, or the name of a package. */
function moduleName(name: unknown): string {
  if (typeof name !== 'string' || name === '') {
    throw new MillraceError(
      'ERR_TASK',
      `the module of a function must be a file: URL, an absolute path or a package's name; it is ${shown(name)}`,
    );
  }
  if (isAbsolute(name)) return pathToFileURL(name).href;
  if (/^\.\.?(?:[/\\]|$)/.test(name)) {
    throw new MillraceError(
      'ERR_TASK',
      `the module ${shown(name)} is relative, and a client would not know to what: use new URL(${shown(name)}, import.meta.url)`,
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(name)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file' && scheme !== 'node') {
    throw new MillraceError('ERR_TASK', `the module ${shown(name)} is no file: URL; other kinds of URL cannot be loaded by a client`);
  }
  return name;
}

function standardInput(stdin: unknown): string | Uint8Array | null {
  if (stdin === undefined || stdin === null) return null;
  if (typeof stdin === 'string' || stdin instanceof Uint8Array) return stdin;
  throw new MillraceError('ERR_TASK', `stdin of a task must be a text or bytes; it is ${shown(stdin)}`);
}

function notATask(input: unknown): MillraceError {
  const args: unknown = typeof input === 'object' && input !== null ? (input as { args?: unknown }).args : undefined;
  if (args !== undefined)
    return new MillraceError('ERR_TASK', `the args of a command must be a text, its command line; they are ${shown(args)}`);
  return new MillraceError(
    'ERR_TASK',
    `a task must be a command line, { args: 'a command line', … } or { module, name, args: […] }; it is ${shown(input)}`,
  );
}

/** What is recorded as the args of a task that was refused. */
function summary(input: unknown): string {
  if (typeof input === 'string') return input.slice(0, longestRejected);
  if (typeof input !== 'object' || input === null) return shown(input);
  const { module, name, args } = input as { module?: unknown; name?: unknown; args?: unknown };
  if (module !== undefined) return `${String(module)}#${name === undefined ? 'default' : String(name)}`.slice(0, longestRejected);
  return typeof args === 'string' ? args.slice(0, longestRejected) : shown(input);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : `an object with ${fieldNames(value)}`;
  return typeof value === 'function' ? 'a function' : String(value);
}

function fieldNames(value: object): string {
  const names = Object.keys(value).slice(0, 8);
  return names.length === 0 ? 'no fields' : `the fields ${names.join(', ')}`;
}
