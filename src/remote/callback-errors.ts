/** What becomes of an error of a callback on the side where it was thrown: its caller gets it anyway. */

export interface CallbackErrors {
  /** Hears of each error of a function or method that is marked by `callback`. Default: it is a warning of the process, with its stack. */
  readonly onCallbackError?: (error: unknown, method: string) => void;
}

/** As the option says. */
export function callbackErrors({ onCallbackError }: CallbackErrors): (error: unknown, method: string) => void {
  return onCallbackError ?? warn;
}

function warn(error: unknown, method: string): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(`the callback '${method || 'function'}' failed: ${message}`, { type: 'CallbackError', detail: stack ?? '' });
}
