/** The end of a task that could not even be made into something that runs: a failure like any other, with its reason. */
import type { MillraceError } from '../base/errors.ts';
import { libraryError } from '../task/result.ts';
import type { ExecutionEnd } from './executor.ts';

/** @param startedAt Epoch ms. */
export function refused(key: number, { message, code }: MillraceError, startedAt: number): ExecutionEnd {
  return { key, outcome: 'failed', exitStatus: null, startedAt, durationMs: 0, extra: { error: libraryError(code, message) } };
}
