/**
 * Tasks on their way out: to a file that is complete or not there, or to a stream at its own pace. A page of tasks and one chunk of text are in memory, however
 * many tasks there are.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MillraceError, reasonOf } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { didYouMean } from '../base/nearest.ts';
import { csv, type ExportField, exportFields, jsonLines, type TaskFormat } from './export-format.ts';
import type { TaskQuery } from './query.ts';
import type { TaskRecord } from './record.ts';

/** How and which tasks are exported. */
export interface ExportOptions {
  /** `'jsonl'`: one object a line. `'csv'`: RFC 4180 with a header; nothing is escaped for spreadsheets. Times are ms in both. */
  format: 'jsonl' | 'csv';
  /** Which tasks, in which order. Default: all, in the order of their acceptance. */
  query?: TaskQuery;
  /** Which fields, in this order. Default: all. */
  fields?: readonly ExportField[];
}

/** Characters that are written at once. */
const chunkSize = 65_536;

const optionNames = ['format', 'query', 'fields'] as const;

/** Write what `find` gives. */
export async function exportTasks(
  find: (query: TaskQuery) => AsyncIterable<TaskRecord>,
  target: string | URL | Writable,
  options: ExportOptions,
): Promise<number> {
  const format = formatOf(options);
  const tasks = find(options.query ?? {});
  if (target instanceof Writable) return toStream(tasks, format, target);
  if (typeof target === 'string' && target !== '') return toFile(tasks, format, target);
  if (target instanceof URL && target.protocol === 'file:') return toFile(tasks, format, fileURLToPath(target));
  throw new MillraceError('ERR_OPTION', 'export() writes to the path of a file, a file: URL or a Writable');
}

function formatOf(options: ExportOptions): TaskFormat {
  if (typeof options !== 'object' || options === null)
    throw new MillraceError('ERR_OPTION', "export() takes a target and { format: 'jsonl' | 'csv' }");
  for (const name of Object.keys(options)) {
    if (!(optionNames as readonly string[]).includes(name))
      throw new MillraceError('ERR_UNKNOWN_OPTION', `export() has no option '${name.slice(0, 64)}'.${didYouMean(name, optionNames)}`);
  }
  const fields: readonly ExportField[] = options.fields ?? exportFields;
  if (!Array.isArray(fields) || fields.length === 0)
    throw new MillraceError('ERR_OPTION', `fields must be a list of ${exportFields.join(', ')}`);
  for (const field of fields as readonly unknown[]) {
    if (!(exportFields as readonly unknown[]).includes(field))
      throw new MillraceError(
        'ERR_OPTION',
        `a task has no field ${JSON.stringify(field)?.slice(0, 64)}.${didYouMean(String(field), exportFields)} The fields are ${exportFields.join(', ')}`,
      );
  }
  if (options.format === 'jsonl') return jsonLines(fields);
  if (options.format === 'csv') return csv(fields);
  throw new MillraceError('ERR_OPTION', `format must be 'jsonl' or 'csv'; it is ${JSON.stringify(options.format)?.slice(0, 64)}`);
}

/** Chunks of text, and how many tasks are in them. */
async function write(tasks: AsyncIterable<TaskRecord>, format: TaskFormat, send: (chunk: string) => Promise<void>): Promise<number> {
  let chunk = format.header;
  let count = 0;
  for await (const task of tasks) {
    chunk += format.line(task);
    count++;
    if (chunk.length < chunkSize) continue;
    await send(chunk);
    chunk = '';
  }
  if (chunk !== '') await send(chunk);
  return count;
}

async function toFile(tasks: AsyncIterable<TaskRecord>, format: TaskFormat, path: string): Promise<number> {
  const temporary = `${path}.${newId()}.part`;
  let file: FileHandle | null = null;
  try {
    file = await attempt(path, () => open(temporary, 'wx', 0o600));
    const opened = file;
    const count = await write(tasks, format, (chunk) => attempt(path, () => opened.appendFile(chunk)));
    await attempt(path, () => opened.sync());
    await file.close();
    file = null;
    await attempt(path, () => rename(temporary, path));
    return count;
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** A failure of the target is told apart from one of the tasks' source. */
async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw new MillraceError('ERR_EXPORT', `${path} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

async function toStream(tasks: AsyncIterable<TaskRecord>, format: TaskFormat, stream: Writable): Promise<number> {
  let failed: MillraceError | null = null;
  let wake: (() => void) | null = null;
  const fail = (cause: unknown): void => {
    const reason = cause instanceof Error ? cause.message : 'it was closed before all was written';
    failed ??= new MillraceError('ERR_EXPORT', `the stream cannot be written: ${reason}`, { cause });
    wake?.();
  };
  const closed = (): void => fail(undefined);
  stream.on('error', fail).on('close', closed);
  try {
    return await write(tasks, format, async (chunk) => {
      if (!stream.writable) closed();
      if (failed !== null) throw failed;
      // The chunk is away, or as good as lost, when the stream calls back: then its place is free again.
      await new Promise<void>((resolve) => {
        wake = resolve;
        stream.write(chunk, (error) => {
          if (error) fail(error);
          resolve();
        });
      });
      if (failed !== null) throw failed;
    });
  } finally {
    stream.off('close', closed);
    // A stream that failed emits its error after it called back: heard by nobody it would end the process.
    if (failed === null) stream.off('error', fail);
  }
}
