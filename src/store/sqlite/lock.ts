/**
 * Keeps a second server off a database, and lets its holder say where it can be reached.
 *
 * The lock is an exclusive transaction on a file of its own beside the database (`<path>.lock`), which stays empty: readers of the
 * database are not kept out, and the operating system ends the lock with the process, however that dies. The file is not removed:
 * between two openers a removed lock file is two locks. It must never be opened by other means in the same process, since
 * closing any descriptor of a file drops all POSIX locks that the process has on it.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  linkSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { type DriverKind, resultCode } from './driver.ts';

/** One name for one file, whichever links lead to it. */
export function canonicalPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    // The file is to be made: its folder must be there.
    return join(realpathSync(dirname(absolute)), basename(absolute));
  }
}

/**
 * Make an empty file for this user only, where there is none: one that SQLite makes can be read by everybody, and its `-wal` and `-shm` have
 * the mode of the database. What is in the way is left for SQLite to tell.
 */
export function makePrivateFile(path: string): void {
  if (existsSync(path)) return;
  const temporary = `${path}.${newId()}`;
  try {
    writeFileSync(temporary, '', { mode: 0o600, flag: 'wx' });
    // Linked, not opened under its name: closing a descriptor of it could drop the lock of another thread.
    linkSync(temporary, path);
  } catch {
    // Another opener was quicker, or the folder cannot be written.
  }
  if (existsSync(temporary)) rmSync(temporary);
}

export interface Lock {
  release(): void;
}

/** Take the lock at once, or throw `ERR_DATABASE_IN_USE`. */
export function takeLock(kind: DriverKind, path: string): Lock {
  makePrivateFile(`${path}.lock`);
  const driver = kind.open(`${path}.lock`);
  try {
    driver.exec('pragma busy_timeout = 0');
    driver.exec('begin exclusive');
    // On a file that it may not write SQLite begins without locking anything.
    accessSync(`${path}.lock`, constants.W_OK);
  } catch (error) {
    driver.close();
    if ((kind.code(error) & 0xff) !== resultCode.busy) throw error;
    throw new MillraceError(
      'ERR_DATABASE_IN_USE',
      `${path} is held by another server or submitter: submit to that server, stop it, or wait for the submitter`,
      {
        cause: error,
      },
    );
  }
  return {
    release() {
      driver.exec('rollback');
      driver.close();
    },
  };
}

function announcementPath(path: string): string {
  return `${path}.server`;
}

/** Write what others of the same user may know of the holder; only the holder of the lock does this. */
export function writeAnnouncement(path: string, text: string): void {
  const temporary = `${announcementPath(path)}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  chmodSync(temporary, 0o600);
  renameSync(temporary, announcementPath(path));
}

export function removeAnnouncement(path: string): void {
  rmSync(announcementPath(path), { force: true });
}

/**
 * What the server that holds this database said of itself; null: nothing. It may have died since: only a connection tells.
 * @param database the path as given to `openStore`, with or without `sqlite:`
 */
export function readAnnouncement(database: string): string | null {
  try {
    return readFileSync(announcementPath(canonicalPath(database.replace(/^sqlite:/, ''))), 'utf8');
  } catch {
    return null;
  }
}
