/**
 * Opens the file: whose it is, which shape it has, who holds it, and how it is to be written. What cannot be used is refused with a code
 * and left unchanged.
 */
import { MillraceError } from '../../base/errors.ts';
import type { Driver, DriverKind } from './driver.ts';
import { databaseError } from './failure.ts';
import { checkFile, checkWhole, watchPlace } from './file.ts';
import { canonicalPath, type Lock, makePrivateFile, takeLock } from './lock.ts';
import { inspect, migrate } from './migrate.ts';

export interface ConnectOptions {
  /** `write` takes the lock; `read` looks on, beside a server or without one. */
  readonly access: 'write' | 'read';
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly salt: () => string;
}

export interface Connection {
  readonly path: string;
  readonly driver: Driver;
  /** Null: opened for reading. */
  readonly lock: Lock | null;
  /** The file that was opened is still the one of this name: nobody removed or replaced it. */
  inPlace(): boolean;
  toError(error: unknown): MillraceError;
  /** After a commit that failed for want of room: what is in the log goes to the file, so that the log is written from its start again, in the room that it has. */
  makeRoom(): void;
  close(): void;
}

/** Ms to wait for another connection's lock: only readers and their checkpoints can be in the way. */
const busyTimeout = 5_000;

export function connect(kind: DriverKind, database: string, options: ConnectOptions): Connection {
  let path = database;
  let driver: Driver | null = null;
  let lock: Lock | null = null;
  const toError = (error: unknown): MillraceError => databaseError(kind, path, error);
  try {
    path = canonicalPath(database);
    if (!checkFile(path, options.access)) makePrivateFile(path);
    driver = kind.open(path);
    driver.exec(`pragma busy_timeout = ${busyTimeout}`);
    let version = inspect(driver, path);
    checkWhole(path, Number(driver.prepare('pragma page_size').all()[0]?.page_size));
    if (options.access === 'read') {
      if (version === 0) throw new MillraceError('ERR_DATABASE_FOREIGN', `${path} is empty: no server has stored anything in it yet`);
      driver.exec('pragma query_only = 1');
    } else {
      lock = takeLock(kind, path);
      // Whoever held the lock until now may have changed the shape.
      version = inspect(driver, path);
      keepLog(driver, path);
      // macOS keeps what is synced in the drive's own memory unless it is told not to.
      // SQLite's own default, which a build may change. A cache of 4 MB was no quicker, nor one of 16, and took as much more: what is not in it the system has.
      driver.exec(
        `pragma synchronous = ${options.synchronous === 'FULL' ? 'full' : 'normal'}; pragma fullfsync = 1; pragma cache_size = -2000`,
      );
      // What a killed process left in the log may be in the page cache alone, after a sync that failed: it is written to the file, and that synced, before anything is built on it.
      driver.prepare('pragma wal_checkpoint(truncate)').all();
      migrate(driver, version, options.salt);
      checkWritable(driver);
    }
    const opened = driver;
    const held = lock;
    return {
      path,
      driver,
      lock,
      inPlace: watchPlace(path),
      toError,
      makeRoom: () => checkpoint(opened, 'passive'),
      close() {
        // By ourselves: libsql keeps the connection until its statements are collected, so closing alone would leave all in the log.
        if (held !== null) checkpoint(opened, 'truncate');
        opened.close();
        held?.release();
      },
    };
  } catch (error) {
    driver?.close();
    lock?.release();
    throw toError(error);
  }
}

/** SQLite falls back to another journal without a word where there is no shared memory, and then readers and writers block each other. */
function keepLog(driver: Driver, path: string): void {
  const mode = driver.prepare('pragma journal_mode = wal').all()[0]?.journal_mode;
  if (mode !== 'wal')
    throw new MillraceError(
      'ERR_DATABASE',
      `${path}: no write-ahead log can be kept here (journal mode ${String(mode)}): name a file on a local disk, not on a network file system`,
    );
}

/** SQLite opens a file that it may not write without a word, and even begins a write transaction: only a write tells. */
function checkWritable(driver: Driver): void {
  driver.exec('begin immediate');
  try {
    driver.exec(`update meta set value = value where name = 'epoch'`);
  } finally {
    driver.exec('rollback');
  }
}

/** Move what is in the log to the file itself, as far as readers and the disk allow; the log stays valid where they do not. */
function checkpoint(driver: Driver, how: 'passive' | 'truncate'): void {
  try {
    driver.prepare(`pragma wal_checkpoint(${how})`).all();
  } catch {
    // Nothing is lost: whoever opens the file next reads the log.
  }
}
