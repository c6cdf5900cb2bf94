/** What becomes of an error of a callback on the side where it was thrown: its caller gets it anyway. */
import { isThenable } from '../base/thenable.ts';
import type { Target } from './target.ts';

export interface CallbackErrors {
  /** Hears of each error of a function or method that is marked by `callback`. Default: it is a warning of the process, with its stack. */
  readonly onCallbackError?: (error: unknown, method: string) => void;
}

/** As the option says. */
export function callbackErrors({ onCallbackError }: CallbackErrors): (error: unknown, method: string) => void {
  return onCallbackError ?? warn;
}

/** Calls a method. Where it is a callback, `failed` hears of its error too. */
export function callTelling(target: Target, name: string, args: unknown[], failed: (error: unknown, method: string) => void): unknown {
  if (!target.exposure.callback.has(name)) return target.call(name, args);
  const tell = (error: unknown): never => {
    failed(error, name);
    throw error;
  };
  try {
    const result = target.call(name, args);
    return isThenable(result) ? Promise.resolve(result).catch(tell) : result;
  } catch (error) {
    return tell(error);
  }
}

/** The same object, of whose callbacks `failed` hears, and nobody else. */
export function telling(target: Target, failed: (error: unknown, method: string) => void): Target {
  if (target.exposure.callback.size === 0) return target;
  return {
    call: (method, args) => callTelling(target, method, args, failed),
    get: (name) => target.get(name),
    set: (name, value) => target.set(name, value),
    exposure: { ...target.exposure, callback: new Set() },
  };
}

function warn(error: unknown, method: string): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(`the callback '${method || 'function'}' failed: ${message}`, { type: 'CallbackError', detail: stack ?? '' });
}
