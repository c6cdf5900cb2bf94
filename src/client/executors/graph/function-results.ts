/** What a function returned, as the outputs of its task: none, one value, or as many as there are, in a list or by label. */
import { Buffer } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { kindOfValue, MillraceError } from '../../../base/errors.ts';
import { mergeContentTypes } from '../../../session/content-type.ts';
import type { Context } from '../../../session/context.ts';
import { DataInstance } from '../../../session/data-instance.ts';
import { encodeAs } from '../../../session/encoding.ts';
import { LabeledList } from '../../../session/labeled-list.ts';
import { userAttributes } from '../../../session/submission.ts';
import type { FunctionConfig, FunctionOutput } from '../../../session/task-types.ts';
import { type CallOutput, callBytes, type FunctionResult, type ResultOutput } from './function-call.ts';

/** Larger outputs leave the thread as files (bytes). */
const largestInMemory = 64 * 1024;

interface Unplaced extends Omit<ResultOutput, 'bytes'> {
  readonly bytes: Uint8Array | null;
}

/** The task's folder: where it is, and the context, that makes it when it is used. */
interface ResultFolder {
  readonly path: string;
  readonly context: Context;
}

/** @throws MillraceError (ERR_TASK_FAILED) for what does not fit the outputs */
export function outputsOf(
  returned: unknown,
  { outputs }: FunctionConfig,
  specs: readonly CallOutput[],
  folder: ResultFolder,
): Omit<FunctionResult, 'hasFolder'> {
  const values = valuesOf(returned, outputs);
  const staged = new Set<string>();
  const results: ResultOutput[] = [];
  for (const [at, value] of values.entries()) {
    const result = resultOf(value, outputs[at] as FunctionOutput, specs[at] as CallOutput, folder, at);
    if (result.path !== null && staged.has(result.path)) throw wrong(`'${result.path}' is staged for two outputs: stage a file for each`);
    if (result.path !== null) staged.add(result.path);
    results.push(result);
  }
  return { outputs: results, attributes: userAttributes(folder.context.attributes.info.user, 'info.user') };
}

function valuesOf(returned: unknown, outputs: readonly FunctionOutput[]): unknown[] {
  if (outputs.length === 0) {
    if (returned === undefined || returned === null || (Array.isArray(returned) && returned.length === 0)) return [];
    throw wrong('the function has no outputs, and must return nothing');
  }
  if (outputs.length === 1) return [returned];
  if (Array.isArray(returned) || (returned instanceof LabeledList && returned.labels.every((label) => label === null)))
    return counted([...(returned as Iterable<unknown>)], outputs);
  if (returned instanceof LabeledList) return byLabel(new Map(returned.items() as [string, unknown][]), outputs);
  if (returned instanceof Map) return byLabel(returned, outputs);
  if (typeof returned === 'object' && returned !== null && !(returned instanceof DataInstance) && !(returned instanceof Uint8Array))
    return byLabel(new Map(Object.entries(returned)), outputs);
  throw wrong(`the function has ${outputs.length} outputs, and must return a list of as many or an object by label`);
}

function counted(values: unknown[], outputs: readonly FunctionOutput[]): unknown[] {
  if (values.length === outputs.length) return values;
  throw wrong(`the function returned ${values.length} values, and has ${outputs.length} outputs`);
}

function byLabel(values: ReadonlyMap<unknown, unknown>, outputs: readonly FunctionOutput[]): unknown[] {
  const missing = outputs.find(({ label }) => !values.has(label));
  if (missing !== undefined) throw wrong(`the function returned nothing for its output '${missing.label}'`);
  if (values.size > outputs.length) throw wrong(`the function returned ${values.size} values, and has ${outputs.length} outputs`);
  return outputs.map(({ label }) => values.get(label));
}

function resultOf(value: unknown, { label, encode }: FunctionOutput, spec: CallOutput, folder: ResultFolder, at: number): ResultOutput {
  if (value instanceof DataInstance) return placed(instanceResult(value, label, spec, folder.path), folder, at);
  if (spec.isFolder) throw wrong(`the output '${label}' is a directory: return context.directory(path)`);
  const bare = { input: null, path: null, attributes: null };
  if (encode !== null) return placed({ ...bare, bytes: encodeAs(value, encode), contentType: encode }, folder, at);
  if (typeof value === 'string')
    return placed({ ...bare, bytes: Buffer.from(value), contentType: mergeContentTypes(spec.contentType, 'text') }, folder, at);
  if (value instanceof Uint8Array) return placed({ ...bare, bytes: value, contentType: spec.contentType }, folder, at);
  throw wrong(
    `for '${label}' it returned ${kindOfValue(value)}: return bytes, a text, what the context makes, or set \`encode\` or \`autoEncode\``,
  );
}

function instanceResult(value: DataInstance, label: string, spec: CallOutput, folder: string): Unplaced {
  if ((value.dataType === 'dir') !== spec.isFolder)
    throw wrong(`Output '${label}' expects type ${spec.isFolder ? 'dir' : 'blob'}, but ${value.dataType} is provided`);
  const contentType = mergeContentTypes(spec.contentType, value.contentType);
  const attributes = userAttributes(value.info.user, `info.user of ${label}`);
  const { content } = value;
  if (value.input !== null) return { input: value.input, path: null, bytes: null, contentType, attributes };
  if (content.path === null) return { input: null, path: null, bytes: content.bytes, contentType, attributes };
  const inside = relative(folder, content.path);
  if (inside.startsWith('..') || isAbsolute(inside)) throw wrong(`'${content.path}' is not in the task's folder`);
  return { input: null, path: content.path, bytes: null, contentType, attributes };
}

/** What is to leave by its bytes: as they cross, or where they are large as a file. */
function placed(result: Unplaced, { context }: ResultFolder, at: number): ResultOutput {
  const { bytes } = result;
  if (bytes === null) return { ...result, bytes };
  if (bytes.length <= largestInMemory) return { ...result, bytes: callBytes(bytes) };
  const path = join(context.folder, `.output-${at}`);
  writeFileSync(path, bytes, { flag: 'wx' });
  return { ...result, path, bytes: null };
}

function wrong(message: string): MillraceError {
  return new MillraceError('ERR_TASK_FAILED', message);
}
