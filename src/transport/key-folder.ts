/**
 * The folder in which processes of one user find each other's keys: 0700, owned by that user, one 0600 file for each listening address
 * that was given no key. What does not have this owner and mode is neither read nor written.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { isOfTheDead, ownMark } from './process-mark.ts';

const othersMay = 0o077;

/** `<runtime folder>/millrace`, or `millrace-<uid>` in the system's temporary folder where there is none. Never created here. */
export function defaultKeyFolder(runtimeFolder?: string): string {
  return runtimeFolder === undefined || runtimeFolder === ''
    ? join(tmpdir(), `millrace-${process.getuid?.() ?? 'user'}`)
    : join(runtimeFolder, 'millrace');
}

/** The key file of a TCP address that is bound or connected (an IP address, not a name). */
export function tcpKeyName(ip: string, port: number): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/, '');
  return `tcp-${plain.replaceAll(/[^0-9a-zA-Z.]/g, '_')}-${port}.key`;
}

/** The key file of a unix socket. */
export function pathKeyName(path: string): string {
  return `path-${createHash('sha256').update(resolve(path)).digest('hex').slice(0, 32)}.key`;
}

function unsafe(path: string, why: string): MillraceError {
  return new MillraceError('ERR_AUTH_REQUIRED', `${path} cannot hold a key safely (${why}): remove it, or give both sides an \`auth\``);
}

function ours(owner: number): boolean {
  return process.getuid === undefined || owner === process.getuid();
}

/** Makes the folder when it is missing; throws `ERR_AUTH_REQUIRED` when it is not safe. */
export function openKeyFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory()) throw unsafe(folder, 'it is not a folder');
    if (!ours(found.uid)) throw unsafe(folder, 'it belongs to another user');
    if (process.getuid !== undefined && (found.mode & othersMay) !== 0) chmodSync(folder, 0o700);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw unsafe(folder, reasonOf(error));
  }
}

/** Replaces the file as a whole: readers see the old content or the new. */
export function writeSecret(folder: string, name: string, content: string): void {
  openKeyFolder(folder);
  const temporary = join(folder, `.${newId()}`);
  try {
    writeFileSync(temporary, content, { flag: 'wx', mode: 0o600 });
    renameSync(temporary, join(folder, name));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unsafe(folder, reasonOf(error));
  }
}

/** Null when there is none; throws `ERR_AUTH_REQUIRED` when it, or its folder, could have been written by someone else. */
export function readSecret(folder: string, name: string): string | null {
  let file: number;
  try {
    const parent = lstatSync(folder);
    if (!parent.isDirectory() || !ours(parent.uid)) throw unsafe(folder, 'it is not a folder of this user');
    file = openSync(join(folder, name), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error instanceof MillraceError ? error : unsafe(join(folder, name), reasonOf(error));
  }
  try {
    const { uid, mode } = fstatSync(file);
    if (!ours(uid) || (process.getuid !== undefined && (mode & othersMay) !== 0))
      throw unsafe(join(folder, name), 'others can read or write it');
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** What a server leaves for the clients of its user: its key, and who it is. */
export function keyText(key: string): string {
  return `${key}\n${ownMark()}\n`;
}

/** The key in what a server left. */
export function keyIn(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** Removes the keys of servers that were killed: of this machine, and surely dead. Never fails. */
export function sweepKeys(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^(?:tcp|path)-.*\.key$/.test(name));
  } catch {
    return;
  }
  for (const name of names) {
    try {
      const text = readSecret(folder, name);
      if (text !== null && isOfTheDead(text.split('\n')[1] ?? '')) removeSecret(folder, name, text);
    } catch {
      // It is not safe, and so not ours.
    }
  }
}

/** Removes the file if it still holds this content: a later server on the same address has put its own there. */
export function removeSecret(folder: string, name: string, content: string): void {
  try {
    if (readSecret(folder, name) === content) rmSync(join(folder, name), { force: true });
  } catch {
    // What is not ours any more is not ours to remove.
  }
}
