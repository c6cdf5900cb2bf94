/**
 * Directory objects: tar archives of plain files and folders, the same bytes for the same contents. What is read here may come from anywhere: paths
 * that are absolute or lead out, links and devices are refused before anything of theirs is written.
 */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import tar, { type Extract, type Pack } from 'tar-stream';
import { deferred } from '../base/deferred.ts';
import { reasonOf } from '../base/errors.ts';
import type { Content } from './content.ts';
import { RainException } from './exceptions.ts';
import { checkRelative, placeIn } from './paths.ts';

/** Neither users nor times stand in an archive: equal contents are equal bytes. */
const timeless = { uid: 0, gid: 0, mtime: new Date(0) };
const executable = 0o111;

export interface ArchiveEntry {
  /** Relative and checked. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly isExecutable: boolean;
  readonly size: number;
  /** To be read to its end before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** The bytes of an object as a stream. */
export function contentStream(content: Content): Readable {
  return content.path === null ? Readable.from([content.bytes], { objectMode: false }) : createReadStream(content.path);
}

/**
 * The entries of an archive.
 * @throws RainException for what is no archive of plain files and folders inside it
 */
export async function* readArchive(content: Content): AsyncGenerator<ArchiveEntry> {
  const extract = tar.extract();
  const source = contentStream(content);
  feed(source, extract);
  try {
    for await (const entry of extract) {
      const { name, type, size = 0, mode = 0 } = entry.header;
      if (type !== 'file' && type !== 'directory' && type !== 'contiguous-file')
        throw new RainException(`a directory holds files and folders only; '${name.slice(0, 200)}' is a ${type}`);
      if (/^(?:\.?\/)*\.?$/.test(name) && type === 'directory' && !name.startsWith('/')) {
        entry.resume();
        continue;
      }
      const path = checkRelative(name, 'a path in a directory');
      yield {
        path,
        isFolder: type === 'directory',
        isExecutable: (mode & executable) !== 0,
        size,
        content: wholeOf(entry as AsyncIterable<Uint8Array>, size),
      };
      entry.resume();
    }
  } catch (cause) {
    if (cause instanceof RainException) throw cause;
    throw new RainException(`the bytes of a directory cannot be read: ${reasonOf(cause)}`, { cause });
  } finally {
    source.destroy();
    extract.destroy();
  }
}

/** The archive's streams are of a kind that Node's pipelines do not end when half an archive ends. */
function feed(source: Readable, extract: Extract): void {
  source.on('data', (part: Uint8Array) => {
    if (!extract.write(part)) source.pause();
  });
  extract.on('drain', () => source.resume());
  source.once('end', () => extract.end(null));
  source.once('error', (error) => extract.destroy(error));
}

async function* wholeOf(entry: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const part of entry) {
    left -= part.length;
    yield part;
  }
  if (left !== 0) throw new RainException('the archive of a directory ends in the middle of a file');
}

/** Makes an archive: entries are added one after the other while `stream` is read by somebody else. */
export class ArchiveWriter {
  readonly #pack: Pack = tar.pack();

  get stream(): Readable {
    // A stream of its own kind that Node's pipelines take.
    return Readable.from(this.#pack as AsyncIterable<Uint8Array>, { objectMode: false });
  }

  addFolder(path: string): void {
    this.#pack.entry({ ...timeless, name: `${path}/`, type: 'directory', mode: 0o755 });
  }

  async addFile(path: string, size: number, isExecutable: boolean, content: AsyncIterable<Uint8Array>): Promise<void> {
    const written = deferred<void>();
    written.promise.catch(() => {});
    const header = { ...timeless, name: path, type: 'file' as const, size, mode: isExecutable ? 0o755 : 0o644 };
    const entry = this.#pack.entry(header, (error) => (error ? written.reject(error) : written.resolve()));
    for await (const part of content) {
      if (entry.write(part)) continue;
      await Promise.race([new Promise<void>((resolve) => entry.once('drain', () => resolve())), written.promise]);
    }
    entry.end(null);
    await written.promise;
  }

  finish(): void {
    this.#pack.finalize();
  }

  fail(error: unknown): void {
    this.#pack.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

/** An archive that `fill` makes, as a stream: it is filled as fast as it is read. */
export function archiveOf(fill: (archive: ArchiveWriter) => Promise<void>): Readable {
  const archive = new ArchiveWriter();
  fill(archive).then(
    () => archive.finish(),
    (error: unknown) => archive.fail(error),
  );
  return archive.stream;
}

/**
 * The archive of a folder; entries in the order of their names, links as what they lead to.
 * @throws RainException for what is neither file nor folder, and a link that leads to a folder around it
 */
export function packFolder(folder: string): Readable {
  return archiveOf((archive) => addFolderTo(archive, folder, '', []));
}

async function addFolderTo(archive: ArchiveWriter, folder: string, under: string, around: readonly string[]): Promise<void> {
  const real = await realpath(folder);
  if (around.includes(real))
    throw new RainException(`the folder ${folder} is inside itself by a link: a directory object cannot hold that`);
  const names = (await readdir(folder)).sort();
  for (const name of names) {
    const place = join(folder, name);
    // What could not be read again is not written.
    const path = checkRelative(under === '' ? name : `${under}/${name}`, `the name of ${place}`);
    const found = await stat(place);
    if (found.isDirectory()) {
      archive.addFolder(path);
      await addFolderTo(archive, place, path, [...around, real]);
    } else if (found.isFile()) {
      await archive.addFile(path, found.size, (found.mode & executable) !== 0, createReadStream(place));
    } else {
      throw new RainException(`${place} is neither a file nor a folder: a directory object cannot hold it`);
    }
  }
}

/**
 * Writes an archive's files into a folder, which is made; what is there already under the same names is an error, or overwritten.
 * @throws RainException as `readArchive`, and for an entry that is there twice
 */
export async function unpackInto(content: Content, folder: string, options: { readonly overwrite?: boolean } = {}): Promise<void> {
  const flags = options.overwrite === true ? 'w' : 'wx';
  await mkdir(folder, { recursive: true });
  for await (const entry of readArchive(content)) {
    const place = placeIn(folder, entry.path);
    try {
      if (entry.isFolder) await mkdir(place, { recursive: true });
      else {
        await mkdir(dirname(place), { recursive: true });
        await writeFile(place, entry.content, { flag: flags, mode: entry.isExecutable ? 0o755 : 0o644 });
      }
    } catch (cause) {
      throw new RainException(`'${entry.path}' of a directory cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
