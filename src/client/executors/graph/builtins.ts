/** The built-in tasks: what is in memory and small is made at once, the rest by files of the sandbox. */
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { constants, copyFile, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../../base/clock.ts';
import { MillraceError, reasonOf } from '../../../base/errors.ts';
import { type ArchiveWriter, archiveOf, contentStream, packFolder, readArchive, unpackInto } from '../../../session/archive.ts';
import { checkAbsolute, checkRelative } from '../../../session/paths.ts';
import {
  type MakeDirectoryConfig,
  type PathConfig,
  type SleepConfig,
  type SliceDirectoryConfig,
  taskTypes,
} from '../../../session/task-types.ts';
import type { GraphExecution, GraphInput, GraphOutcome, GraphOutput } from '../../graph-task-runner.ts';

export type Builtin = (execution: GraphExecution, config: unknown, clock: Clock) => GraphOutcome | Promise<GraphOutcome>;

/** So many bytes are joined in memory. */
const smallJoin = 2 ** 20;

export const builtins: Readonly<Record<string, Builtin>> = {
  [taskTypes.concat]: concat,
  [taskTypes.sleep]: sleep,
  [taskTypes.open]: openFile,
  [taskTypes.openDir]: openFolder,
  [taskTypes.export]: exportObject,
  [taskTypes.makeDirectory]: makeDirectory,
  [taskTypes.sliceDirectory]: sliceDirectory,
};

export function failed(message: string, cause?: unknown): MillraceError {
  return new MillraceError('ERR_TASK_FAILED', message, cause === undefined ? {} : { cause });
}

/** The outcome of a task with one output. */
function single(content: GraphOutput['content'], kind: GraphOutput['kind']): GraphOutcome {
  return { outputs: [{ content, kind, contentType: null, attributes: null }], attributes: null };
}

function concat(execution: GraphExecution): GraphOutcome | Promise<GraphOutcome> {
  const { inputs } = execution;
  const parts: Uint8Array[] = [];
  let size = 0;
  let allInMemory = true;
  for (let at = 0; at < inputs.length; at++) {
    const input = inputs[at]!;
    if (input.kind !== 'blob') throw failed(`Input ${at} object is not blob`);
    size += input.size;
    if (input.content.bytes === null) allInMemory = false;
    else parts.push(input.content.bytes);
  }
  if (inputs.length === 1) return single({ input: 0 }, 'blob');
  if (allInMemory && size <= smallJoin) {
    const bytes = execution.room(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return single({ bytes, path: null }, 'blob');
  }
  return concatFiles(execution);
}

async function concatFiles(execution: GraphExecution): Promise<GraphOutcome> {
  const { inputs, signal } = execution;
  const path = join(execution.sandbox(), 'joined');
  await pipeline(
    async function* () {
      for (const { content } of inputs) yield* contentStream(content);
    },
    createWriteStream(path),
    { signal },
  );
  return single({ bytes: null, path }, 'blob');
}

function sleep(execution: GraphExecution, config: unknown, clock: Clock): GraphOutcome | Promise<GraphOutcome> {
  const { ms } = config as SleepConfig;
  const input = execution.inputs[0] as GraphInput;
  const outcome = single({ input: 0 }, input.kind);
  if (ms === 0) return outcome;
  const { signal } = execution;
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve(outcome);
    });
    const abort = (): void => {
      stop();
      reject(new MillraceError('ERR_ABORTED', 'the task was stopped', { cause: signal.reason }));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

async function openFile(execution: GraphExecution, config: unknown): Promise<GraphOutcome> {
  const path = checkAbsolute((config as PathConfig).path, 'the path');
  const found = await kindOf(path);
  if (!found?.isFile()) throw failed(`Path '${path}' not found, or it is no file`);
  const own = join(execution.sandbox(), 'opened');
  await copyForeign(path, found, own);
  return single({ bytes: null, path: own }, 'blob');
}

/** Copies a file that this library has not made. Those of /proc say that they are empty, and `copyFile` believes it. */
export async function copyForeign(path: string, { size }: Stats, target: string): Promise<void> {
  if (size > 0) await copyFile(path, target, constants.COPYFILE_FICLONE);
  else await pipeline(createReadStream(path), createWriteStream(target));
}

async function openFolder(execution: GraphExecution, config: unknown): Promise<GraphOutcome> {
  const { signal } = execution;
  const path = checkAbsolute((config as PathConfig).path, 'the path');
  if (!(await kindOf(path))?.isDirectory()) throw failed(`Path '${path}' not found, or it is no folder`);
  const own = join(execution.sandbox(), 'opened');
  await pipeline(packFolder(path), createWriteStream(own), { signal });
  return single({ bytes: null, path: own }, 'directory');
}

async function kindOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch {
    return null;
  }
}

/** A file is there whole or not at all. */
async function exportObject({ inputs, session, task }: GraphExecution, config: unknown): Promise<GraphOutcome> {
  const path = checkAbsolute((config as PathConfig).path, 'the path');
  const { kind, content } = inputs[0] as GraphInput;
  try {
    await mkdir(dirname(path), { recursive: true });
    if (kind === 'directory') {
      await unpackInto(content, path, { overwrite: true });
    } else {
      const beside = `${path}.${session}-${task}.part`;
      if (content.path === null) await writeFile(beside, content.bytes);
      else await copyFile(content.path, beside);
      await rename(beside, path);
    }
  } catch (cause) {
    throw failed(`the object cannot be written to '${path}': ${reasonOf(cause)}`, cause);
  }
  return { outputs: [], attributes: null };
}

async function makeDirectory(execution: GraphExecution, config: unknown): Promise<GraphOutcome> {
  const { inputs, signal } = execution;
  const { paths } = config as MakeDirectoryConfig;
  const path = join(execution.sandbox(), 'made');
  const taken = new TakenPaths();
  const archive = archiveOf(async (writer) => {
    for (const [at, input] of inputs.entries()) await addInput(writer, input, checkRelative(paths[at], 'a path'), taken);
  });
  await pipeline(archive, createWriteStream(path), { signal });
  return single({ bytes: null, path }, 'directory');
}

/** Folders may come from several objects, files from one; what is the one is not the other. */
class TakenPaths {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  file(path: string): void {
    if (this.#files.has(path)) throw failed(`two objects of the directory have the path '${path}'`);
    this.#around(path);
    if (this.#folders.has(path)) throw failed(`'${path}' of the directory would be both a file and a folder`);
    this.#files.add(path);
  }

  folder(path: string): void {
    this.#around(`${path}/`);
  }

  #around(path: string): void {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      if (this.#files.has(folder)) throw failed(`'${folder}' of the directory would be both a file and a folder`);
      if (this.#folders.has(folder)) return;
      this.#folders.add(folder);
    }
  }
}

async function addInput(writer: ArchiveWriter, input: GraphInput, path: string, taken: TakenPaths): Promise<void> {
  if (input.kind === 'blob') {
    taken.file(path);
    await writer.addFile(path, input.size, false, contentStream(input.content));
    return;
  }
  taken.folder(path);
  writer.addFolder(path);
  for await (const entry of readArchive(input.content)) {
    const place = `${path}/${entry.path}`;
    if (entry.isFolder) {
      taken.folder(place);
      writer.addFolder(place);
    } else {
      taken.file(place);
      await writer.addFile(place, entry.size, entry.isExecutable, entry.content);
    }
  }
}

async function sliceDirectory(execution: GraphExecution, config: unknown): Promise<GraphOutcome> {
  const { path, dataType } = config as SliceDirectoryConfig;
  const { content, kind } = execution.inputs[0] as GraphInput;
  if (kind !== 'directory') throw failed('the input is no directory');
  const own = join(execution.sandbox(), 'slice');
  if (dataType === 'dir') return await sliceFolder(execution, content, path, own);
  for await (const entry of readArchive(content)) {
    if (entry.path !== path || entry.isFolder) continue;
    await writeFile(own, entry.content);
    return single({ bytes: null, path: own }, 'blob');
  }
  throw failed(`Path '${path}' not found in the directory, or it is no file`);
}

async function sliceFolder({ signal }: GraphExecution, content: GraphInput['content'], path: string, own: string): Promise<GraphOutcome> {
  const archive = archiveOf(async (writer) => {
    let found = false;
    for await (const entry of readArchive(content)) {
      found ||= entry.isFolder && entry.path === path;
      if (!entry.path.startsWith(`${path}/`)) continue;
      found = true;
      const inside = entry.path.slice(path.length + 1);
      if (entry.isFolder) writer.addFolder(inside);
      else await writer.addFile(inside, entry.size, entry.isExecutable, entry.content);
    }
    if (!found) throw failed(`Path '${path}/' not found in the directory`);
  });
  await pipeline(archive, createWriteStream(own), { signal });
  return single({ bytes: null, path: own }, 'directory');
}
