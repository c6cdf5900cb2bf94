/** The functions that the benchmarks call. */
export function nothing() {}

/** The machine's monotonic clock, ns as text: the same in every thread and process. */
export function now() {
  return String(process.hrtime.bigint());
}
