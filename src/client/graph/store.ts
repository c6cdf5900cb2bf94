/**
 * The objects that this client holds, by their number on the server: small and recent ones in memory, the others in files of a folder of its own. What is
 * dropped is gone at once, its file too; what a task or a transfer reads just now goes when it is done with that.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import { NumberMap } from '../../base/number-map.ts';
import { RawBytes } from '../../transport/peer.ts';
import type { GraphBytes } from '../graph-task-runner.ts';
import { makeSpoolFolder, removeTree } from '../spool-folders.ts';
import { Blocks } from './blocks.ts';
import { SpareParts } from './spare-parts.ts';

/** The content of what is empty. */
export const nothing: Uint8Array = new Uint8Array(0);
const noRoom: Buffer = Buffer.alloc(0);
/** Bytes that stay in memory; what is beyond goes to files, the oldest first. */
const defaultMemory = 128 * 2 ** 20;

export interface StoredContent {
  /** As it lies here now: what is in memory may go to a file later. */
  readonly now: GraphBytes;
  readonly size: number;
}

/** Classes, for what V8 learns of literals that live long: it puts the next ones where little is cleared away. */
class Memory {
  readonly bytes: Uint8Array;
  readonly path = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

class Content implements StoredContent {
  now: GraphBytes;
  readonly size: number;
  /** Its place among all that there were. */
  readonly at: number;
  /** Objects that are this, and readers. */
  users = 1;

  constructor(now: GraphBytes, size: number, at: number) {
    this.now = now;
    this.size = size;
    this.at = at;
  }
}

export class ObjectStore {
  /** Memory for stretches between files and connections. */
  readonly parts: SpareParts = new SpareParts();
  readonly #blocks: Blocks = new Blocks();
  readonly #spoolFolder: string;
  readonly #memory: number;
  readonly #logger: Logger;
  readonly #objects: NumberMap<Content> = new NumberMap();
  /** Contents in memory, oldest first. */
  readonly #resident: NumberMap<Content> = new NumberMap();
  #contents = 0;
  #bytes = 0;
  /** Of all objects that are empty, for good: there are many of those, and nothing of them goes to a file. */
  readonly #empty: Content = new Content(new Memory(nothing), 0, 0);
  #folder: string | null = null;
  #files = 0;

  constructor(spoolFolder: string, memory: number = defaultMemory, logger: Logger = silentLogger) {
    this.#spoolFolder = spoolFolder;
    this.#memory = memory;
    this.#logger = logger;
  }

  /** Bytes in memory. */
  get resident(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#objects.size;
  }

  has(n: number): boolean {
    return this.#objects.has(n);
  }

  sizeOf(n: number): number {
    return this.#objects.get(n)?.size ?? 0;
  }

