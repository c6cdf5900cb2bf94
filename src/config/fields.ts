/**
 * The kinds of options, as zod schemas: each accepts what people write, gives the machine's form, and says in its message what was expected.
 *
 * zod is loaded here and in the parsers beside this file, in the host alone (`.bundle.mjs`: only what is used of it): no worker's entry reaches
 * these modules.
 */
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type ParsedAddress, parseAddress } from '../base/address.ts';
import { parseSize } from '../base/bytes.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { readAttributes } from '../task/attributes.ts';
import { checkTags } from '../task/tags.ts';
import type { Tags, TaskAttributes } from '../task/task.ts';
import type { Capture, TaskLine } from './client-options.ts';
import type { BackoffConfig } from './server-options.ts';
import type { Source } from './shared-options.ts';

/** A reader that throws coded errors as a schema; the code travels in the issue's `params`. */
export function coded<T>(read: (value: unknown) => T): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    try {
      return read(value);
    } catch (thrown) {
      const error = MillraceError.from(thrown, 'ERR_OPTION');
      // A task's malformed field is, here, a malformed option.
      const code = error.code === 'ERR_TASK' ? 'ERR_OPTION' : error.code;
      context.addIssue({ code: 'custom', message: error.message, params: { code } });
      return z.NEVER;
    }
  });
}

/** `true` or `false`. */
export function flag(): z.ZodType<boolean> {
  return z.boolean({ error: 'true or false' });
}

