/**
 * What a running function can know of its own task, without a parameter: it is found through the asynchronous context of the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface FunctionContext {
  /** The task's public id. */
  readonly id: string;
  readonly attempt: number;
  readonly slot: number;
  /** Aborted when the task is cancelled or its time is up; what does not end then loses its thread a little later. */
  readonly signal: AbortSignal;
}

export const functionContexts: AsyncLocalStorage<FunctionContext> = new AsyncLocalStorage<FunctionContext>();

/** The context of the call that this runs in; undefined outside of a task's function. */
export function functionContext(): FunctionContext | undefined {
  return functionContexts.getStore();
}
