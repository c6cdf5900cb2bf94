/** The end of a tick: after what runs now and all promises that it settles, before the event loop turns. */

/** Calls back then. */
export function atTickEnd(call: () => void): void {
  process.nextTick(call);
}
