/**
 * Opens whatever may be a source of tasks as a `SourceReader`. A string or URL is the path of a file, never a list of
 * characters; a stream of bytes is read by lines, a stream of objects item by item.
 */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError, reasonOf } from '../base/errors.ts';
import type { TaskInput } from '../task/task.ts';
import { AsyncIterableReader, IterableReader } from './iterables.ts';
import { type ChunkSource, LineReader } from './lines.ts';
import type { SourceReader } from './reader.ts';

/**
 * Where tasks come from: the path of a file of command lines (string or `file:` URL), a stream, or any iterable of tasks. A file whose name
 * ends in `.jsonl` or `.ndjson` has one value of JSON a line: a text is a command line, an object a task with named fields.
 */
export type Source = string | URL | Readable | Iterable<TaskInput> | AsyncIterable<TaskInput>;

/** A larger chunk would, as text, be a large object, which V8 frees only when it marks the whole heap: a long file took 50 MB more. */
const chunkSize = 64 * 1024;

/**
 * A reader of the source; it is open when this resolves.
 * @throws ERR_SOURCE_NOT_FOUND (no such file), ERR_SOURCE (a directory, not readable, nothing that can be a source)
 */
export async function openSource(source: Source, clock: Clock = systemClock): Promise<SourceReader> {
  if (typeof source === 'string') return openLines(source);
  if (source instanceof URL) return openLines(filePath(source));
  if (typeof source === 'object' && source !== null) {
    if (source instanceof Readable) {
      keepFailure(source);
      return source.readableObjectMode ? new AsyncIterableReader(source) : new LineReader(streamChunks(source));
    }
    if (Symbol.asyncIterator in source) return new AsyncIterableReader(source);
    if (Symbol.iterator in source) return new IterableReader(source, clock);
  }
  throw new MillraceError(
    'ERR_SOURCE',
    'a source must be the path of a file, a stream, or an iterable of tasks; for a single task put it into a list',
  );
}

/** A reader of chunks whose lines are JSON, as those of a `.jsonl` file. */
export function openJsonLines(chunks: ChunkSource): SourceReader {
  return new LineReader(chunks, true);
}

/** For a source that is opened later: a stream that fails before (a missing file) tells it to its reader then; without a listener it would end the process. */
export function keepFailure(source: Source | null): void {
  if (source instanceof Readable && !source.listeners('error').includes(nothing)) source.on('error', nothing);
}

/** The path of a source that is a file; null: it is something to be iterated. */
export function filePathOf(source: Source | null): string | null {
  if (typeof source === 'string') return source;
  return source instanceof URL ? filePath(source) : null;
}

function filePath(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new MillraceError('ERR_SOURCE', `a source must be a file: URL, not ${url.href}`, { cause: error });
  }
}

const jsonLines = /\.(?:jsonl|ndjson)$/i;

async function openLines(path: string): Promise<LineReader> {
  return new LineReader(await openFile(path), jsonLines.test(path));
}

async function openFile(path: string): Promise<ChunkSource> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(path, error);
  });
  try {
    if ((await file.stat()).isDirectory()) throw new MillraceError('ERR_SOURCE', `the source ${path} is a directory; name a file in it`);
  } catch (error) {
    await file.close();
    throw MillraceError.from(error, 'ERR_SOURCE');
  }
  return {
    async read() {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, null);
      return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
    },
    close: () => file.close().catch(nothing),
  };
}

function fileError(path: string, cause: unknown): MillraceError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const hint = /\s/.test(path) ? ' A string is the path of a file: put command lines into a list.' : '';
    return new MillraceError('ERR_SOURCE_NOT_FOUND', `there is no file ${JSON.stringify(path)} to read tasks from.${hint}`, {
      cause,
      details: { path },
    });
  }
  const reason = reasonOf(cause);
  return new MillraceError('ERR_SOURCE', `the source ${JSON.stringify(path)} cannot be read: ${reason}`, { cause, details: { path } });
}

function streamChunks(stream: Readable): ChunkSource {
  const iterator: AsyncIterator<Uint8Array | string> = stream[Symbol.asyncIterator]();
  return {
    async read() {
      const next = await iterator.next();
      return next.done ? null : next.value;
    },
    close() {
      // Ends a read that waits, too; `return()` of the iterator would wait for it.
      stream.destroy();
      return Promise.resolve();
    },
  };
}

function nothing(): void {}
