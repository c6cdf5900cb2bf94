/**
 * The built-in tasks, in both spellings of Rain: its functions (`concat`, `sleep(seconds, object)`, `open`, `export`) and its classes (`Concat`,
 * `Sleep(object, seconds)`, `Load`, `Store`). Nothing of a task runs here: it is made, and runs on a client after `submit()`.
 */
import { parseDuration } from '../base/duration.ts';
import type { Duration } from '../task/task.ts';
import { RainException } from './exceptions.ts';
import { execute } from './execute.ts';
import { Output, OutputBase, OutputDir } from './input-output.ts';
import { checkOptions } from './options.ts';
import { checkAbsolute, checkRelative, PathSet } from './paths.ts';
import { type DataLike, Task, type TaskOptions, taskOptionNames, toDataObject } from './task.ts';
import { taskTypes } from './task-types.ts';

/** One output that the task itself describes may be said more of: its label or an `Output`. */
export interface OneOutputOptions extends TaskOptions {
  readonly output?: string | OutputBase;
  readonly contentType?: string;
}

const oneOutputNames: readonly (keyof OneOutputOptions)[] = [...taskOptionNames, 'output', 'contentType'];

/** The blobs one after the other; of none an empty one. (Source: Rain, `tasks.Concat`.) */
function concat(inputs: Iterable<DataLike>, options: TaskOptions = {}): Task {
  const objects = listOf(inputs, 'concat()');
  for (const object of objects) toDataObject(object).expectBlob();
  return new Task(objects as DataLike[], 1, { ...checkOptions(options, taskOptionNames, 'concat()'), taskType: taskTypes.concat });
}

/** The same object, so much later; it costs no processor time. (Source: Rain until 0.2, `tasks.sleep`.) */
function sleep(seconds: Duration, object: DataLike, options: TaskOptions = {}): Task {
  const input = toDataObject(object);
  const ms = parseDuration(seconds, 'the time of sleep()');
  const { contentType } = input;
  const like = contentType === null ? {} : { contentType };
  const isPlain = input.dataType === 'blob' && contentType === null;
  const outputs = isPlain ? 1 : [input.dataType === 'dir' ? new OutputDir('output', like) : new Output('output', like)];
  return new Task([input], outputs, { ...checkOptions(options, taskOptionNames, 'sleep()'), taskType: taskTypes.sleep, config: { ms } });
}

/** A file of the client that runs it. A path that is not absolute is refused at once. (Source: Rain, `tasks.Load`.) */
function open(path: string, options: OneOutputOptions = {}): Task {
  return loading(path, options, 'open()', false);
}

/** A folder of the client that runs it. (Source: Rain, `tasks.LoadDir`, which did not work.) */
function loadDir(path: string, options: OneOutputOptions = {}): Task {
  return loading(path, options, 'loadDir()', true);
}

/** Writes an object to a file or folder of the client that runs it; no output. (Source: Rain, `tasks.Store`.) */
function store(object: DataLike, path: string, options: TaskOptions = {}): Task {
  const config = { path: checkAbsolute(path, 'the path of store()') };
  return new Task([toDataObject(object)], null, {
    ...checkOptions(options, taskOptionNames, 'store()'),
    taskType: taskTypes.export,
    config,
  });
}

/** What goes into a directory: `[path, object]` of each, or an object by path. */
export type DirectoryContents = Iterable<readonly [path: string, object: DataLike]> | Readonly<Record<string, DataLike>>;

/** A directory of these objects; folders on the way are made. (Source: Rain, `tasks.MakeDirectory`.) */
function makeDirectory(contents: DirectoryContents, options: TaskOptions = {}): Task {
  const pairs = contentPairs(contents).map(
    ([path, object]) => [checkRelative(path, 'a path of makeDirectory()'), toDataObject(object)] as const,
  );
  const paths = pairs.map(([path]) => path);
  const seen = new PathSet();
  for (const [path, object] of pairs) {
    const other = seen.add(path, object.dataType === 'blob');
    if (other === path) throw new RainException(`two objects of makeDirectory() have the path '${path}'`);
    if (other === null) continue;
    throw new RainException(`'${other.length < path.length ? other : path}' of makeDirectory() cannot be both a file and a folder`);
  }
  return new Task(
    pairs.map(([, object]) => object),
    [new OutputDir('output')],
    { ...checkOptions(options, taskOptionNames, 'makeDirectory()'), taskType: taskTypes.makeDirectory, config: { paths } },
  );
}