/** A whole number in a range, both ends included. */
export function whole(least: number, most: number): z.ZodType<number> {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** A finite number above 0. */
export function positive(): z.ZodType<number> {
  const error = 'a number above 0';
  return z.number({ error }).positive({ error });
}

/** A text that is not empty and holds no NUL. */
export function text(what: string): z.ZodType<string> {
  return z.string({ error: what }).refine((value) => value !== '' && !value.includes('\0'), { error: what });
}

/** A template that is well-formed; of a submission: one that can be filled in without a client. */
export function template(compile: (source: string) => unknown): z.ZodType<string> {
  return coded((value) => {
    if (typeof value !== 'string' || value === '' || value.includes('\0'))
      throw new MillraceError('ERR_OPTION', "template must be a text such as '{}' or 'gzip -k {}'");
    compile(value);
    return value;
  });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words): z.ZodType<Words[number]> {
  return z.enum(words, { error: `one of ${words.map((word) => `'${word}'`).join(', ')}` });
}

/** ms of a duration. `least` in ms; `negative`: negative ones too. */
export function duration(name: string, rules: { least?: number; negative?: boolean } = {}): z.ZodType<number> {
  return coded((value) => {
    const ms = parseDuration(value as number | string, name, { negative: rules.negative ?? false });
    if (rules.least !== undefined && ms < rules.least)
      throw new MillraceError('ERR_OPTION', `${name} must be at least ${rules.least / 1_000} s; it is ${ms / 1_000} s`);
    return ms;
  });
}

/** Bytes of a size; `mostMiB`: at most so many MiB. */
export function size(name: string, rules: { mostMiB?: number } = {}): z.ZodType<number> {
  return coded((value) => {
    const bytes = parseSize(value as number | string, name);
    const most = rules.mostMiB ?? Number.POSITIVE_INFINITY;
    if (bytes > most * 2 ** 20) throw new MillraceError('ERR_SIZE', `${name} must be at most ${most} MiB; it is ${bytes} bytes`);
    return bytes;
  });
}

/** An address; `dialled`: port 0 is refused, since nobody listens on it. */
export function address(rules: { dialled: boolean; name?: string }): z.ZodType<ParsedAddress> {
  return coded((value) => (rules.dialled ? dialled(value, rules.name) : parseAddress(value, rules.name)));
}

function dialled(value: unknown, name?: string): ParsedAddress {
  const parsed = parseAddress(value, name);
  if ('port' in parsed && parsed.port === 0)
    throw new MillraceError('ERR_ADDRESS', 'address has port 0, which is for a listener; give the port that `server.address` tells');
  return parsed;
}

/** The address of a server, or a list of them: the first, and the others. */
export function addresses(): z.ZodType<{ address: ParsedAddress; others?: readonly ParsedAddress[] }> {
  return coded((value) => {
    const list: unknown[] = Array.isArray(value) && !isPair(value) ? value : [value];
    const [first, ...others] = list.map((item) => dialled(item));
    if (first === undefined) throw new MillraceError('ERR_ADDRESS', 'address is an empty list; give the address of each server');
    return others.length === 0 ? { address: first } : { address: first, others };
  });
}

/** Host and port are one address, also where the port is a text, which is refused: no address is digits alone. */
function isPair([, port]: readonly unknown[]): boolean {
  return typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
}

/** Tags of a task or a client. */
export function tags(): z.ZodType<Tags> {
  return coded(checkTags);
}

/** An option that is a field of a task too: one rule for both. */
export function taskField<Name extends keyof TaskAttributes>(name: Name): z.ZodType<NonNullable<TaskAttributes[Name]>> {
  return coded((value) => {
    const read = readAttributes({ [name]: value })?.[name];
    if (read === undefined) throw new MillraceError('ERR_OPTION', `${name} is not set`);
    return read;
  });
}

/** A duration or the parts of a back-off, in ms. */
export function backoff(): z.ZodType<BackoffConfig> {
  return taskField('backoff');
}

/** The path of a file or anything that can be iterated; never a list of characters. */
export function source(): z.ZodType<Source> {
  const error = 'the path of a file, a file: URL, a Readable, or something to iterate over';
  return z.custom<Source>(
    (value) => {
      if (typeof value === 'string') return value !== '' && !value.includes('\0');
      if (value instanceof URL) return value.protocol === 'file:';
      if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
      return Symbol.iterator in value || Symbol.asyncIterator in value;
    },
    { error },
  );
}

/** Where tasks are kept; null: in memory. */
export function database(): z.ZodType<string | null> {
  return coded((value) => {
    const expected = "database must be 'memory:', the path of a file, 'sqlite:path' or 'postgres://…'";
    if (typeof value !== 'string' || value === '' || value === 'sqlite:' || value.includes('\0'))
      throw new MillraceError('ERR_OPTION', `${expected}; it is ${typeof value === 'string' ? JSON.stringify(value) : typeof value}`);
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(value)?.[1]?.toLowerCase();
    if (scheme === undefined || scheme === 'sqlite') return value;
    if (value === 'memory:') return null;
    // The store looks at the rest of it: which parameters there are is its matter.
    if (/^postgres(?:ql)?:\/\//i.test(value)) return value;
    // Two letters or more before a colon: no drive of Windows. The rest of the text may hold a password.
    throw new MillraceError('ERR_OPTION', `${expected}; '${scheme}:' is not supported. A file of such a name is './${scheme}:…'`);
  });
}

/** One of the words, or a function of lines. */
export function capture(): z.ZodType<Exclude<Capture, 'lines'> | ((line: TaskLine) => void | Promise<void>)> {
  const words = ['result', 'files', 'inherit', 'none'];
  return z.custom<Exclude<Capture, 'lines'> | ((line: TaskLine) => void | Promise<void>)>(
    (value) => typeof value === 'function' || words.includes(value as string),
    { error: `one of ${words.map((word) => `'${word}'`).join(', ')}, or a function of one line` },
  );
}

/** A stream, the path of a file (a text or a `file:` URL, given back as a text), or, where that is allowed, a function. */
export function redirect<Callback = never>(rules: { callback?: boolean } = {}): z.ZodType<Writable | string | Callback> {
  const error = `a stream, the path of a file${rules.callback ? ' or a function' : ''}`;
  return z
    .custom<Writable | string | URL | Callback>(
      (value) => {
        if (typeof value === 'string') return value !== '' && !value.includes('\0');
        if (value instanceof URL) return value.protocol === 'file:';
        if (typeof value === 'function') return rules.callback === true;
        return typeof value === 'object' && value !== null && 'write' in value && typeof value.write === 'function';
      },
      { error },
    )
    .transform((value): Writable | string | Callback => (value instanceof URL ? fileURLToPath(value) : value));
}

/** Whether, and how, what was submitted before is taken up. */
export function resume(): z.ZodType<boolean | 'failed'> {
  return z.union([z.boolean(), z.literal('failed')], { error: "true, false or 'failed'" });
}

/** A function. */
export function callback<T>(what: string): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === 'function', { error: what });
}

/** An object with pino's four methods. */
export function logger(): z.ZodType<Logger> {
  const has = (value: object, name: string): boolean => name in value && typeof value[name as keyof typeof value] === 'function';
  return z.custom<Logger>(
    (value) => typeof value === 'object' && value !== null && ['debug', 'info', 'warn', 'error'].every((name) => has(value, name)),
    { error: "a logger of pino's shape: debug, info, warn and error as methods (details, message)" },
  );
}

/** An AbortSignal. */
export function signal(): z.ZodType<AbortSignal> {
  return z.custom<AbortSignal>((value) => value instanceof AbortSignal, { error: 'an AbortSignal' });
}
