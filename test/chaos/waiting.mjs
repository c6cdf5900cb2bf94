/** Waiting with an end. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What `condition` gives once it gives something. */
export async function until(condition, what, ms = 20_000) {
  const end = performance.now() + ms;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > end) throw new Error(`waited ${ms / 1000} s in vain for ${what}`);
    await sleep(40);
  }
}

/** What `promise` gives, if it does so in time. */
export async function within(promise, what, ms) {
  const late = Symbol();
  const found = await Promise.race([promise, sleep(ms, late, { ref: false })]);
  if (found === late) throw new Error(`waited ${ms / 1000} s in vain for ${what}`);
  return found;
}
