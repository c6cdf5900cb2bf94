/** What a call threw, as plain data of bounded size. */
import type { TaskError } from '../../../task/result.ts';

const longestMessage = 8_192;
const deepestCause = 4;

export function taskError(thrown: unknown, depth = 0): TaskError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: text(thrown), code: null, stack: null };
  const code: unknown = 'code' in thrown ? thrown.code : null;
  const error: TaskError = {
    name: text(thrown.name),
    message: text(thrown.message),
    code: typeof code === 'string' ? code : null,
    stack: typeof thrown.stack === 'string' ? thrown.stack.slice(0, longestMessage) : null,
  };
  if (thrown.cause !== undefined && depth < deepestCause) error.cause = taskError(thrown.cause, depth + 1);
  return error;
}

/** Whatever was thrown must not throw again while it is told. */
function text(value: unknown): string {
  try {
    return String(value).slice(0, longestMessage);
  } catch {
    return 'something that cannot be shown as text';
  }
}
