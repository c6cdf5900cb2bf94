/**
 * The lock of the store of a simulation, as an operating system keeps it: it belongs to a process and ends with it, however that dies, and not before: a
 * process that is frozen keeps it, so another server can take over only when the one before it is dead. Where it is lost all the same (its file is removed, a
 * network file system forgets it) a second server gets in, with the next epoch, and the store refuses what the first one still wants to commit.
 */
import { MillraceError } from '../base/errors.ts';
import type { Process } from './process.ts';

export class StoreLock {
  #holder: Process | null = null;
  #lost = false;

  get held(): boolean {
    return this.#holder?.alive === true && !this.#lost;
  }

  /** @throws ERR_DATABASE_IN_USE */
  take(process: Process): void {
    if (this.held) throw new MillraceError('ERR_DATABASE_IN_USE', 'the store is held by another server');
    this.#holder = process;
    this.#lost = false;
  }

  /** Whoever comes next gets it, though its holder lives. */
  lose(): void {
    this.#lost = true;
  }

  /** Whether the epoch of the store is that of this process: nobody took it after it. */
  isLast(process: Process): boolean {
    return this.#holder === process;
  }
}
