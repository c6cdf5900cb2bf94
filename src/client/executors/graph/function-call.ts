/** What a function task is told in its thread, and what comes back: plain data that crosses as a function's argument and value. */

import type { Opaque } from '../../../protocol/graph-messages.ts';
import type { Content } from '../../../session/content.ts';
import type { FunctionConfig } from '../../../session/task-types.ts';

export interface CallInput {
  readonly object: number;
  readonly label: string | null;
  readonly isFolder: boolean;
  readonly contentType: string | null;
  readonly size: number;
  readonly content: Content;
  readonly attributes: Opaque | null;
  readonly info: Opaque | null;
}

export interface CallOutput {
  readonly isFolder: boolean;
  readonly contentType: string | null;
}

export interface FunctionCall {
  /** The file of the module. */
  readonly module: string;
  readonly name: string;
  /** Where its own folder is; made when it is needed. */
  readonly folder: string;
  readonly attributes: Opaque | null;
  readonly config: FunctionConfig;
  /** All of the task, the code among them. */
  readonly inputs: readonly (CallInput | null)[];
  readonly outputs: readonly CallOutput[];
}

/** An output: an input as it is, a file of the folder, or bytes. */
export interface ResultOutput {
  readonly input: number | null;
  readonly path: string | null;
  readonly bytes: Uint8Array | null;
  readonly contentType: string | null;
  readonly attributes: Opaque | null;
}

export interface FunctionResult {
  readonly outputs: readonly ResultOutput[];
  readonly attributes: Opaque | null;
}
