/** Tasks that run a program: which files it finds, what of its files becomes an output, and how its arguments name both. */
import { parseDuration } from '../base/duration.ts';
import type { Duration } from '../task/task.ts';
import { splitCommand } from './command-words.ts';
import type { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { InputBase, Output, OutputBase } from './input-output.ts';
import { checkOptions } from './options.ts';
import { checkRelative, PathSet } from './paths.ts';
import { type DataLike, Task, type TaskOptions, taskOptionNames, toDataObject } from './task.ts';
import { checkNeeds } from './task-needs.ts';
import { type ExecuteConfig, type MappedInput, taskTypes } from './task-types.ts';

export type ExecuteArgument = string | DataLike | InputBase | OutputBase;

export interface ExecuteOptions extends TaskOptions {
  /** What it writes there becomes the first output; true: with the label `stdout`. Default: it is thrown away. */
  readonly stdout?: boolean | string | Output;
  /** What it reads. Default: nothing. */
  readonly stdin?: DataLike | InputBase;
  /** Objects that it finds as files, beside those of its arguments. */
  readonly inputPaths?: Iterable<DataLike | InputBase>;
  /** Files (relative to its folder) that become outputs. */
  readonly outputPaths?: Iterable<string | OutputBase>;
  /** `/bin/sh -c` with the arguments joined by spaces, not quoted. Default false. */
  readonly shell?: boolean;
  /** Beside the environment of its client. */
  readonly env?: Readonly<Record<string, string>>;
  /** Then it is killed, and the task fails. */
  readonly timeout?: Duration;
}

export const executeNames: readonly (keyof ExecuteOptions)[] = [
  ...taskOptionNames,
  'stdout',
  'stdin',
  'inputPaths',
  'outputPaths',
  'shell',
  'env',
  'timeout',
];

/**
 * Runs a program in a fresh folder of its own. An argument that is a data object becomes the path of a file with its content; one that is an `Output`
 * the path of a file that becomes an output. Outputs are, in this order: stdout, `outputPaths`, those of the arguments.
 *
 * It fails when the program ends with another status than 0, by a signal, or without writing a file of an output.
 *
 * @param args A command line, split into words as a shell would (with `shell`: as it is); or the words.
 * @throws RainException, ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION (Source: Rain, `tasks.Execute`.)
 */
export function execute(args: string | Iterable<ExecuteArgument>, options: ExecuteOptions = {}): Task {
  const { stdout, stdin, inputPaths, outputPaths, shell, env, timeout, ...rest } = checkOptions(options, executeNames, 'execute()');
  const settings = settingsOf({ shell, env, timeout });
  const files = new SandboxPlan();
  const source = stdin === undefined ? null : files.standardInput(objectOf(stdin));
  files.addOutputs(stdout, outputPaths);
  for (const given of listOf(inputPaths, 'inputPaths')) files.map(given as DataLike | InputBase, true);
  const words = wordsOf(args, settings.shell).map((word, at) => files.argument(word, at));
  checkWords(words);
  const config: ExecuteConfig = {
    ...settings,
    args: settings.shell ? [words.join(' ')] : words,
    files: files.files,
    outputs: files.paths,
    stdin: source,
  };
  return new Task(files.inputs, files.outputs, { ...rest, taskType: taskTypes.execute, config });
}

/** What a template has wrong before it has any objects. @throws as `execute()` */
export function checkTemplate(
  args: unknown,
  inputPaths: readonly InputBase[],
  options: Omit<ExecuteOptions, 'stdin' | 'inputPaths'>,
): void {
  const { stdout, outputPaths, shell, env, timeout, ...rest } = options;
  checkNeeds(rest);
  const settings = settingsOf({ shell, env, timeout });
  const files = new SandboxPlan();
  files.addOutputs(stdout, outputPaths);
  for (const input of inputPaths) files.reserve(input);
  checkWords(wordsOf(args, settings.shell).map((word, at) => (word instanceof InputBase ? files.reserve(word) : files.argument(word, at))));
}

type Settings = Pick<ExecuteConfig, 'shell' | 'env' | 'timeout'>;

function settingsOf({ shell = false, env, timeout }: { readonly [N in keyof Settings]: ExecuteOptions[N] | undefined }): Settings {
  if (typeof shell !== 'boolean') throw new RainException('`shell` of execute() is true or false');
  return { shell, env: checkEnv(env), timeout: timeout === undefined ? null : parseDuration(timeout, 'timeout') };
}

function checkWords(words: readonly (string | null)[]): void {
  if (words.length === 0 || words[0] === '') throw new RainException('execute() needs a program');
}

/** Which input and output is which file. Every path is given once. */
class SandboxPlan {
  readonly inputs: [label: string | null, object: DataObject][] = [];
  readonly outputs: OutputBase[] = [];
  readonly files: MappedInput[] = [];
  /** Of each output. */
  readonly paths: (string | null)[] = [];
  readonly #taken = new PathSet();

  input(object: DataObject): number {
    return this.inputs.push([null, object]) - 1;
  }

  standardInput(object: DataObject): number {
    object.expectBlob();
    return this.input(object);
  }

  output(output: OutputBase, path: string | null): void {
    if (path !== null) this.#take(path);
    this.outputs.push(output);
    this.paths.push(path);
  }

  /** An object as a file; its path. `byLabel`: the label of a bare object is its path, else it gets one that nothing else has. */
  map(given: DataLike | InputBase, byLabel: boolean): string {
    const object = objectOf(given);
    const spec = given instanceof InputBase ? given : null;
    const asked = spec?.path ?? spec?.label ?? (byLabel ? object.label : null);
    const path = asked === null ? this.#fresh() : checkRelative(asked, 'the path of an input');
    this.#take(path);
    this.files.push({ input: this.input(object), path, write: spec?.write ?? false });
    return path;
  }

  /** The path of an input whose object comes later. */
  reserve({ path, label }: InputBase): string | null {
    const asked = path ?? label;
    if (asked !== null) this.#take(checkRelative(asked, 'the path of an input'));
    return asked;
  }

  addOutputs(stdout: unknown, outputPaths: unknown): void {
    if (stdout !== undefined && stdout !== false) this.output(standardOutput(stdout), null);
    for (const given of listOf(outputPaths, 'outputPaths')) this.#addOutputPath(given);
  }

  #addOutputPath(given: unknown): void {
    if (typeof given === 'string') {
      const path = checkRelative(given, 'a path of `outputPaths`');
      this.output(new Output(given), path);
    } else if (given instanceof OutputBase) {
      checkNotEncoded(given);
      const path = given.path ?? given.label;
      if (path === null) throw new RainException('an output of `outputPaths` needs a label or a path');
      this.output(given, checkRelative(path, 'a path of `outputPaths`'));
    } else {
      throw new RainException(`an item of \`outputPaths\` is a path, an Output or an OutputDir, not ${typeof given}`);
    }
  }

  argument(given: unknown, at: number): string {
    if (typeof given === 'string') {
      if (given.includes('\0')) throw new RainException('an argument of execute() holds a null character');
      return given;
    }
    if (given instanceof OutputBase) {
      checkNotEncoded(given);
      const label = given.label ?? `arg${at}`;
      const path = checkRelative(given.path ?? `out_${label}`, 'the path of an output');
      this.output(labelled(given, label), path);
      return path;
    }
    return this.map(given as DataLike | InputBase, false);
  }

  /** The name of a file that nothing else has. */
  #fresh(): string {
    for (let n = this.files.length; ; n++) if (!this.#taken.has(`input${n}`)) return `input${n}`;
  }

  #take(path: string): void {
    const other = this.#taken.add(path);
    if (other === null) return;
    const both = other === path ? `'${path}'` : `'${path}' and '${other}'`;
    throw new RainException(`two files of execute() have the path ${both}: \`path\` of an Input or Output gives one of them another`);
  }
}

