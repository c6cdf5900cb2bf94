/**
 * One run in a process of its own, so that no run's examination holds up the proxy of another: `node one.mjs '{"fault":"net-cut","seed":7,"seconds":6}'`.
 * It prints what came of it as one line of JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { records as recordsIn } from './endings.mjs';
import { faults } from './faults/index.mjs';
import { World } from './world.mjs';

const { fault: name, seed, seconds, keep = false } = JSON.parse(process.argv[2]);
const fault = faults.find((known) => known.name === name);
/** No run takes longer (ms). */
const longest = fault.long ? 300_000 : 150_000;
const world = new World({ seed, seconds });
const began = performance.now();
let found = null;
let thrown = null;

async function run() {
  await fault.run(world);
  return world.examine();
}

try {
  found = await Promise.race([run(), sleep(longest, null, { ref: false })]);
  if (found === null) throw new Error(`the run was not over after ${longest / 1000} s`);
} catch (error) {
  thrown = error;
}
const wrong = [...(thrown === null ? [] : [thrown.stack ?? String(thrown), ...world.wrong]), ...(found?.wrong ?? [])];
const records = wrong.length > 0 ? recordsIn(world.folder) : '';
await world.close({ keep: keep || wrong.length > 0 });
console.log(
  JSON.stringify({
    ms: performance.now() - began,
    harm: world.harm,
    memory: world.memory ?? 0,
    folder: world.folder,
    found: found === null ? null : { ...found, reasons: Object.fromEntries(found.reasons) },
    wrong,
    records,
  }),
);
process.exit();
