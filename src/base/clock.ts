/** The only place that reads clocks, sets timers and draws chance; cores get all of it as parameters. */
export interface Clock {
  /** Milliseconds since the epoch: for people and records, never for decisions. */
  wall(): number;
  /** Milliseconds by the monotonic clock: for every decision. */
  now(): number;
  /** Call after `ms`; returns the way to call it off. An unreferenced timer does not keep the process alive. */
  after(ms: number, call: () => void, options?: { unref?: boolean }): () => void;
  /** 0 ≤ x < 1. */
  random(): number;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  now: () => performance.now(),
  after(ms, call, options) {
    const timer = setTimeout(call, Math.min(ms, 2_147_483_647));
    if (options?.unref) timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Resolves after `ms`. */
export function pauseFor(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
