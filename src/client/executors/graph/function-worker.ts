/** What runs in a function's thread for a task of a graph: finds the function, gives it what its arguments stand for, and takes what it returns. */
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '../../../base/errors.ts';
import { isThenable } from '../../../base/thenable.ts';
import type { Opaque } from '../../../protocol/graph-messages.ts';
import type { UserAttributes } from '../../../session/attributes.ts';
import { isSubtype } from '../../../session/content-type.ts';
import { Context } from '../../../session/context.ts';
import { DataInstance } from '../../../session/data-instance.ts';
import type { ArgumentInput, FunctionConfig } from '../../../session/task-types.ts';
import { decodeValue } from '../../../task/value.ts';
import { buildValue } from '../../../task/value-table.ts';
import { functionContext } from '../function/context.ts';
import { exportOf } from '../function/target.ts';
import { bytesOfCall, type CallCommon, type CallInput, type FunctionCall, type FunctionResult } from './function-call.ts';
import { outputsOf } from './function-results.ts';

type RemoteFunction = (...args: unknown[]) => unknown;

/** What calls have in common: the function, and what it is called with. */
interface Target extends Omit<CallCommon, 'config'> {
  readonly fn: RemoteFunction;
  readonly config: FunctionConfig;
}

/** By the text of a `CallCommon`; not of longer ones. */
const targets = new Map<string, Target>();
const mostTargets = 1_000;
const longestTarget = 4_096;

/** Called by the pool, as any function of a module. Without a promise where none is needed: each costs a tiny call as much as itself. */
export function runFunction(...args: [...FunctionCall, common: string | Uint8Array]): FunctionResult | Promise<FunctionResult> {
  const [folder, attributes, inputs, common] = args;
  const call: FunctionCall = [folder, attributes, inputs];
  const known = typeof common === 'string' ? targets.get(common) : undefined;
  return known === undefined ? loadTarget(common).then((target) => run(call, target)) : run(call, known);
}

function run([path, attributes, inputs]: FunctionCall, target: Target): FunctionResult | Promise<FunctionResult> {
  const { fn, config } = target;
  const task = functionContext();
  if (task === undefined) throw new MillraceError('ERR_INTERNAL', 'a task of a graph runs outside of a function thread');
  const folder = new Folder(path);
  const context = new Context({
    folder: () => folder.made(),
    name: target.name ?? config.name,
    get signal() {
      return task.signal;
    },
    user: userOf(attributes),
    debug: (line) => task.log('%s', line),
    progress: (value) => task.progress(value),
  });
  const instances = inputs.map((input, at) => (input === null ? null : instanceOf(input, at, folder)));
  const end = (returned: unknown): FunctionResult => ({
    ...outputsOf(returned, config, target.outputs, { path, context }),
    hasFolder: folder.isMade,
  });
  const begin = (values: readonly unknown[]): FunctionResult | Promise<FunctionResult> => {
    const returned = fn(context, ...argumentsOf(config, values));
    return isThenable(returned) ? Promise.resolve(returned).then(end) : end(returned);
  };
  const given = config.inputs.map((fact) => argumentInstance(fact, instances));
  if (!config.inputs.some(([, load]) => load)) return begin(given);
  return Promise.all(given.map((instance, at) => (config.inputs[at]![1] ? instance.load() : instance))).then(begin);
}

function argumentsOf({ args }: FunctionConfig, values: readonly unknown[]): unknown[] {
  return args.map((table) =>
    buildValue(table, {
      write: () => null,
      shell: ([tag, at]) => (tag === 'D' && typeof at === 'number' ? values[at] : undefined),
      fill: () => {},
    }),
  );
}

/** The task's folder, made with the first look at it. */
class Folder {
  readonly #path: string;
  isMade = false;

  constructor(path: string) {
    this.#path = path;
  }

  made(): string {
    if (!this.isMade) mkdirSync(this.#path, { mode: 0o700 });
    this.isMade = true;
    return this.#path;
  }
}

async function loadTarget(encoded: string | Uint8Array): Promise<Target> {
  const common = decodeValue(encoded) as CallCommon;
  const config = decodeValue(common.config) as FunctionConfig;
  const fn = exportOf((await import(pathToFileURL(common.module).href)) as Record<string, unknown>, config.name);
  if (typeof fn !== 'function')
    throw new MillraceError('ERR_EXPORT_NOT_FOUND', `the module of the task exports no function '${config.name}'`);
  const target: Target = { ...common, fn: fn as RemoteFunction, config };
  if (typeof encoded !== 'string' || encoded.length > longestTarget) return target;
  if (targets.size >= mostTargets) targets.clear();
  targets.set(encoded, target);
  return target;
}

function userOf(attributes: Opaque | null): UserAttributes {
  return attributes === null ? {} : (decodeValue(attributes) as UserAttributes);
}

function instanceOf(
  [object, label, isFolder, contentType, size, bytes, path, attributes, info]: CallInput,
  input: number,
  folder: Folder,
): DataInstance {
  return new DataInstance(path === null ? { bytes: bytesOfCall(bytes ?? ''), path } : { bytes: null, path }, {
    spec: { id: object, label: label ?? '', contentType, dataType: isFolder ? 'dir' : 'blob', user: userOf(attributes) },
    info: { error: '', size, contentType, debug: '', user: userOf(info) },
    input,
    folder: () => folder.made(),
  });
}

/** What an argument finds in place of an object, or what is loaded for it. */
function argumentInstance([input, , contentType]: ArgumentInput, instances: readonly (DataInstance | null)[]): DataInstance {
  const instance = instances[input] ?? null;
  if (instance === null) throw new MillraceError('ERR_INTERNAL', `the task has no input ${input}`);
  const given = instance.contentType;
  if (contentType !== null && given !== null && !isSubtype(given, contentType))
    throw new MillraceError('ERR_CONTENT_TYPE', `the input ${input} is '${given}', the function takes '${contentType}'`);
  return given === null && contentType !== null ? retyped(instance, contentType) : instance;
}

function retyped(instance: DataInstance, contentType: string): DataInstance {
  const { spec, info, input, content } = instance;
  return new DataInstance(content, {
    spec: { ...spec, contentType },
    info,
    ...(input === null ? {} : { input }),
    folder: () => instance.folder,
  });
}