function labelled(output: OutputBase, label: string): OutputBase {
  if (output.label === label) return output;
  const { path, contentType } = output;
  const options = { ...(path === null ? {} : { path }), ...(contentType === null ? {} : { contentType }) };
  return new (output.constructor as typeof Output)(label, options);
}

function objectOf(given: unknown): DataObject {
  if (!(given instanceof InputBase)) return toDataObject(given);
  if (given.dataobj === null) throw new RainException(`the input ${given.label ?? ''} of execute() has no \`dataobj\``);
  if (given.load !== null) throw new RainException('`load` of an input is for functions: a program gets a file');
  const object = toDataObject(given.dataobj);
  if (given.dataType === 'dir') object.expectDir();
  else object.expectBlob();
  return object;
}

function standardOutput(stdout: unknown): OutputBase {
  if (stdout === true) return new Output('stdout');
  if (typeof stdout === 'string') return new Output(stdout);
  if (!(stdout instanceof Output)) throw new RainException('`stdout` is true, a label or an Output');
  if (stdout.path !== null) throw new RainException('the output of stdout has no path');
  checkNotEncoded(stdout);
  return labelled(stdout, stdout.label ?? 'stdout');
}

function checkNotEncoded(output: OutputBase): void {
  if (output.encode !== null) throw new RainException('`encode` is for functions: a program writes its bytes itself');
}

function wordsOf(args: unknown, shell: boolean): unknown[] {
  if (typeof args === 'string') return shell ? [args] : splitCommand(args);
  return listOf(args, 'args');
}

export function listOf(items: unknown, name: string): unknown[] {
  if (items === undefined) return [];
  if (typeof items === 'object' && items !== null && Symbol.iterator in items && !(items instanceof Uint8Array))
    return [...(items as Iterable<unknown>)];
  throw new RainException(`\`${name}\` of execute() must be a list`);
}

function checkEnv(env: unknown): Record<string, string> {
  if (env === undefined) return {};
  if (typeof env !== 'object' || env === null) throw new RainException('`env` of execute() is an object of texts');
  for (const [name, value] of Object.entries(env))
    if (!/^[^=\0]+$/.test(name) || typeof value !== 'string' || value.includes('\0'))
      throw new RainException(`the variable '${name}' of \`env\` must be a text without a null character`);
  return { ...(env as Record<string, string>) };
}
