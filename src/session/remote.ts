/**
 * Functions that run on clients. A remote function is called as any other, in a session: the call makes a task. Its arguments are plain data, with data
 * objects at any depth; there the function finds what they hold.
 */
import { readFileSync } from 'node:fs';
import { encodeValue } from '../task/value.ts';
import { flattenValue } from '../task/value-table.ts';
import { ArgumentObjects, argumentInputs, type RemoteInputs } from './argument-inputs.ts';
import { codeObject, type FunctionCode, modulePath } from './code-bundle.ts';
import { contentTypeOf, isSubtype } from './content-type.ts';
import type { Context } from './context.ts';
import { DataObject } from './data-object.ts';
import { RainException, RainWarning } from './exceptions.ts';
import { homeFor } from './home.ts';
import { mergeOutputs, Output, OutputBase } from './input-output.ts';
import { checkOptions } from './options.ts';
import { exportedParameters, type Parameter, parametersOf } from './parameters.ts';
import { ownObject, Task, type TaskOptions, taskOptionNames } from './task.ts';
import { checkNeeds } from './task-needs.ts';
import { type FunctionConfig, taskTypes } from './task-types.ts';

/** Larger arguments are better blobs: those are stored once, and are where they are needed. */
const largestArguments = 256 * 1024;

/** What an object among them takes, at most (bytes). */
const placeSize = 24;

export type RemoteOutputs = number | Iterable<string | OutputBase>;

export interface RemoteOptions extends Omit<TaskOptions, 'session'> {
  /** How many outputs, or the label or description of each. Default 1. */
  readonly outputs?: RemoteOutputs;
  /**
   * Whether and as what the objects in an argument are loaded, by its place (the context not counted), or by the name of the parameter (also of one that an options
   * object is taken apart into); null: as `autoLoad` says.
   */
  readonly inputs?: RemoteInputs;
  /** The function gets the values of data objects instead of `DataInstance`s. Default false. */
  readonly autoLoad?: boolean;
  /** What it returns is encoded as this content type. */
  readonly autoEncode?: string;
}

export interface RemoteCallOptions extends TaskOptions {
  /** The label or description of the only output. */
  readonly output?: string | OutputBase;
  /** Of each output, or null: as the function has it. */
  readonly outputs?: Iterable<string | OutputBase | null>;
}

/** A remote function. (Source: Rain, `client.Remote`.) */
export interface Remote {
  /** Makes a task of the active session. The function's first parameter, its `Context`, is not given here. */
  (...args: unknown[]): Task;
  /** The same with options of this call. */
  with(options: RemoteCallOptions): (...args: unknown[]) => Task;
}

const remoteNames: readonly (keyof RemoteOptions)[] = [
  ...taskOptionNames.filter((name) => name !== 'session'),
  'outputs',
  'inputs',
  'autoLoad',
  'autoEncode',
];
const callNames: readonly (keyof RemoteCallOptions)[] = [...taskOptionNames, 'output', 'outputs'];

/** In TypeScript the first parameter is a `Context` without being said so; the others have the types that they are given. */
type SelfContained<A extends unknown[] = never[]> = (context: Context, ...args: A) => unknown;

/**
 * The export `name` of a module (`remote(import.meta.url, 'count')`), or a function that uses nothing but its parameters and what every Node has.
 * It runs as `fn(context, ...args)` and returns what its outputs say: for none nothing, for one the value, for several a list or an object by label. A
 * value is a `DataInstance` of its context or inputs, bytes, a text, or with `encode` anything.
 * @throws RainException (also ERR_MODULE_NOT_FOUND, ERR_CONTENT_TYPE), RainWarning for a text of more than 256 KiB (Source: Rain, `client.remote`.)
 */
