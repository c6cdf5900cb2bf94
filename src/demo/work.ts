/**
 * The functions that the demo runs as tasks. A client loads this module in the threads of its pool, by its URL; arguments and
 * values cross as plain data.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compressed = promisify(gzip);

/** What `hash` gives. */
export interface Hashed {
  readonly bytes: number;
  readonly sha256: string;
}

/** What `compress` gives: sizes before and after. */
export interface Compressed {
  readonly bytes: number;
  readonly gzipped: number;
}

/** The SHA-256 of a file, in hex. */
export async function hash(path: string): Promise<Hashed> {
  const content = await readFile(path);
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** How small gzip makes a file. */
export async function compress(path: string): Promise<Compressed> {
  const content = await readFile(path);
  return { bytes: content.length, gzipped: (await compressed(content)).length };
}
