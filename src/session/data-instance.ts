/** The content of a data object: what `fetch()` gives to the program, and what a task's function gets for its inputs. */
import { Buffer } from 'node:buffer';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { contentStream, unpackInto } from './archive.ts';
import type { DataType, ObjectInfo, ObjectSpec, UserAttributes } from './attributes.ts';
import type { Content } from './content.ts';
import { decodeAs } from './encoding.ts';
import { RainException } from './exceptions.ts';

export interface InstanceFacts {
  readonly spec: ObjectSpec;
  readonly info: ObjectInfo;
  /** In a task: which of its inputs it is. */
  readonly input?: number;
  /** In a task: its folder, from which relative paths go. */
  readonly folder?: () => string;
}

/** In memory, or in a file that may only be read. (Source: Rain, `common.DataInstance`.) */
export class DataInstance {
  readonly spec: ObjectSpec;
  readonly info: ObjectInfo & { readonly user: UserAttributes };
  /** Of an input of the running task: its place among them, so that it can be returned without a copy. */
  readonly input: number | null;
  readonly #content: Content;
  readonly #folder: (() => string) | null;
  #cached: { readonly value: unknown } | null = null;

  /** Not for users: `fetch()` and a task's context make it. */
  constructor(content: Content, { spec, info, input, folder }: InstanceFacts) {
    this.spec = spec;
    this.info = info;
    this.input = input ?? null;
    this.#content = content;
    this.#folder = folder ?? null;
  }

  /** What its task said that it is, else what was asked for. */
  get contentType(): string | null {
    return this.info.contentType ?? this.spec.contentType;
  }

  /** In a task: its folder. */
  get folder(): string {
    return this.#folder?.() ?? '';
  }

  get dataType(): DataType {
    return this.spec.dataType;
  }

  /** Bytes; of a directory those of its archive. */
  get size(): number {
    return this.info.size;
  }

  /** Where it is, for the library. */
  get content(): Content {
    return this.#content;
  }

  /**
   * The value, read as the content type says.
   * @param options `cache`: the same value for every call that says so too; who changes it changes it for all.
   * @throws RainException (ERR_CONTENT_TYPE) for raw bytes, directories, and bytes that are not what the type says
   */
  async load(options: { readonly cache?: boolean } = {}): Promise<unknown> {
    if (this.dataType === 'dir') throw new RainException('a directory has no value: use write(path)', { code: 'ERR_CONTENT_TYPE' });
    if (options.cache !== true) return decodeAs(await this.getBytes(), this.contentType);
    this.#cached ??= { value: decodeAs(await this.getBytes(), this.contentType) };
    return this.#cached.value;
  }

  /** All of it; of a directory the archive (tar). */
  async getBytes(): Promise<Buffer> {
    if (this.#content.path !== null) return await readFile(this.#content.path);
    const { buffer, byteOffset, byteLength } = this.#content.bytes;
    return Buffer.from(buffer, byteOffset, byteLength);
  }

  /** As UTF-8. */
  async getStr(): Promise<string> {
    return (await this.getBytes()).toString('utf8');
  }

  /** Its bytes part by part. */
  stream(): Readable {
    return contentStream(this.#content);
  }

  /** A file, or a folder with all files, of its own, which may be changed. Relative to the task's folder where it runs in one. */
  async write(path: string): Promise<void> {
    const place = resolve(this.folder, path);
    if (this.dataType === 'dir') await unpackInto(this.#content, place);
    else if (this.#content.path !== null) {
      // That one may only be read; a program stays one.
      const mode = (await stat(this.#content.path)).mode & 0o100 ? 0o777 : 0o666;
      await pipeline(createReadStream(this.#content.path), createWriteStream(place, { mode }));
    } else await writeFile(place, this.#content.bytes);
  }

  /** As `write`, but a link to the file where there is one: it may only be read. */
  async link(path: string): Promise<void> {
    const place = resolve(this.folder, path);
    if (this.dataType === 'dir') await this.write(path);
    else if (this.#content.path !== null) await symlink(this.#content.path, place);
    else await writeFile(place, this.#content.bytes, { mode: 0o444 });
  }
}
