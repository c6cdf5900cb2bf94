/** The options of daemons and proxies, checked by hand: an unknown name is refused with the one that was meant. */

import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import type { Duration } from '../task/task.ts';
import type { TlsChoice } from '../transport/certificate.ts';
import type { Classes } from './values.ts';

/** What both ends of a connection are told. */
export interface SharedRemoteOptions {
  /** The key of both sides, at least 12 characters. Default: a random one that processes of the same user on this machine find. */
  readonly auth?: string | null;
  readonly tls?: TlsChoice;
  /** Classes whose instances cross as such: `{ Point }`, the same on both sides. Only own fields cross; no constructor runs. */
  readonly classes?: Classes;
}

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

/** ms; null: none. 0 is none, as on a proxy without a time-out. @throws ERR_DURATION */
export function timeoutOf(value: Duration | null | undefined): number | null {
  if (value === undefined || value === null) return null;
  const ms = parseDuration(value, 'timeout');
  return ms === 0 ? null : ms;
}

/** @throws ERR_OPTION */
export function wholeNumber(value: unknown, name: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new MillraceError('ERR_OPTION', `${name} must be a whole number of 0 or more; it is ${String(value)}`, {
    details: { option: name },
  });
}
