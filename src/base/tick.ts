/** The turns of the event loop: the end of a tick, after what runs now and all promises that it settles, and the end of a round, after what came in and out. */

/** Calls back then. */
export function atTickEnd(call: () => void): void {
  process.nextTick(call);
}

/** Resolves when the event loop has turned; with null, which can be told from what it is raced with. */
export function roundEnd(): Promise<null> {
  return new Promise((resolve) => void setImmediate(resolve, null));
}
