/** What a remote function gets beside its arguments: the makers of its results, and its ways to say something while it runs. */
import { Buffer } from 'node:buffer';
import { createWriteStream, type Stats, statSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { format } from 'node:util';
import { reasonOf } from '../base/errors.ts';
import { packFolder } from './archive.ts';
import type { DataType, UserAttributes } from './attributes.ts';
import type { Content } from './content.ts';
import { contentTypeOf } from './content-type.ts';
import { DataInstance } from './data-instance.ts';
import { encodeAs } from './encoding.ts';
import { RainException } from './exceptions.ts';
import { checkRelative, placeIn } from './paths.ts';

/** How a context reaches the client that runs it. */
export interface ContextParts {
  /** Of its own, empty at first; made when it is asked for. */
  folder(): string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly user: UserAttributes;
  debug(line: string): void;
  progress(value: unknown): void;
}

/** (Source: Rain, `executor.Context`.) */
export class Context {
  /** The task's name. */
  readonly name: string;
  /** `spec.user`: what the program gave the task; to be read. `info.user`: what the program will find in `task.info.user`. */
  readonly attributes: { readonly spec: { readonly user: UserAttributes }; readonly info: { readonly user: UserAttributes } };
  readonly #parts: ContextParts;
  #staged = 0;

  /** Not for users. */
  constructor(parts: ContextParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.attributes = { spec: { user: parts.user }, info: { user: {} } };
  }

  /** The task's folder; the files of its results are made here. A function runs in a thread, which has no working directory of its own. */
  get folder(): string {
    return this.#parts.folder();
  }

  /** Aborted when nobody wants the task any more. */
  get signal(): AbortSignal {
    return this.#parts.signal;
  }

  /** A result: bytes, a text, or with `encode` anything. @throws RainException, ERR_NOT_CLONEABLE */
  blob(value: unknown, options: { readonly contentType?: string; readonly encode?: string } = {}): DataInstance {
    const [type, encode] = [contentTypeOf(options.contentType), contentTypeOf(options.encode)];
    if (encode !== null) return this.#made({ bytes: encodeAs(value, encode), path: null }, 'blob', encode);
    if (typeof value === 'string') return this.#made({ bytes: Buffer.from(value), path: null }, 'blob', type ?? 'text');
    if (value instanceof Uint8Array) return this.#made({ bytes: value, path: null }, 'blob', type);
    throw new RainException("blob() takes bytes or a text; else give { encode: 'pickle' } or the like");
  }

  /** A result: any value that can be cloned. */
  pickled(value: unknown): DataInstance {
    return this.blob(value, { encode: 'pickle' });
  }

  /** A result: a file of the task's folder, by its path there. It becomes the library's: do not touch it any more. */
  stageFile(path: string, contentType?: string): DataInstance {
    const place = this.#place(path);
    if (!statOf(place).isFile()) throw new RainException(`${path} is no file`);
    return this.#made({ bytes: null, path: place }, 'blob', contentTypeOf(contentType));
  }

  /** A result: a folder in the task's folder, with all that is in it now. */
  async directory(path: string): Promise<DataInstance> {
    const place = this.#place(path);
    if (!statOf(place).isDirectory()) throw new RainException(`${path} is no folder`);
    const archive = join(this.folder, `.staged-${this.#staged++}.tar`);
    await pipeline(packFolder(place), createWriteStream(archive, { flags: 'wx' }));
    return this.#made({ bytes: null, path: archive }, 'dir', null);
  }

  /** A line, formatted as by `util.format`: it stands in the error should the task fail, and in `task.info.debug`. */
  debug(...parts: unknown[]): void {
    this.#parts.debug(format(...parts));
  }

  /** How far it is: anything that can be cloned, at most 64 KiB. See `session.onSaid()`. */
  progress(value: unknown): void {
    this.#parts.progress(value);
  }

  #place(path: string): string {
    const inside = isAbsolute(path) ? relative(this.folder, path) : path;
    return placeIn(this.folder, checkRelative(inside, 'a path of a result'));
  }

  #made(content: Content, dataType: DataType, contentType: string | null): DataInstance {
    const size = content.path === null ? content.bytes.length : statOf(content.path).size;
    return new DataInstance(content, {
      spec: { id: -1, label: '', contentType: null, dataType, user: {} },
      info: { error: '', size, contentType, debug: '', user: {} },
    });
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new RainException(`${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