/** A file of a directory; a path that ends in `/`: a folder of it. (Source: Rain, `tasks.SliceDirectory`.) */
function sliceDirectory(input: DataLike, path: string, options: OneOutputOptions = {}): Task {
  const object = toDataObject(input);
  object.expectDir();
  const isDir = typeof path === 'string' && path.endsWith('/');
  const plain = checkRelative(path, 'the path of sliceDirectory()');
  const [rest, output] = oneOutput(options, 'sliceDirectory()', isDir);
  const config = { path: plain, dataType: isDir ? 'dir' : 'blob' };
  return new Task([object], [output], { ...rest, taskType: taskTypes.sliceDirectory, config });
}

/** `sleep` with its arguments as in Rain from 0.3 on. */
function sleepOf(object: DataLike, seconds: Duration, options: TaskOptions = {}): Task {
  return sleep(seconds, object, options);
}

/** The built-in tasks by the names of both of Rain's pages. */
export interface Tasks {
  readonly concat: typeof concat;
  readonly Concat: typeof concat;
  readonly sleep: typeof sleep;
  readonly Sleep: typeof sleepOf;
  readonly open: typeof open;
  readonly load: typeof open;
  readonly Load: typeof open;
  readonly loadDir: typeof loadDir;
  readonly LoadDir: typeof loadDir;
  readonly store: typeof store;
  readonly Store: typeof store;
  readonly export: typeof store;
  readonly makeDirectory: typeof makeDirectory;
  readonly MakeDirectory: typeof makeDirectory;
  readonly sliceDirectory: typeof sliceDirectory;
  readonly SliceDirectory: typeof sliceDirectory;
  readonly execute: typeof execute;
  readonly Execute: typeof execute;
}

export const tasks: Tasks = {
  concat,
  Concat: concat,
  sleep,
  Sleep: sleepOf,
  open,
  load: open,
  Load: open,
  loadDir,
  LoadDir: loadDir,
  store,
  Store: store,
  export: store,
  makeDirectory,
  MakeDirectory: makeDirectory,
  sliceDirectory,
  SliceDirectory: sliceDirectory,
  execute,
  Execute: execute,
};

function loading(path: string, options: OneOutputOptions, owner: string, isDir: boolean): Task {
  const config = { path: checkAbsolute(path, `the path of ${owner}`) };
  const [rest, output] = oneOutput(options, owner, isDir);
  return new Task([], [output], { ...rest, taskType: isDir ? taskTypes.openDir : taskTypes.open, config });
}

function oneOutput(options: OneOutputOptions, owner: string, isDir: boolean): [TaskOptions, OutputBase] {
  const { output, contentType, ...rest } = checkOptions(options, oneOutputNames, owner);
  if (output instanceof OutputBase) {
    if (contentType !== undefined) throw new RainException(`the contentType of ${owner} stands in its Output already`);
    if ((output.dataType === 'dir') !== isDir)
      throw new RainException(`the output of ${owner} is ${isDir ? 'a directory: take OutputDir' : 'a blob: take Output'}`);
    return [rest, output];
  }
  const type = contentType === undefined ? {} : { contentType };
  return [rest, isDir ? new OutputDir(output ?? 'output', type) : new Output(output ?? 'output', type)];
}

function listOf(inputs: unknown, owner: string): unknown[] {
  if (typeof inputs === 'object' && inputs !== null && Symbol.iterator in inputs && !(inputs instanceof Uint8Array))
    return [...(inputs as Iterable<unknown>)];
  throw new RainException(`${owner} takes a list of data objects`);
}

function contentPairs(contents: unknown): [unknown, unknown][] {
  if (typeof contents !== 'object' || contents === null)
    throw new RainException('makeDirectory() takes a list of [path, object], or an object by path');
  if (!(Symbol.iterator in contents)) return Object.entries(contents);
  return [...(contents as Iterable<unknown>)].map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new RainException('each item of makeDirectory() is [path, object]');
    return [pair[0], pair[1]];
  });
}
