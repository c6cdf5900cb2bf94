/**
 * Binding a unix socket where a file may already be. A socket without a listener was left by a process that died and is replaced; one with
 * a listener, and any other file, stays untouched.
 */
import { lstatSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { type Clock, pauseFor } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';

/** ms. A takeover takes a few; a lock this old was left by a process that died in the middle of one. */
const oldLock = 5_000;
const lockRetry = 10;

/** Whether something accepts connections there. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

/** Only one process at a time looks and replaces: between a look and a removal another could have bound the path. */
async function underLock<T>(path: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  for (;;) {
    try {
      mkdirSync(lock, { mode: 0o700 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = lstatSync(lock, { throwIfNoEntry: false });
    if (found !== undefined && clock.wall() - found.mtimeMs > oldLock) rmSync(lock, { recursive: true, force: true });
    else await pauseFor(clock, lockRetry);
  }
  try {
    return await work();
  } finally {
    rmdirSync(lock);
  }
}

const isInUse = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** Calls `bind`, and once more after a dead socket was removed. Of several processes that start at the same time exactly one gets the path. */
export async function bindPath(path: string, clock: Clock, bind: () => Promise<number>): Promise<void> {
  try {
    await bind();
    return;
  } catch (error) {
    if (!isInUse(error)) throw error;
  }
  const inUse = (): MillraceError =>
    new MillraceError('ERR_ADDRESS_IN_USE', `another process listens on ${path}: stop it, or choose another address`);
  await underLock(path, clock, async () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found !== undefined) {
      if (!found.isSocket())
        throw new MillraceError('ERR_ADDRESS_IN_USE', `${path} is a file that is no socket: choose another path, or remove it`);
      if (await isLive(path)) throw inUse();
      rmSync(path, { force: true });
    }
    try {
      await bind();
    } catch (error) {
      throw isInUse(error) ? inUse() : error;
    }
  });
}