export function remote(module: string | URL, name: string, options?: RemoteOptions): Remote;
export function remote<A extends unknown[]>(fn: SelfContained<A>, options?: RemoteOptions): Remote;
export function remote(target: string | URL | SelfContained, second?: string | RemoteOptions, third?: RemoteOptions): Remote {
  if (typeof target === 'function')
    return remoteOf({ text: selfContained(target) }, target.name, second as RemoteOptions | undefined, {
      count: target.length,
      read: () => parametersOf(Function.prototype.toString.call(target)),
    });
  if (typeof second !== 'string' || second === '') throw new RainException('remote() needs the name of an export beside the module');
  const path = modulePath(target);
  return remoteOf({ path, name: second }, second, third, { count: 0, read: () => exportedParameters(readFileSync(path, 'utf8'), second) });
}

/** How many arguments the function needs with its context, where that is known; and what they are called. */
interface Parameters {
  readonly count: number;
  read(): readonly Parameter[] | null;
}

function remoteOf(code: FunctionCode, defaultName: string, options: RemoteOptions | undefined, parameters: Parameters): Remote {
  const { outputs = 1, inputs = [], autoLoad = false, autoEncode, ...rest } = checkOptions(options, remoteNames, 'remote()');
  checkNeeds(rest);
  const encode = contentTypeOf(autoEncode);
  const prototypes = outputList(outputs, encode);
  if (typeof autoLoad !== 'boolean') throw new RainException('`autoLoad` is true or false');
  const described = argumentInputs(inputs, parameters.read);
  const make = (wanted: readonly OutputBase[], { session, ...more }: TaskOptions, args: readonly unknown[]): Task => {
    if (args.length < parameters.count - 1)
      throw new RainException(
        `${defaultName || 'the function'} takes ${parameters.count - 1} arguments beside its context; ${args.length} were given`,
      );
    const home = homeFor(session);
    const found = new ArgumentObjects();
    const tables = args.map((arg, at) => {
      const specOf = described.specOf(at, arg);
      return flattenValue(arg, `args[${at}]`, {
        write: (part) => {
          if (!(part instanceof DataObject) && !(part instanceof Task)) return null;
          const object = ownObject(part, home);
          const spec = specOf(part);
          if (spec !== null && spec.dataType !== object.dataType)
            throw new RainException(`${object} is of the other kind than argument ${at} takes`);
          checkType(object, spec?.contentType ?? null, at);
          const load = object.dataType === 'blob' && (spec?.load ?? autoLoad);
          return ['D', found.place(object, load, spec?.contentType ?? null)];
        },
        shell: () => undefined,
        fill: () => {},
      });
    });
    checkSize(tables, found.facts.length);
    const config: FunctionConfig = {
      name: 'text' in code ? 'default' : code.name,
      args: tables,
      inputs: found.facts,
      outputs: wanted.map((own, at) => ({ label: labelOf(own, at, wanted.length), encode: own.encode })),
    };
    const source = DataObject.of(codeObject(home, code));
    const name = defaultName === '' ? {} : { name: defaultName };
    const results = wanted.map((own, at) => (own.label === null ? mergeOutputs(own, sameKind(own, labelOf(own, at, wanted.length))) : own));
    const all = { ...name, ...rest, ...more, ...(session === undefined ? {} : { session }) };
    return new Task([source, ...found.objects], results, { ...all, taskType: taskTypes.function, config });
  };
  return Object.assign((...args: unknown[]) => make(prototypes, {}, args), {
    with: (call: RemoteCallOptions) => {
      const { output, outputs: given, ...options } = checkOptions(call, callNames, 'a remote function');
      if (output !== undefined && given !== undefined) throw new RainException('give either `output` or `outputs`');
      checkNeeds(options);
      // A list may be an iterator: it is read once, for all calls.
      const wanted = merged(prototypes, output === undefined ? given : [output]);
      return (...args: unknown[]) => make(wanted, options, args);
    },
  });
}

