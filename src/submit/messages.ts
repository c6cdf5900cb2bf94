/** What the host gives to a submitter's thread. */
import type { MessagePort } from 'node:worker_threads';
import type { SubmitConfig } from '../config/submit-options.ts';

export interface SubmitThreadData {
  readonly config: SubmitConfig;
  /** The path of a file to read here; null: bundles come from the host. */
  readonly sourcePath: string | null;
  /** The host's bundles; null when the source is a file. */
  readonly host: MessagePort | null;
  /** One Int32: tasks submitted so far, for the handle to read at any time. */
  readonly count: SharedArrayBuffer;
}

/** The event by which the host gives a bundle to its submitter's thread; the answer is `submitted`. */
export const bundleEvent = 'bundle';

/** Its number, and the list of its tasks, packed. */
export type Bundle = readonly [sequence: number, tasks: Uint8Array];
