/** Programs of graphs: each in a folder of its own, its inputs there as files, its files taken from there as outputs. */
import { createWriteStream, type Stats } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, open, realpath, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MillraceError, reasonOf } from '../../../base/errors.ts';
import { packFolder, unpackInto } from '../../../session/archive.ts';
import { checkRelative, placeIn } from '../../../session/paths.ts';
import type { ExecuteConfig, MappedInput } from '../../../session/task-types.ts';
import { decodeValue } from '../../../task/value.ts';
import type { ExecutionEnd } from '../../executor.ts';
import type { GraphExecution, GraphInput, GraphOutcome, GraphOutput, GraphOutputSpec } from '../../graph-task-runner.ts';
import { copyForeign, failed } from './builtins.ts';
import type { SlotQueue } from './slot-queue.ts';

/** Of what a failed program wrote to stderr, the end is told (bytes). */
const toldErrors = 16 * 1024;

/** Beside the program's own folder, so that nothing of it is in its way. */
interface Places {
  readonly work: string;
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  readonly root: string;
}

export class Programs {
  readonly #queue: SlotQueue;

  constructor(queue: SlotQueue) {
    this.#queue = queue;
  }

  async run(execution: GraphExecution): Promise<GraphOutcome> {
    const config = decodeValue(execution.config ?? 'null') as ExecuteConfig;
    const root = execution.sandbox();
    const places: Places = {
      root,
      work: join(root, 'work'),
      input: join(root, 'stdin'),
      output: join(root, 'stdout'),
      errors: join(root, 'stderr'),
    };
    await mkdir(places.work);
    const linked: LinkedInput[] = [];
    for (const file of config.files) {
      const input = execution.inputs[file.input] as GraphInput;
      const target = await putInput(places.work, file, input);
      if (target !== null) linked.push({ file, target, before: await stat(target) });
    }
    for (const path of config.outputs)
      if (path !== null) await mkdir(dirname(placeIn(places.work, checkRelative(path, 'a path'))), { recursive: true });
    const source = config.stdin === null ? '/dev/null' : await standardInput(places.input, execution.inputs[config.stdin] as GraphInput);
    const { session, task, signal } = execution;
    const end = await this.#run(
      {
        id: `${session}/${task}`,
        attempt: 1,
        command: commandLine(config, places, source),
        input: null,
        env: config.env,
        cwd: places.work,
      },
      signal,
      config.timeout,
      places.errors,
    );
    await checkLinked(linked, execution);
    if (end.outcome !== 'succeeded') throw await failure(end, places.errors);
    const outputs = await Promise.all(execution.outputs.map((spec, at) => outputOf(places, spec, config.outputs[at] ?? null, at)));
    return { outputs, attributes: null };
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #run(command: Parameters<SlotQueue['run']>[0], signal: AbortSignal, timeout: number | null, errors: string): Promise<ExecutionEnd> {
    try {
      return await this.#queue.run(command, { signal, timeout });
    } catch (cause) {
      if (!(cause instanceof MillraceError) || cause.code !== 'ERR_TIMEOUT') throw cause;
      throw new MillraceError('ERR_TIMEOUT', `Program killed: ${cause.message}`, { cause, details: { stderr: await tail(errors) } });
    }
  }
}

function commandLine({ args, shell }: ExecuteConfig, { output, errors }: Places, input: string): string {
  const words = shell ? ['/bin/sh', '-c', ...args] : args;
  // `exec`: a program, never a builtin of the shell, and no process more than it needs.
  return `exec ${words.map(quoted).join(' ')} <${quoted(input)} >${quoted(output)} 2>${quoted(errors)}`;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

interface LinkedInput {
  readonly file: MappedInput;
  readonly target: string;
  readonly before: Stats;
}

/** Nobody may write to these files; root does all the same. */
async function checkLinked(linked: readonly LinkedInput[], execution: GraphExecution): Promise<void> {
  let changed: MappedInput | null = null;
  for (const { file, target, before } of linked) {
    const after = await stat(target).catch(() => null);
    if (after !== null && after.size === before.size && after.mtimeMs === before.mtimeMs) continue;
    execution.spoiled(file.input);
    changed = file;
  }
  if (changed === null) return;
  throw failed(`the program has written to its input '${changed.path}', which may only be read: give it as new Input(…, { write: true })`);
}

/** The file that it is a link to; null: it is a copy. */
async function putInput(work: string, { path, write }: MappedInput, input: GraphInput): Promise<string | null> {
  const place = placeIn(work, checkRelative(path, 'the path of an input'));
  await mkdir(dirname(place), { recursive: true });
  const { content } = input;
  if (input.kind === 'directory') await unpackInto(content, place);
  else if (content.path === null) await writeFile(place, content.bytes, { mode: write ? 0o644 : 0o444 });
  else if (!write) {
    await symlink(content.path, place);
    return content.path;
  } else {
    await copyFile(content.path, place);
    await chmod(place, 0o644 | ((await stat(place)).mode & 0o100));
  }
  return null;
}

async function standardInput(place: string, { content, kind }: GraphInput): Promise<string> {
  if (kind !== 'blob') throw failed('a directory cannot be stdin');
  if (content.path !== null) return content.path;
  await writeFile(place, content.bytes);
  return place;
}

/** `path` null: what it wrote to stdout. */
async function outputOf(places: Places, spec: GraphOutputSpec, path: string | null, at: number): Promise<GraphOutput> {
  const done = (file: string): GraphOutput => ({
    content: { bytes: null, path: file },
    kind: spec.kind,
    contentType: null,
    attributes: null,
  });
  if (path === null) return done(places.output);
  const place = placeIn(places.work, checkRelative(path, 'the path of an output'));
  const missing = (why: string) => () => {
    throw failed(`Path '${path}' not found: ${why}`);
  };
  const isLink = (await lstat(place).catch(missing('the program has not written this output'))).isSymbolicLink();
  const found = await stat(place).catch(missing('the program has made a link that leads nowhere'));
  try {
    if (spec.kind === 'directory') {
      if (!found.isDirectory()) throw failed(`Output '${spec.label}' expects type dir, but a file is provided`);
      const archive = join(places.root, `output-${at}`);
      await pipeline(packFolder(place), createWriteStream(archive));
      return done(archive);
    }
    if (!found.isFile()) throw failed(`Output '${spec.label}' expects type blob, but it is no file`);
    if (!isLink && found.nlink === 1) return done(place);
    // A link may lead to an input, which is not the program's to give away.
    const copy = join(places.root, `output-${at}`);
    await copyForeign(await realpath(place), found, copy);
    return done(copy);
  } catch (cause) {
    throw MillraceError.from(cause, 'ERR_TASK_FAILED');
  }
}

async function failure({ exitStatus, extra }: ExecutionEnd, errors: string): Promise<MillraceError> {
  const stderr = await tail(errors);
  const why =
    extra?.error !== undefined
      ? `Program could not be started: ${extra.error.message}`
      : extra?.signal !== undefined
        ? `Program terminated by signal ${extra.signal}`
        : `Program exit with exit code ${exitStatus}`;
  return new MillraceError('ERR_TASK_FAILED', stderr === '' ? why : `${why}\nStderr: ${stderr}`, { details: { stderr } });
}

async function tail(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const length = Math.min(size, toldErrors);
      const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(length), position: size - length });
      return Buffer.from(buffer.buffer, 0, bytesRead).toString();
    } finally {
      await file.close();
    }
  } catch (cause) {
    return `(its stderr cannot be read: ${reasonOf(cause)})`;
  }
}
