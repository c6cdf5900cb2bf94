/**
 * The one way from a schema to checked options: every issue becomes a coded error that names the option, the value and what was
 * expected, and what comes out is frozen to its depth.
 */
import { inspect } from 'node:util';
import type { z } from 'zod';
import { type ErrorCode, errorCodes, MillraceError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { didYouMean } from '../base/nearest.ts';
import { httpServerNames } from './http-server.ts';
import { connectionLimitNames, tlsNames } from './security-fields.ts';
import type { ComponentHooks, Parsed } from './shared-options.ts';

/** Values of these options, and of what is inside them, never stand in a message. */
const secret = new Set(['auth', 'tls', 'http']);

const nestedNames: Readonly<Record<string, readonly string[]>> = {
  tls: tlsNames,
  connectionLimits: connectionLimitNames,
  http: httpServerNames,
  'http.tls': tlsNames,
  retain: ['count', 'age'],
  monitor: ['interval', 'series'],
  resourceLimits: ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'],
};

/** The options as the schema makes them. Absent and `undefined` are the same. @throws ERR_UNKNOWN_OPTION, ERR_OPTION and the codes of single options */
export function readOptions<T extends z.ZodObject>(schema: T, options: unknown, owner: string): z.infer<T> {
  const read = schema.safeParse(options === undefined ? {} : options);
  if (read.success) return read.data;
  // An unknown name first: the rest of the options is probably meant as it stands.
  const issues = read.error.issues;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  throw issue === undefined ? new MillraceError('ERR_OPTION', `the options of ${owner} are wrong`) : toError(issue, schema, options, owner);
}

function toError(issue: z.core.$ZodIssue, schema: z.ZodObject, options: unknown, owner: string): MillraceError {
  const option = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys[0] ?? '';
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : (nestedNames[option] ?? []);
    const name = option === '' ? unknown : `${option}.${unknown}`;
    return new MillraceError('ERR_UNKNOWN_OPTION', `${owner} has no option '${name.slice(0, 200)}'.${didYouMean(unknown, known)}`, {
      details: { option: name },
    });
  }
  if (option === '') return new MillraceError('ERR_OPTION', `the options of ${owner} must be an object; they are ${shown(options)}`);
  const code: unknown = issue.code === 'custom' ? issue.params?.code : undefined;
  if (typeof code === 'string' && Object.hasOwn(errorCodes, code))
    return new MillraceError(code as ErrorCode, issue.message, { details: { option } });
  const value = valueAt(options, issue.path);
  return wrongOption(option, issue.message, value);
}

/** ERR_OPTION in the one form that all of them have. */
export function wrongOption(option: string, expected: string, value: unknown): MillraceError {
  const given = secret.has(option.split('.')[0] as string) ? '' : `; it is ${shown(value)}`;
  return new MillraceError('ERR_OPTION', `${option} must be ${expected}${given}`, { details: { option } });
}

function valueAt(options: unknown, path: readonly PropertyKey[]): unknown {
  let value = options;
  for (const key of path) value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value;
}

function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 5, maxStringLength: 100 }).slice(0, 200);
}

/** The parts of checked options that every component has. */
export function componentHooks(options: {
  logger?: ComponentHooks['logger'] | undefined;
  signal?: AbortSignal | undefined;
}): ComponentHooks {
  return { logger: options.logger ?? silentLogger, signal: options.signal ?? null };
}

/** Freezes the configuration to its depth, and the hooks themselves (a logger or a source is its owner's). */
export function parsed<Config extends object, Hooks extends object>(config: Config, hooks: Hooks): Parsed<Config, Hooks> {
  return Object.freeze({ config: deepFreeze(config), hooks: Object.freeze(hooks) });
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
