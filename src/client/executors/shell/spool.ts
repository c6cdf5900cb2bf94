/**
 * The private folder in which output waits between a command and its result, and how it is read.
 *
 * `<parent>/millrace-XXXXXX/` (mode 0700) holds `commands/` (a file for each stream of each running command, gone when it was read) and
 * `results/` (files that results name: `<task id>.<attempt>.out` and `.err`). `owner` tells whose it is (`spool-folders.ts`).
 */
import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../../../base/errors.ts';
import { makeSpoolFolder, ownerPath } from '../../spool-folders.ts';

/** The files of one command. */
export interface CommandFiles {
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  readonly script: string;
}

/** The start of a stream: text where it is UTF-8 without NUL, else bytes. */
export interface Captured {
  readonly content: string | Uint8Array;
  readonly truncated: boolean;
}

/** Why nothing was read: the file or the disk does not let it, or no more files may be opened for now. */
export type Unread = 'unreadable' | 'later';

/** How many bytes at the end belong to a character that is cut. */
export function cutBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

export class Spool {
  readonly folder: string;
  readonly commands: string;
  readonly results: string;
  /** A file that is open for nothing: where no more may be opened it makes room for the output of a command. */
  #spare: number | null = null;

  /** Makes the folders in `parent`, which must exist. `keepsFiles`: results name files that outlive it. */
  constructor(parent: string, keepsFiles: boolean) {
    try {
      this.folder = makeSpoolFolder(parent, 'output', keepsFiles);
      this.commands = join(this.folder, 'commands');
      this.results = join(this.folder, 'results');
      this.mend();
      this.#reserve();
    } catch (error) {
      throw new MillraceError('ERR_SPAWN', `no folder for the output of commands can be made in ${parent}: name another spool folder`, {
        cause: error,
      });
    }
  }

  /** Makes again what somebody removed. */
  mend(): void {
    mkdirSync(this.commands, { recursive: true, mode: 0o700 });
    mkdirSync(this.results, { recursive: true, mode: 0o700 });
  }

  /** Names for the files of the n-th command of a slot; the input is written when there is one. */
  files(slot: number, n: number, input: string | Uint8Array | null): CommandFiles {
    const base = `${this.commands}/${slot}-${n}`;
    if (input !== null) writeFileSync(`${base}i`, input, { mode: 0o600 });
    return { input: input === null ? '/dev/null' : `${base}i`, output: `${base}o`, errors: `${base}e`, script: `${base}c` };
  }

  /** Where a stream, or the series of its monitor, is kept that a result names. */
  resultPath(id: string, attempt: number, stream: 'out' | 'err' | 'csv'): string {
    return join(this.results, `${id.replaceAll(/[^\w-]/g, '_')}.${attempt}.${stream}`);
  }

  /** As the function below, also while no more files may be opened: unless another thread takes the room that the spare file makes. */
  capture(path: string, size: number, limit: number): Captured | Unread {
    let captured = capture(path, size, limit);
    if (captured === 'later') {
      this.#release();
      captured = capture(path, size, limit);
    }
    this.#reserve();
    return captured;
  }

  /** Removes everything, or everything but what results name. */
  remove(keepResults: boolean): void {
    this.#release();
    rmSync(keepResults ? this.commands : this.folder, { recursive: true, force: true });
    if (keepResults) discardEmpty(this.folder, this.results);
    if (!keepResults) return;
    try {
      rmdirSync(this.results);
      rmdirSync(this.folder);
    } catch {
      // Results name files in it.
    }
  }

  #reserve(): void {
    try {
      this.#spare ??= openSync(ownerPath(this.folder), 'r');
    } catch {
      // There is no room for it now; output that cannot be read stays in its file.
    }
  }

  #release(): void {
    if (this.#spare === null) return;
    closeSync(this.#spare);
    this.#spare = null;
  }
}

/** A folder for files that results name, when there are none. */
function discardEmpty(folder: string, results: string): void {
  try {
    if (readdirSync(results).length === 0) rmSync(folder, { recursive: true, force: true });
  } catch {
    // Somebody was quicker.
  }
}

/** This process, or the machine, may open no more files for now. */
export function isOutOfFiles(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Bytes of a file; 0 when it is not there, or a command has put something else in its place or in that of its folder. */
export function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

/** Removes a file that may be gone already. */
export function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone, or its folder is: there is nothing left to remove.
  }
}

/** Keeps a file under a name that lasts; false when it is gone. */
export function keep(path: string, name: string): boolean {
  try {
    renameSync(path, name);
    return true;
  } catch {
    return existsSync(name);
  }
}

/** The first `limit` bytes of a file of `size` bytes. Short reads are read on: the file may be cut by its writer meanwhile. */
export function capture(path: string, size: number, limit: number): Captured | Unread {
  let bytes: Uint8Array;
  try {
    const file = openSync(path, 'r');
    try {
      // Not from the pool: a result crosses threads, and with a slice of the pool the whole of it would be copied.
      const buffer = Buffer.allocUnsafeSlow(Math.min(size, limit));
      let length = 0;
      while (length < buffer.length) {
        const read = readSync(file, buffer, length, buffer.length - length, length);
        if (read === 0) break;
        length += read;
      }
      bytes = length === buffer.length ? buffer : buffer.subarray(0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return isOutOfFiles(error) ? 'later' : 'unreadable';
  }
  const truncated = size > limit;
  const whole = truncated ? bytes.subarray(0, bytes.length - cutBytes(bytes)) : bytes;
  if (isUtf8(whole) && !whole.includes(0))
    return { content: Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('utf8'), truncated };
  return { content: bytes, truncated };
}
