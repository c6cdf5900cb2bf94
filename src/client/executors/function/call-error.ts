/** What a call threw, as plain data of bounded size, and why its thread ended. */
import { inspect, types } from 'node:util';
import type { ResourceLimits } from 'node:worker_threads';
import { reasonOf } from '../../../base/errors.ts';
import type { TaskError } from '../../../task/result.ts';

const longestMessage = 8_192;
const deepestCause = 4;
const unshown = 'something that cannot be shown as text';

/** Whatever was thrown must not throw again while it is told. */
export function taskError(thrown: unknown, depth = 0): TaskError {
  if (!isError(thrown)) return { name: 'Error', message: text(thrown), code: null, stack: null };
  const code = part(thrown, 'code');
  const stack = part(thrown, 'stack');
  const cause = part(thrown, 'cause');
  const error: TaskError = {
    name: text(part(thrown, 'name')),
    message: text(part(thrown, 'message')),
    code: typeof code === 'string' ? code : null,
    stack: typeof stack === 'string' ? stack.slice(0, longestMessage) : null,
  };
  if (cause !== undefined && depth < deepestCause) error.cause = taskError(cause, depth + 1);
  return error;
}

function isError(thrown: unknown): thrown is Error {
  try {
    // An error of a `node:vm` context is no instance of this one's class.
    return thrown instanceof Error || types.isNativeError(thrown);
  } catch {
    return false;
  }
}

function part(error: Error, name: 'name' | 'message' | 'stack' | 'cause' | 'code'): unknown {
  try {
    return (error as { readonly code?: unknown } & Error)[name];
  } catch {
    return name === 'message' ? unshown : undefined;
  }
}

/** Of an object that is no error, what it holds: `[object Object]` would help nobody. */
function text(value: unknown): string {
  try {
    const shown =
      typeof value === 'object' && value !== null ? inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY }) : String(value);
    return shown.slice(0, longestMessage);
  } catch {
    return unshown;
  }
}

/** Why a thread ended; out of memory: also what it was limited to. */
export function crashReason(cause: unknown, limits: ResourceLimits | undefined): string {
  const reason = reasonOf(cause);
  const isMemory = cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (limits === undefined || !isMemory) return reason;
  const named = Object.entries(limits).map(([name, limit]) => `${name} ${limit}`);
  return `${reason} (resourceLimits: ${named.join(', ')})`;
}