/** What the object is said to be may be narrower when it is there, but no other. @throws RainException (ERR_CONTENT_TYPE) */
function checkType(object: DataObject, wanted: string | null, at: number): void {
  const { contentType } = object;
  if (wanted === null || contentType === null || isSubtype(contentType, wanted) || isSubtype(wanted, contentType)) return;
  throw new RainException(`${object} is '${contentType}', argument ${at} takes '${wanted}'`, { code: 'ERR_CONTENT_TYPE' });
}

function outputList(outputs: unknown, encode: string | null): OutputBase[] {
  const make = (label: string | null): Output => new Output(label, encode === null ? {} : { encode });
  if (typeof outputs === 'number') {
    if (!Number.isSafeInteger(outputs) || outputs < 0 || outputs > 10_000)
      throw new RainException(`a function cannot have ${outputs} outputs`);
    return Array.from({ length: outputs }, () => make(null));
  }
  if (typeof outputs !== 'object' || outputs === null || !(Symbol.iterator in outputs))
    throw new RainException('`outputs` of remote() is a number, or a list of labels and Outputs');
  const list = Array.from(outputs as Iterable<unknown>, (given) => {
    if (typeof given === 'string') return make(given);
    if (!(given instanceof OutputBase)) throw new RainException(`an output is a label, an Output or an OutputDir, not ${typeof given}`);
    if (given.path !== null) throw new RainException('an output of a function has no path');
    return given.dataType === 'dir' || encode === null || given.encode !== null ? given : mergeOutputs(make(null), given);
  });
  const labels = new Set<string>();
  for (const [at, output] of list.entries()) {
    const label = labelOf(output, at, list.length);
    if (labels.has(label)) throw new RainException(`two outputs have the label '${label}'`);
    labels.add(label);
  }
  return list;
}

function merged(prototypes: readonly OutputBase[], given: unknown): readonly OutputBase[] {
  if (given === undefined) return prototypes;
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given))
    throw new RainException('`outputs` of a call is a list of labels, Outputs and null');
  const list = [...(given as Iterable<string | OutputBase | null>)];
  if (list.length !== prototypes.length)
    throw new RainException(`${list.length} outputs were given, the function has ${prototypes.length}`);
  return prototypes.map((prototype, at) => {
    const own = list[at] ?? null;
    if (own === null) return prototype;
    if (typeof own !== 'string' && !(own instanceof OutputBase))
      throw new RainException('an output is a label, an Output, an OutputDir or null');
    return mergeOutputs(prototype, typeof own === 'string' ? sameKind(prototype, own) : own);
  });
}

function sameKind(output: OutputBase, label: string): OutputBase {
  return new (output.constructor as typeof Output)(label);
}

function labelOf(output: OutputBase, at: number, count: number): string {
  return output.label ?? (count === 1 ? 'output' : `out${at}`);
}

/** The objects among them are none of it: a place of each is all that travels. */
function checkSize(tables: readonly unknown[], objects: number): void {
  const length = encodeValue(tables, 'args').length - objects * placeSize;
  if (length > largestArguments)
    throw new RainWarning(
      `the arguments have ${length} bytes encoded, more than ${largestArguments}: make a blob() or pickled() of what is large`,
    );
}

/** A module that exports the function. @throws RainException for what is no function of its own */
function selfContained(fn: SelfContained): string {
  const text = Function.prototype.toString.call(fn);
  const refused = (why: string): RainException => new RainException(`remote() cannot send ${fn.name || 'this function'}: ${why}`);
  if (/\{\s*\[native code\]\s*\}$/.test(text)) throw refused('it is native or bound');
  if (/^class\b/.test(text)) throw refused('it is a class; export a function that makes one');
  try {
    // Compiled, not run: a method's text, for instance, is no expression.
    new Function(`return (${text});`);
  } catch (cause) {
    throw new RainException(`remote() cannot send ${fn.name || 'this function'}: write it as a function or an arrow function of its own`, {
      cause,
    });
  }
  if (text.length > largestArguments)
    throw new RainWarning(
      `the function's text has ${text.length} characters, more than ${largestArguments}: take what is large out of it, as a blob()`,
    );
  return `export default (${text});\n`;
}
