/** What is waited for from outside: promises that somebody else settles, and the abort of a signal. */

/** A promise that is settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Who wants to know of the abort of a signal of the user. However many they are, it has one listener: Node warns, on the user's stderr, of more than ten. */
const listening = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls once, at the abort; at once if that was before. Returns the way to call it off. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) {
    call();
    return () => {};
  }
  const known = listening.get(signal);
  const calls = known ?? new Set<() => void>();
  if (known === undefined) {
    listening.set(signal, calls);
    signal.addEventListener('abort', told, { once: true });
  }
  // One that is given twice is called twice.
  const own = (): void => call();
  calls.add(own);
  return () => {
    calls.delete(own);
    if (calls.size > 0 || listening.get(signal) !== calls) return;
    listening.delete(signal);
    signal.removeEventListener('abort', told);
  };
}

function told(this: AbortSignal): void {
  const calls = listening.get(this);
  listening.delete(this);
  for (const call of calls ?? []) call();
}
