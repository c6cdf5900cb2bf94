/** What a server refuses of a graph, as an error of this door. */
import { MillraceError } from '../base/errors.ts';
import { RainException, SessionException } from './exceptions.ts';

/** What a server can refuse of a graph. */
const refusals: ReadonlySet<string> = new Set(['ERR_TASK', 'ERR_NOT_FOUND', 'ERR_STATE', 'ERR_DEPENDENCY', 'ERR_GRAPH', 'ERR_RESOURCES']);

export function refusal(error: unknown): unknown {
  if (!(error instanceof MillraceError) || error instanceof RainException) return error;
  // The server has no such session for this program any more.
  if (error.code === 'ERR_ENDED') return new SessionException(error.message, { cause: error });
  if (!refusals.has(error.code)) return error;
  return new RainException(error.message, { code: error.code, details: error.details, cause: error });
}
