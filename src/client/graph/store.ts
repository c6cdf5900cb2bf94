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
  mkdtempSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../base/errors.ts';
import { RawBytes } from '../../transport/peer.ts';
import type { GraphBytes } from '../graph-task-runner.ts';
import { SpareParts } from './spare-parts.ts';

/** Bytes that stay in memory; what is beyond goes to files, the oldest first. */
const defaultMemory = 128 * 2 ** 20;

interface Content {
  /** null: in the file. */
  bytes: Uint8Array | null;
  path: string | null;
  readonly size: number;
  /** Objects that are this, and readers. */
  users: number;
}

export class ObjectStore {
  /** Memory for stretches between files and connections. */
  readonly parts: SpareParts = new SpareParts();
  readonly #spoolFolder: string;
  readonly #memory: number;
  readonly #objects: Map<number, Content> = new Map();
  /** Contents in memory, oldest first. */
  readonly #resident: Set<Content> = new Set();
  #bytes = 0;
  #folder: string | null = null;
  #files = 0;

  constructor(spoolFolder: string, memory: number = defaultMemory) {
    this.#spoolFolder = spoolFolder;
    this.#memory = memory;
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
      this.#folder = mkdtempSync(join(this.#spoolFolder, 'millrace-graph-'));
      mkdirSync(join(this.#folder, 'objects'));
    }
    return this.#folder;
  }

  /** It must not change any more. */
  addBytes(n: number, bytes: Uint8Array): void {
    // A part of something larger would keep all of that.
    const own = bytes.length * 2 < bytes.buffer.byteLength ? Uint8Array.from(bytes) : bytes;
    const content: Content = { bytes: own, path: null, size: own.length, users: 1 };
    this.#set(n, content);
    this.#resident.add(content);
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
      this.#set(n, { bytes: null, path: target, size, users: 1 });
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

  /** To be read until `release` is called. */
  use(n: number): { readonly content: GraphBytes; readonly release: () => void } {
    const content = this.#objects.get(n);
    if (content === undefined) throw new MillraceError('ERR_NOT_FOUND', `object ${n} is not here`);
    content.users++;
    let used = true;
    const release = (): void => {
      if (used) this.#leave(content);
      used = false;
    };
    const bytes: GraphBytes = content.bytes === null ? { bytes: null, path: content.path! } : { bytes: content.bytes, path: null };
    return { content: bytes, release };
  }

  /** A stretch of it, to be sent. @throws ERR_NOT_FOUND */
  read(n: number, offset: number, length: number): RawBytes {
    const content = this.#objects.get(n);
    if (content === undefined) throw new MillraceError('ERR_NOT_FOUND', `object ${n} is not here`);
    const end = Math.min(content.size, offset + length);
    if (offset >= end) return new RawBytes(new Uint8Array(0));
    if (content.bytes !== null) return new RawBytes(content.bytes.subarray(offset, end));
    const size = end - offset;
    if (size > this.parts.size)
      throw new MillraceError('ERR_PROTOCOL', `a stretch of ${size} bytes is over the limit of ${this.parts.size}`);
    const file = openSync(content.path!, 'r');
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
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
  }

  #set(n: number, content: Content): void {
    this.drop(n);
    this.#objects.set(n, content);
  }

  #leave(content: Content): void {
    content.users--;
    if (content.users > 0) return;
    if (this.#resident.delete(content)) this.#bytes -= content.size;
    if (content.path !== null) unlinkSync(content.path);
    content.bytes = null;
  }

  #spill(): void {
    for (const content of this.#resident) {
      if (this.#bytes <= this.#memory / 2) return;
      // What is read just now is held by its reader all the same; it goes to its file nevertheless.
      const path = this.#newPath();
      writeFileSync(path, content.bytes!, { mode: 0o400 });
      content.path = path;
      content.bytes = null;
      this.#resident.delete(content);
      this.#bytes -= content.size;
    }
  }

  #newPath(): string {
    return join(this.folder, 'objects', String(++this.#files));
  }
}
