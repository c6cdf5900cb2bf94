/**
 * How large a task and the end of an attempt may be. Each must fit into one frame of 16 MiB, with its neighbours of a bundle (cut at 1
 * or 2 MiB) and its envelope: what is larger is refused where it is made, alone, instead of ending the connection that carries it.
 */
import type { ResultExtra } from './result.ts';
import type { TaskAttributes, WireTask } from './task.ts';

/** Bytes of the largest task, and of the largest result together with its command line: 14 MiB. */
export const largestPayload: number = 14 * 2 ** 20;

/** Bytes of a text in UTF-8, or of bytes. */
export function bytesOf(content: string | Uint8Array | null | undefined): number {
  if (content === null || content === undefined) return 0;
  return typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
}

/** About the size of a task: characters for texts, bytes for bytes. */
export function taskSize(task: WireTask): number {
  const input = task[2];
  const attributes = task[3];
  const size = task[1].length + (input === null ? 0 : input.length);
  return attributes === null ? size : size + attributesSize(attributes);
}

/** Of what may be long in them: the environment and named fields. */
function attributesSize({ env, fields }: TaskAttributes): number {
  let size = 0;
  if (env !== undefined) for (const name in env) size += name.length + env[name]!.length;
  if (fields !== undefined) {
    for (const name in fields) {
      const value = fields[name];
      size += name.length + (typeof value === 'string' ? value.length : 8);
    }
  }
  return size;
}

/** About the size of what a result carries, likewise. */
export function extraSize(extra: ResultExtra | null): number {
  if (extra === null) return 0;
  const { command, stdout, stderr, value, error } = extra;
  const size = (command?.length ?? 0) + (stdout?.length ?? 0) + (stderr?.length ?? 0) + (value?.length ?? 0);
  return error === undefined ? size : size + error.message.length + (error.stack?.length ?? 0);
}

/** Whether a task is over `largestPayload`. Nearly all are told by their length alone: a character has three bytes at most. */
export function isTooLarge(task: WireTask): boolean {
  if (taskSize(task) * 3 <= largestPayload) return false;
  const [, args, input, attributes] = task;
  let bytes = bytesOf(args) + bytesOf(input);
  for (const [name, content] of Object.entries({ ...attributes?.env })) bytes += bytesOf(name) + bytesOf(content);
  for (const [name, content] of Object.entries({ ...attributes?.fields })) bytes += bytesOf(name) + bytesOf(String(content));
  return bytes > largestPayload;
}
