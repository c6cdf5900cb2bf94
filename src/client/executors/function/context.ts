/**
 * What a running function can know and say of its own task, without a parameter: it is found through the asynchronous context of the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Outcome } from '../../../task/result.ts';
import type { TagValue } from '../../../task/task.ts';

/** How a task ended on which this one depends. */
export interface ParentResult<T = unknown> {
  readonly id: string;
  /** null: it is not known any more, since it was deleted or not retained. */
  readonly outcome: Outcome | null;
  /** What a function returned, decoded when it is first read; undefined for a command, and for a value that is in a file. */
  readonly value: T | undefined;
  /** What a command wrote, or a function logged, as far as it was captured. */
  readonly stdout: Buffer;
  /** On the host where the parent ran: the file of a value that was too large to travel; see `readValue`. */
  readonly valuePath?: string;
}

export interface FunctionContext {
  /** The task's public id. */
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  /** The slot of the client that this runs on, from 0. */
  readonly slot: number;
  readonly group: number;
  readonly tags: Readonly<Record<string, TagValue>>;
  /** How the tasks ended that this one depends on, in the order of `dependsOn`; empty when it depends on none. */
  readonly parents: readonly ParentResult[];
  /**
   * Aborted when the task is cancelled or its time is up; what does not end then loses its thread a little later. A function that never
   * waits for anything gets no events: it can look at `functionContext().signal.aborted` now and then.
   */
  readonly signal: AbortSignal;
  /**
   * Tell how far the task is: any value that can be cloned, at most 64 KiB encoded. Servers tell it to those who listen to `taskProgress`; of
   * words that follow each other within 50 ms only the last is told.
   * @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE
   */
  progress(value: unknown): void;
  /**
   * Write a line, formatted as by `util.format`. Lines come in the result's `stdout`, up to the client's `captureLimit`, also when the
   * function throws, is stopped or crashes; and to the client's logger, at debug. (`console.log` writes to the output of the client's process.)
   */
  log(...parts: unknown[]): void;
  /**
   * Give buffers away with the value that the function returns: they are empty once the value is on its way, so that it is never held twice.
   * @param list `ArrayBuffer`s of the value.
   * @returns The value, for `return transfer(value, [value.buffer])`.
   * @throws ERR_NOT_CLONEABLE for anything else in the list
   */
  transfer<T>(value: T, list: readonly ArrayBuffer[]): T;
}

export const functionContexts: AsyncLocalStorage<FunctionContext> = new AsyncLocalStorage<FunctionContext>();

/** The context of the call that this runs in; undefined outside of a task's function. */
export function functionContext(): FunctionContext | undefined {
  return functionContexts.getStore();
}
