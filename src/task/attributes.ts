/**
 * The boundary between the options of a task as users write them and `TaskAttributes`, their one inner form (ms, bytes).
 *
 * Checked by hand, field by field: this runs for every task of a source, and a schema library costs more than the task.
 * An unknown field throws and names the nearest known one: `timeOut` must never be a time-out that silently does not exist.
 */
import { parseSize } from '../base/bytes.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { checkCron, checkTimezone } from './cron.ts';
import { parseTaskId } from './id.ts';
import { checkTags, isTagKey, tagKeyRule } from './tags.ts';
import type { TaskAttributes, TaskOptions } from './task.ts';

type Reader = (value: unknown, into: TaskAttributes) => void;

/** A time as JSON and directives have it; without its zone it would be another time on another machine. */
const timeText = /^\d{4}-\d\d-\d\d/;
const wholeTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/;

const longestKey = 1_024;
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** One reader for each option; `stdin` is no attribute (it travels as the task's input). */
const readers: Readonly<Record<Exclude<keyof TaskOptions, 'stdin'>, Reader>> = {
  id(value, into) {
    into.id = parseTaskId(text(value, 'id'));
  },
  key(value, into) {
    into.key = keyText(value, 'key');
  },
  group(value, into) {
    into.group = whole(value, 'group', 0);
  },
  priority(value, into) {
    into.priority = whole(value, 'priority', -2_147_483_648);
  },
  cores(value, into) {
    into.cores = amount(value, 'cores');
  },
  memory(value, into) {
    into.memory = parseSize(value as number | string, 'memory');
  },
  resources(value, into) {
    const resources: Record<string, number> = {};
    for (const [name, count] of entries(value, 'resources', '{ gpu: 1 }')) {
      if (!isTagKey(name)) throw refused('resources', `names of ${tagKeyRule}`, name);
      resources[name] = amount(count, `resources.${name}`);
    }
    into.resources = resources;
  },
  timeout(value, into) {
    const ms = parseDuration(value as number | string, 'timeout');
    if (ms === 0)
      throw new MillraceError('ERR_DURATION', 'timeout must be longer than 0; leave it out for no limit', nameDetails('timeout'));
    into.timeout = ms;
  },
  tags(value, into) {
    into.tags = checkTags(value);
  },
  startAfter(given, into) {
    const value = typeof given === 'string' && timeText.test(given) ? timeOf(given) : given;
    if (!(value instanceof Date)) {
      into.startDelay = parseDuration(value as number | string, 'startAfter');
      return;
    }
    const time = value.getTime();
    if (Number.isNaN(time)) throw refused('startAfter', 'a valid Date or a duration', value);
    into.startAfter = time;
  },
  dependsOn(value, into) {
    if (!Array.isArray(value)) throw refused('dependsOn', 'a list of task ids', value);
    into.dependsOn = [...new Set(value.map((id: unknown) => parseTaskId(text(id, 'dependsOn'))))];
  },
  dependencyFailure(value, into) {
    if (value !== 'reject' && value !== 'run') throw refused('dependencyFailure', "'reject' or 'run'", value);
    into.dependencyFailure = value;
  },
  cron(value, into) {
    into.cron = checkCron(text(value, 'cron'));
  },
  timezone(value, into) {
    into.timezone = checkTimezone(text(value, 'timezone'));
  },
  maxRetries(value, into) {
    into.maxRetries = whole(value, 'maxRetries', 0);
  },
  backoff(value, into) {
    into.backoff = readBackoff(value);
  },
  env(value, into) {
    const env: Record<string, string> = {};
    for (const [name, content] of entries(value, 'env', "{ MODE: 'fast' }")) {
      if (!environmentName.test(name)) throw refused('env', 'names such as MODE or MODE_2, which a shell can export', name);
      if (typeof content !== 'string' || content.includes('\0')) throw refused(`env.${name}`, 'a text without NUL', content);
      env[name] = content;
    }
    into.env = env;
  },
  cwd(value, into) {
    const path = text(value, 'cwd');
    if (path === '' || path.includes('\0')) throw refused('cwd', 'the path of a directory', value);
    into.cwd = path;
  },
};

const byName: ReadonlyMap<string, Reader> = new Map(Object.entries(readers));

/** The names of all options of a task. */
export const optionNames: readonly string[] = [...byName.keys(), 'stdin'];

/**
 * The attributes of a task's options, or null where none is set. Fields named in `except` are left to the caller; an
 * undefined field is not set.
 *
 * @throws ERR_TASK, ERR_TAG, ERR_SIZE, ERR_DURATION
 */
export function readAttributes(options: Readonly<Record<string, unknown>>, except: readonly string[] = []): TaskAttributes | null {
  let attributes: TaskAttributes | null = null;
  for (const name of Object.keys(options)) {
    const value = options[name];
    if (value === undefined || except.includes(name)) continue;
    const read = byName.get(name);
    if (read === undefined) {
      const known = [...optionNames, ...except];
      throw new MillraceError('ERR_TASK', `a task has no field '${name.slice(0, 100)}'.${didYouMean(name, known)}`, nameDetails(name));
    }
    attributes ??= {};
    read(value, attributes);
  }
  return attributes;
}

/** Both, the second winning field by field; tags are joined. The lists and objects inside are shared: nobody changes them. */
export function mergeAttributes(defaults: TaskAttributes | null, own: TaskAttributes | null): TaskAttributes | null {
  if (defaults === null) return own;
  if (own === null) return defaults;
  const merged: TaskAttributes = { ...defaults, ...own };
  if (defaults.tags !== undefined && own.tags !== undefined) merged.tags = { ...defaults.tags, ...own.tags };
  if (defaults.env !== undefined && own.env !== undefined) merged.env = { ...defaults.env, ...own.env };
  // A task starts by a time or after a delay, not by both: its own word replaces either form of the default.
  if (own.startAfter !== undefined) delete merged.startDelay;
  if (own.startDelay !== undefined) delete merged.startAfter;
  return merged;
}

function readBackoff(value: unknown): NonNullable<TaskAttributes['backoff']> {
  const given = typeof value === 'number' || typeof value === 'string' ? { delay: value } : value;
  const known = ['delay', 'factor', 'max', 'jitter'];
  let delay: number | null = null;
  let factor = 2;
  let max: number | null = null;
  let jitter = 0;
  for (const [name, part] of entries(given, 'backoff', "'10s' or { delay: '10s', factor: 2 }")) {
    if (part === undefined) continue;
    if (name === 'delay') delay = parseDuration(part as number | string, 'backoff.delay');
    else if (name === 'factor') factor = amount(part, 'backoff.factor');
    else if (name === 'max') max = parseDuration(part as number | string, 'backoff.max');
    else if (name === 'jitter') jitter = amount(part, 'backoff.jitter');
    else
      throw new MillraceError(
        'ERR_TASK',
        `backoff has no field '${name.slice(0, 100)}'.${didYouMean(name, known)}`,
        nameDetails('backoff'),
      );
  }
  if (delay === null) throw refused('backoff', 'a duration or an object with a delay', value);
  if (factor < 1) throw refused('backoff.factor', '1 or more', factor);
  if (jitter > 1) throw refused('backoff.jitter', '0 to 1', jitter);
  return { delay, factor, max: max ?? Math.max(delay, 300_000), jitter };
}

function timeOf(value: string): Date {
  const time = new Date(wholeTime.test(value) ? value : Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw refused('startAfter', "a duration, or a time with its zone such as '2026-05-01T03:00:00Z'", value);
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw refused(name, 'a text', value);
  return value;
}

function keyText(value: unknown, name: string): string {
  const key = text(value, name);
  if (key === '' || key.length > longestKey) throw refused(name, `a text of 1 to ${longestKey} characters`, key);
  return key;
}

function whole(value: unknown, name: string, least: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 2_147_483_647) {
    throw refused(name, `a whole number from ${least} to 2147483647`, value);
  }
  return value === 0 ? 0 : value;
}

function amount(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw refused(name, 'a number, 0 or more', value);
  return value === 0 ? 0 : value;
}

function entries(value: unknown, name: string, example: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(name, `an object such as ${example}`, value);
  return Object.entries(value);
}

function refused(name: string, expected: string, value: unknown): MillraceError {
  const given =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, 100))
      : typeof value === 'object' && value !== null
        ? 'an object'
        : String(value);
  return new MillraceError('ERR_TASK', `${name} of a task must be ${expected}; it is ${given}`, nameDetails(name));
}

function nameDetails(name: string): { details: { name: string } } {
  return { details: { name: name.slice(0, 100) } };
}
