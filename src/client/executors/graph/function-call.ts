/** What a function task is told in its thread, and what comes back: plain data that crosses as a function's argument and value, as JSON where it can. */
import { Buffer } from 'node:buffer';
import type { Opaque } from '../../../protocol/graph-messages.ts';

/** Bytes up to so many cross as text: JSON is written and read at the speed of the engine, and several ends of JSON leave a thread in one message. */
const mostAsText = 8 * 1024;

/** base64, or as they are. */
export type CallBytes = string | Uint8Array;

/** To be encoded before its bytes may change. */
export function callBytes(bytes: Uint8Array): CallBytes {
  if (bytes.length === 0) return '';
  if (bytes.length > mostAsText) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** A text's in a buffer of their own: Node's pool would show a function the bytes of others. */
export function bytesOfCall(bytes: CallBytes): Uint8Array {
  return typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'base64')) : bytes;
}

/** `bytes` or `path`: where its content is. `attributes`, `info`: as of `GraphInput`. */
export type CallInput = readonly [
  object: number,
  label: string | null,
  isFolder: boolean,
  contentType: string | null,
  size: number,
  bytes: CallBytes | null,
  path: string | null,
  attributes: Opaque | null,
  info: Opaque | null,
];

export interface CallOutput {
  readonly isFolder: boolean;
  readonly contentType: string | null;
}

/** What many calls have in common: it goes to their thread once. */
export interface CallCommon {
  /** The file of the module. */
  readonly module: string;
  /** Of the task; null: as its function. */
  readonly name: string | null;
  /** A `FunctionConfig`. */
  readonly config: Opaque;
  readonly outputs: readonly CallOutput[];
}

/** `folder`: where its own folder is, made when it is needed. `inputs`: all of the task; null: the code. */
export type FunctionCall = readonly [folder: string, attributes: Opaque | null, inputs: readonly (CallInput | null)[]];

/** An output: an input as it is, a file of the folder, or bytes. */
export interface ResultOutput {
  readonly input: number | null;
  readonly path: string | null;
  readonly bytes: CallBytes | null;
  readonly contentType: string | null;
  readonly attributes: Opaque | null;
}

export interface FunctionResult {
  readonly outputs: readonly ResultOutput[];
  readonly attributes: Opaque | null;
  /** Its folder was made. */
  readonly hasFolder: boolean;
}
