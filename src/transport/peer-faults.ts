/** What a connection ends with when the other side is to blame. */
import { MillraceError } from '../base/errors.ts';

/** Tells the peer's fault from a defect in a role's handler, which must not be swallowed. */
export class BrokenFrame extends Error {
  constructor(cause: unknown) {
    super('broken frame', { cause });
  }
}

export function slowPeer(why: string): MillraceError {
  return new MillraceError('ERR_SLOW_PEER', `the other side reads too slowly: ${why}`);
}
