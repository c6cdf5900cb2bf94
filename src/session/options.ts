/** The options of a session's calls, checked at the call: an unknown name is refused with the one that was meant. */
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import type { Duration } from '../task/task.ts';

/** How long a call may wait. */
export interface WaitOptions {
  /** Then ERR_TIMEOUT; what it waited for goes on. Default: none. */
  readonly timeout?: Duration;
  /** Ends the waiting with ERR_ABORTED; what it waited for goes on. */
  readonly signal?: AbortSignal;
}

/** The same for a request: ms that are left. */
export interface Patience {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

const waitNames: readonly (keyof WaitOptions)[] = ['timeout', 'signal'];

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION */
export function checkOptions<T extends object>(options: T | undefined, known: readonly (keyof T & string)[], owner: string): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new MillraceError('ERR_OPTION', `the options of ${owner} must be an object`);
  for (const name of Object.keys(options))
    if (!(known as readonly string[]).includes(name))
      throw new MillraceError('ERR_UNKNOWN_OPTION', `${owner} has no option '${name.slice(0, 200)}'.${didYouMean(name, known)}`, {
        details: { option: name },
      });
  return options;
}

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION */
export function patienceOf(options: WaitOptions | undefined, owner: string): Patience {
  const { timeout, signal } = checkOptions(options, waitNames, owner);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new MillraceError('ERR_OPTION', 'signal must be an AbortSignal', { details: { option: 'signal' } });
  return {
    ...(timeout === undefined ? {} : { timeout: parseDuration(timeout, 'timeout') }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A text or undefined. @throws ERR_OPTION */
export function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new MillraceError('ERR_OPTION', `${name} must be a text; it is of type ${typeof value}`, { details: { option: name } });
}

/** @throws ERR_OPTION */
export function optionalNumber(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0)) return value;
  throw new MillraceError('ERR_OPTION', `${name} must be a number of 0 or more; it is ${String(value)}`, { details: { option: name } });
}
