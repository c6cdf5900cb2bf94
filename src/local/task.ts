/** A typed maker of function tasks. */
import type { FunctionTask } from '../task/task.ts';

/**
 * `const hash = task<typeof import('./work.js').hash>(new URL('./work.js', import.meta.url), 'hash')`, then `hash('file')` is a task with checked arguments.
 * @param module A `file:` URL, an absolute path, or a package's name.
 * @param name The export. Default `'default'`.
 */
export function task<F extends (...args: never[]) => unknown>(
  module: URL | string,
  name = 'default',
): (...args: Parameters<F>) => FunctionTask {
  return (...args) => ({ module, name, args });
}
