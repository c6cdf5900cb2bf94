/** Paths inside a directory object or a sandbox: relative, with `/`, and never out of it. */
import { Buffer } from 'node:buffer';
import { isAbsolute, join, sep } from 'node:path';
import { RainException } from './exceptions.ts';

/** Bytes: of what a file or folder may be called, on nearly all systems. */
const longestName = 255;

/**
 * The path in its plainest form, without `./` and a last `/`.
 * @throws RainException for an absolute path, one that leads out, the folder itself, and what no file can be called
 */
export function checkRelative(path: unknown, what: string): string {
  if (typeof path !== 'string' || path === '') throw new RainException(`${what} is a text that is not empty; it is ${String(path)}`);
  const shown = JSON.stringify(path.slice(0, 200));
  if (path.includes('\0')) throw new RainException(`${what} holds a null character: ${shown}`);
  if (isAbsolute(path) || /^(?:[a-z]:)?[\\/]/i.test(path)) throw new RainException(`${what} must be relative; it is ${shown}`);
  const parts = (sep === '\\' ? path.replaceAll('\\', '/') : path).split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new RainException(`${what} must not lead out by '..'; it is ${shown}`);
  const long = parts.find((part) => Buffer.byteLength(part) > longestName);
  if (long !== undefined) throw new RainException(`${what} has a part of more than ${longestName} bytes; it is ${shown}`);
  if (parts.length === 0) throw new RainException(`${what} names the folder itself; it is ${shown}`);
  return parts.join('/');
}

/** Checked paths, each given once, none of them inside of another one that is a file. */
export class PathSet {
  /** Whether it is a file. */
  readonly #paths: Map<string, boolean> = new Map();
  /** What lies in a folder on the way to one: any of it. */
  readonly #within: Map<string, string> = new Map();

  /** Takes it in; else: the path that it cannot be beside. */
  add(path: string, isFile = true): string | null {
    if (this.#paths.has(path)) return path;
    const inside = isFile ? this.#within.get(path) : undefined;
    if (inside !== undefined) return inside;
    const folders: string[] = [];
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) folders.push(path.slice(0, at));
    const file = folders.find((folder) => this.#paths.get(folder) === true);
    if (file !== undefined) return file;
    this.#paths.set(path, isFile);
    for (const folder of folders) this.#within.set(folder, path);
    return null;
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }
}

/** Where a checked path is in a folder. */
export function placeIn(folder: string, path: string): string {
  return join(folder, ...path.split('/'));
}

/** @throws RainException for a path that is not absolute */
export function checkAbsolute(path: unknown, what: string): string {
  if (typeof path === 'string' && isAbsolute(path) && !path.includes('\0')) return path;
  throw new RainException(`${what} must be an absolute path on the client that runs it; it is ${String(path).slice(0, 200)}`);
}
