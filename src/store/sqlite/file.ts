/**
 * The file of a database as the file system has it: what must hold before SQLite sees it, and whether it is still in its place. SQLite keeps its log beside
 * the name that it was opened by, and takes an empty file for a new one and removes its log: both would cost what is still there.
 */
import { lstatSync, readdirSync, rmSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { damaged } from './failure.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The smallest page of SQLite: what is shorter it takes for an empty file and writes over. */
const smallestDatabase = 512;

/**
 * Refuse what is no file of a database, and one whose log SQLite would not find or would remove. False: there is none yet.
 * @throws ERR_DATABASE, ERR_DATABASE_FOREIGN, ERR_DATABASE_IN_USE
 */
export function checkFile(path: string, access: 'write' | 'read'): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined && access === 'read')
    throw new MillraceError('ERR_DATABASE', `${path} does not exist: name the file of a database`);
  if (found !== undefined && !found.isFile()) throw new MillraceError('ERR_DATABASE', `${path} is not a file: name the file of a database`);
  if ((found?.size ?? 0) === 0 && sizeOf(`${path}-wal`) > 0)
    throw new MillraceError(
      'ERR_DATABASE',
      `${path} is ${found === undefined ? 'missing' : 'empty'}, but ${path}-wal holds what was recorded last: put the file back, or move that one away to begin anew`,
    );
  if (found !== undefined && found.size > 0 && found.size < smallestDatabase)
    throw new MillraceError('ERR_DATABASE_FOREIGN', `${path} is not a SQLite database: name another file`);
  if (found !== undefined && namesOf(path, found) > 1 && !hasEntry(`${path}.lock`))
    throw new MillraceError(
      'ERR_DATABASE_IN_USE',
      `${path} has other names too (hard links), under one of which it was opened before and has its log: open it by that name`,
    );
  return found !== undefined;
}

/**
 * Refuse a file that ends inside of a page: SQLite fills the rest with zeros without a word. With a log beside it that is the mark of a checkpoint that was cut
 * off, and mended by the log. The file is ours.
 */
export function checkWhole(path: string, pageSize: number): void {
  if (sizeOf(path) % pageSize !== 0 && sizeOf(`${path}-wal`) === 0)
    throw new MillraceError('ERR_DATABASE', `${path}: ${damaged}`, { details: { lasting: true } });
}

/** Tells whether the file of this name is still the one that it is now. */
export function watchPlace(path: string): () => boolean {
  const { dev, ino } = statSync(path);
  return () => {
    const now = statSync(path, { throwIfNoEntry: false });
    return now !== undefined && now.dev === dev && now.ino === ino;
  };
}

/** Hard links; names under which this library made the file, and was killed before it removed them, are removed. */
function namesOf(path: string, found: Stats): number {
  if (found.nlink === 1) return 1;
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix) || !uuid.test(name.slice(prefix.length))) continue;
    const other = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (other?.ino === found.ino) rmSync(join(folder, name), { force: true });
  }
  return lstatSync(path).nlink;
}

function sizeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function hasEntry(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