  /** A folder of its own for files that will be taken over. */
  get folder(): string {
    if (this.#folder === null) {
      this.#folder = makeSpoolFolder(this.#spoolFolder, 'graph');
      mkdirSync(join(this.#folder, 'objects'));
    }
    return this.#folder;
  }

  /** Memory for so many bytes of an object, with anything in it: to be filled and given to `addBytes`, or forgotten. */
  room(size: number): Buffer {
    return size === 0 ? noRoom : this.#blocks.take(size);
  }

  /** It must not change any more, and belongs to the store, which may use it again when the object is gone. */
  addBytes(n: number, bytes: Uint8Array): void {
    if (bytes.length === 0) {
      this.#empty.users++;
      this.#set(n, this.#empty);
      return;
    }
    // A part of something larger would keep all of that.
    const own = bytes.length * 2 < bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes;
    const content = new Content(new Memory(own), own.length, ++this.#contents);
    this.#set(n, content);
    this.#resident.set(content.at, content);
    this.#bytes += own.length;
    if (this.#bytes > this.#memory) this.#spill();
  }

  /** Takes the file over: it is moved. @throws ERR_NOT_FOUND */
  addFile(n: number, path: string): void {
    const target = this.#newPath();
    try {
      const found = lstatSync(path);
      // Perhaps to what belongs to another object, and goes with that.
      if (found.isSymbolicLink()) copyFileSync(realpathSync(path), target);
      else renameSync(path, target);
      const { size, mode } = found.isSymbolicLink() ? statSync(target) : found;
      // Programs find it as a link.
      chmodSync(target, 0o400 | (mode & 0o100));
      this.#set(n, new Content({ bytes: null, path: target }, size, ++this.#contents));
    } catch (cause) {
      throw new MillraceError('ERR_NOT_FOUND', `the file of an output cannot be taken over: ${path}`, { cause });
    }
  }

  /** The same content under another number, without a copy. */
  addSame(n: number, other: number): void {
    const content = this.#objects.get(other);
    if (content === undefined) throw new MillraceError('ERR_INTERNAL', `object ${other} is not here`);
    content.users++;
    this.#set(n, content);
  }

  /** To be read until it is given to `release`. @throws ERR_NOT_FOUND */
  use(n: number): StoredContent {
    const content = this.#objects.get(n);
    if (content === undefined) throw new MillraceError('ERR_NOT_FOUND', `object ${n} is not here`);
    content.users++;
    return content;
  }

  /** Once for each `use`. */
  release(content: StoredContent): void {
    this.#leave(content as Content);
  }

  /** A stretch of it, to be sent. @throws ERR_NOT_FOUND */
  read(n: number, offset: number, length: number): RawBytes {
    const content = this.#objects.get(n);
    if (content === undefined) throw new MillraceError('ERR_NOT_FOUND', `object ${n} is not here`);
    const end = Math.min(content.size, offset + length);
    if (offset >= end) return new RawBytes(new Uint8Array(0));
    if (content.now.bytes !== null) {
      content.users++;
      return new RawBytes(content.now.bytes.subarray(offset, end), () => this.#leave(content));
    }
    const size = end - offset;
    if (size > this.parts.size)
      throw new MillraceError('ERR_PROTOCOL', `a stretch of ${size} bytes is over the limit of ${this.parts.size}`);
    const file = openSync(content.now.path, 'r');
    const part = this.parts.take();
    try {
      const bytes = part.subarray(0, readSync(file, part, 0, size, offset));
      return new RawBytes(bytes, () => this.parts.give(part));
    } finally {
      closeSync(file);
    }
  }

  drop(n: number): void {
    const content = this.#objects.get(n);
    if (content === undefined) return;
    this.#objects.delete(n);
    this.#leave(content);
  }

  clear(): void {
    for (const n of [...this.#objects.keys()]) this.drop(n);
  }

  close(): void {
    this.clear();
    if (this.#folder !== null) this.remove(this.#folder);
    this.#folder = null;
  }

  /** A file or folder goes, whatever a task has done to it. Never throws: what cannot go stays, and is warned of. */
  remove(path: string): void {
    try {
      removeTree(path);
    } catch (error) {
      this.#logger.warn({ error, path }, 'what a task left cannot be removed');
    }
  }

  #set(n: number, content: Content): void {
    this.drop(n);
    this.#objects.set(n, content);
  }

  #leave(content: Content): void {
    content.users--;
    if (content.users > 0) return;
    if (this.#resident.delete(content.at)) this.#bytes -= content.size;
    if (content.now.path !== null) this.remove(content.now.path);
    else this.#blocks.give(content.now.bytes);
  }

  #spill(): void {
    for (const [, content] of this.#resident) {
      if (this.#bytes <= this.#memory / 2) return;
      // What is read just now is held by its reader all the same; it goes to its file nevertheless.
      const path = this.#newPath();
      writeFileSync(path, content.now.bytes!, { mode: 0o400 });
      content.now = { bytes: null, path };
      this.#resident.delete(content.at);
      this.#bytes -= content.size;
    }
  }

  #newPath(): string {
    return join(this.folder, 'objects', String(++this.#files));
  }
}
