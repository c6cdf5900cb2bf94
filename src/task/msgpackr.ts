/**
 * The package msgpackr, loaded when something is first to be packed or read that needs it: nearly all values are JSON, and nearly all messages plain
 * (`protocol/msgpack-write.ts`). In each of six threads it took 10 ms of the start and 2 MB. By `require`: a thread that dials has it so from net-ipc already.
 */
import { createRequire } from 'node:module';

type Msgpackr = typeof import('msgpackr');

const require = createRequire(import.meta.url);

let loaded: Msgpackr | null = null;

export function msgpackr(): Msgpackr {
  loaded ??= require('msgpackr') as Msgpackr;
  return loaded;
}
