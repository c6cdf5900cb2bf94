/** Chance with a seed: the same seed makes the same choices (mulberry32). Real processes are never quite on time, so a replay is alike, not equal. */
export function seeded(seed) {
  let state = seed | 0;
  /** 0 to 1. */
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least, most) => least + next() * (most - least);
  const whole = (least, most) => Math.floor(between(least, most + 1));
  return { next, between, whole, pick: (items) => items[whole(0, items.length - 1)], chance: (p) => next() < p };
}

/** One number from two, spread well: what task `n` of a seed is does not depend on who asks, nor when. */
export function mixed(seed, n) {
  return seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b)).next;
}
