/** Task data: one shape for a running server (`server.tasks`) and for a store without one (`openTasks`). */
import type { TaskStateName } from '../task/state.ts';
import type { TaskQuery } from './query.ts';
import type { AttemptRecord, TaskRecord } from './record.ts';

/** Why a task is not running. */
export interface Explanation {
  id: string;
  state: TaskStateName;
  /** In words; empty: nothing holds it. */
  reasons: string[];
}

export interface TaskData {
  /** A task by its id; null: there is none. Errors: ERR_TASK for what is no id. */
  get(id: string): Promise<TaskRecord | null>;
  /** Tasks in the order of their acceptance unless `orderBy` says otherwise. Errors: ERR_QUERY. */
  find(query?: TaskQuery): AsyncIterable<TaskRecord>;
  count(query?: TaskQuery): Promise<number>;
  /** Every recorded attempt, oldest first. Errors: ERR_NOT_FOUND. */
  history(id: string): Promise<AttemptRecord[]>;
  /** Why a task is not running. Errors: ERR_NOT_FOUND. */
  explain(id: string): Promise<Explanation>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
