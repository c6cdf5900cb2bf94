/**
 * A slowdown on purpose, for the guard's own proof: preloaded (`NODE_OPTIONS=--import`) into the processes of a benchmark, it does nothing but in a
 * server's thread, where the core then takes `BENCH_SLOWDOWN` µs of processor time more for each result that it records. It is work, not a wait of
 * the clock: time in which the thread is put aside does not count.
 */
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const microseconds = Number(process.env.BENCH_SLOWDOWN ?? 0);

/** A longer step between two looks at the clock: the thread was put aside, and did not work. */
const asideMs = 0.05;

function work(ms) {
  let left = ms;
  let last = performance.now();
  while (left > 0) {
    const now = performance.now();
    if (now - last < asideMs) left -= now - last;
    last = now;
  }
}

if (!isMainThread && microseconds > 0 && process.argv[1]?.endsWith('/dist/server/entry.js')) {
  globalThis.millraceSlowdown = (event) => {
    if (event.type !== 'results') return;
    for (const [, results] of event.bundles) work((microseconds / 1_000) * results.length);
  };
  register(new URL('./slowdown-loader.mjs', import.meta.url));
}
