/**
 * All faults. One is `{ name, about, run(world), needs?, long? }`: `needs()` tells what the machine does not allow (null: all is there), `long` ones begin first.
 * `run` begins the world, does harm until the time is over, mends what does not mend itself, and ends with `world.finish()`.
 */
import { disks } from './disk.mjs';
import { freezes } from './freeze.mjs';
import { kills } from './kill.mjs';
import { limits } from './limits.mjs';
import { namespaces } from './namespace.mjs';
import { networks } from './network.mjs';
import { twentyKills } from './twenty.mjs';

export const faults = [...kills, twentyKills, ...freezes, ...networks, ...namespaces, ...disks, ...limits];
