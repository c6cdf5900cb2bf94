/** Arguments by name, which Python has and this language has not. */
import { MillraceError } from '../../base/errors.ts';

export class Kwargs {
  readonly named: Readonly<Record<string, unknown>>;

  /** By `kwargs()`. */
  constructor(named: Readonly<Record<string, unknown>>) {
    this.named = named;
  }
}

/** The last argument of a call over Pyro's wire: `music.play('song', kwargs({ volume: 9 }))` is `music.play('song', volume=9)`. @throws ERR_OPTION */
export function kwargs(named: Readonly<Record<string, unknown>>): Kwargs {
  if (typeof named === 'object' && named !== null && !Array.isArray(named)) return new Kwargs(named);
  throw new MillraceError('ERR_OPTION', 'kwargs() takes an object: each field is an argument by its name');
}

/** Arguments by place, and those by name. @throws ERR_OPTION for `kwargs` that is not the last */
export function splitArguments(args: readonly unknown[]): [params: readonly unknown[], named: Readonly<Record<string, unknown>>] {
  const last = args[args.length - 1];
  const params = last instanceof Kwargs ? args.slice(0, -1) : args;
  if (params.some((item) => item instanceof Kwargs)) throw new MillraceError('ERR_OPTION', 'kwargs() is the last argument of a call, once');
  return [params, last instanceof Kwargs ? last.named : {}];
}
