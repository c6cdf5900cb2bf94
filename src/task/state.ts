/**
 * The states of a task and the moves between them, as a table. Numbers, because millions of them are compared; the store keeps
 * `waiting`, `ready` and `done`, the rest follows from grants.
 */
import { MillraceError } from '../base/errors.ts';

export const taskStates = ['waiting', 'ready', 'leased', 'running', 'done'] as const;
export type TaskStateName = (typeof taskStates)[number];

export const taskState = { waiting: 0, ready: 1, leased: 2, running: 3, done: 4 } as const;

/** `allowed[from]`: a bit for each state that may follow, and why. */
const allowed: readonly number[] = [
  // waiting: its time or group came; it was cancelled or rejected
  bits(taskState.ready, taskState.done),
  // ready: granted; cancelled
  bits(taskState.leased, taskState.done),
  // leased: begun; given back or evicted; failed with a back-off; ended (a result implies the start) or cancelled
  bits(taskState.running, taskState.ready, taskState.waiting, taskState.done),
  // running: evicted or to be retried; ended or cancelled
  bits(taskState.ready, taskState.waiting, taskState.done),
  // done: for ever, in this life of the server
  0,
];

function bits(...states: number[]): number {
  return states.reduce((mask, state) => mask | (1 << state), 0);
}

/** Whatever has a state and can tell who it is. */
export interface Stateful {
  state: number;
  story(): string;
}

/** Move to `next`; an illegal move is a defect of the library and throws with the task's story. */
export function enter(task: Stateful, next: number): void {
  if (((allowed[task.state] ?? 0) & (1 << next)) === 0) {
    throw new MillraceError('ERR_INTERNAL', `a task cannot go from ${taskStates[task.state]} to ${taskStates[next]}: ${task.story()}`);
  }
  task.state = next;
}
