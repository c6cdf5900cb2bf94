/**
 * Opens the file: whose it is, which shape it has, who holds it, and how it is to be written. What cannot be used is refused with a code
 * and left unchanged.
 */
import { lstatSync } from 'node:fs';
import { MillraceError, reasonOf } from '../../base/errors.ts';
import { type Driver, type DriverKind, resultCode } from './driver.ts';
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
  toError(error: unknown): MillraceError;
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
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined ? options.access === 'read' : !found.isFile())
      throw new MillraceError(
        'ERR_DATABASE',
        `${path} ${found === undefined ? 'does not exist' : 'is not a file'}: name the file of a database`,
      );
    if (found === undefined) makePrivateFile(path);
    driver = kind.open(path);
    driver.exec(`pragma busy_timeout = ${busyTimeout}`);
    let version = inspect(driver, path);
    if (options.access === 'read') {
      if (version === 0) throw new MillraceError('ERR_DATABASE_FOREIGN', `${path} is empty: no server has stored anything in it yet`);
      driver.exec('pragma query_only = 1');
    } else {
      lock = takeLock(kind, path);
      // Whoever held the lock until now may have changed the shape.
      version = inspect(driver, path);
      driver.prepare('pragma journal_mode = wal').all();
      driver.exec(`pragma synchronous = ${options.synchronous === 'FULL' ? 'full' : 'normal'}; pragma cache_size = -16000`);
      migrate(driver, version, options.salt);
      checkWritable(driver);
    }
    const opened = driver;
    const held = lock;
    return {
      path,
      driver,
      lock,
      toError,
      close() {
        // By ourselves: libsql keeps the connection until its statements are collected, so closing alone would leave all in the log.
        if (held !== null) checkpoint(opened);
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
function checkpoint(driver: Driver): void {
  try {
    driver.prepare('pragma wal_checkpoint(truncate)').all();
  } catch {
    // Nothing is lost: whoever opens the file next reads the log.
  }
}

function databaseError(kind: DriverKind, path: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const reason = reasonOf(error);
  const code = kind.code(error);
  if (code === resultCode.notADatabase)
    return new MillraceError('ERR_DATABASE_FOREIGN', `${path} is not a SQLite database: name another file`, { cause: error });
  const advice = new Map<number, string>([
    [resultCode.full, 'the disk is full: free some space; what was not committed may be committed again'],
    [resultCode.cannotOpen, 'the file could not be opened: check that its folder exists and may be written'],
    [resultCode.readOnly, 'this user may not write the file: change its owner or mode, or name another file'],
  ]).get(code);
  return new MillraceError('ERR_DATABASE', `${path}: ${advice ?? reason}`, { cause: error, details: { sqlite: code } });
}
