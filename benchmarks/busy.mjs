/** A task that keeps a processor for some milliseconds, as computations do: for `gateway.mjs`. */
export function work(rounds) {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (Math.imul(x, 1_103_515_245) + 12_345) | 0;
  return x;
}
