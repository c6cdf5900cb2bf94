/** What runs in a function's thread for a task of a graph: finds the function, gives it what its arguments stand for, and takes what it returns. */
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '../../../base/errors.ts';
import type { UserAttributes } from '../../../session/attributes.ts';
import { isSubtype } from '../../../session/content-type.ts';
import { Context } from '../../../session/context.ts';
import { DataInstance } from '../../../session/data-instance.ts';
import type { ArgumentInput } from '../../../session/task-types.ts';
import { decodeValue } from '../../../task/value.ts';
import { buildValue } from '../../../task/value-table.ts';
import { functionContext } from '../function/context.ts';
import type { CallInput, FunctionCall, FunctionResult } from './function-call.ts';
import { outputsOf } from './function-results.ts';

/** Called by the pool, as any function of a module. */
export async function runFunction(call: FunctionCall): Promise<FunctionResult> {
  const task = functionContext();
  if (task === undefined) throw new MillraceError('ERR_INTERNAL', 'a task of a graph runs outside of a function thread');
  const { config } = call;
  const folder = folderOf(call);
  const fn = await functionOf(call.module, config.name);
  const context = new Context({
    folder,
    name: call.name,
    signal: task.signal,
    user: userOf(call.attributes),
    debug: (line) => task.log('%s', line),
    progress: (value) => task.progress(value),
  });
  const instances = call.inputs.map((input, at) => (input === null ? null : instanceOf(input, at, folder)));
  const values = await Promise.all(config.inputs.map((fact) => argumentValue(fact, instances)));
  const args = config.args.map((table) =>
    buildValue(table, {
      write: () => null,
      shell: ([tag, at]) => (tag === 'D' && typeof at === 'number' ? values[at] : undefined),
      fill: () => {},
    }),
  );
  const returned = await fn(context, ...args);
  return await outputsOf(returned, call, context);
}

/** The task's folder, made with the first look at it. */
function folderOf({ folder }: FunctionCall): () => string {
  let made = false;
  return () => {
    if (!made) mkdirSync(folder, { mode: 0o700 });
    made = true;
    return folder;
  };
}

async function functionOf(module: string, name: string): Promise<(...args: unknown[]) => unknown> {
  const found = ((await import(pathToFileURL(module).href)) as Record<string, unknown>)[name];
  if (typeof found === 'function') return found as (...args: unknown[]) => unknown;
  throw new MillraceError('ERR_EXPORT_NOT_FOUND', `the module of the task exports no function '${name}'`);
}

function userOf(attributes: CallInput['attributes']): UserAttributes {
  return attributes === null ? {} : (decodeValue(attributes) as UserAttributes);
}

function instanceOf(
  { object, label, isFolder, contentType, size, content, attributes, info }: CallInput,
  input: number,
  folder: () => string,
): DataInstance {
  return new DataInstance(content, {
    spec: { id: object, label: label ?? '', contentType, dataType: isFolder ? 'dir' : 'blob', user: userOf(attributes) },
    info: { error: '', size, contentType, debug: '', user: userOf(info) },
    input,
    folder,
  });
}

/** What an argument finds in place of an object. */
async function argumentValue([input, load, contentType]: ArgumentInput, instances: readonly (DataInstance | null)[]): Promise<unknown> {
  const instance = instances[input] ?? null;
  if (instance === null) throw new MillraceError('ERR_INTERNAL', `the task has no input ${input}`);
  const given = instance.contentType;
  if (contentType !== null && given !== null && !isSubtype(given, contentType))
    throw new MillraceError('ERR_CONTENT_TYPE', `the input ${input} is '${given}', the function takes '${contentType}'`);
  const typed = given === null && contentType !== null ? retyped(instance, contentType) : instance;
  return load ? await typed.load() : typed;
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
