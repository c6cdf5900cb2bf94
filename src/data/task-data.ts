/** Task data: one shape for a running server (`server.tasks`) and for a store without one (`openTasks`). */
import type { Writable } from 'node:stream';
import type { TaskStateName } from '../task/state.ts';
import type { Duration } from '../task/task.ts';
import type { TaskUpdate } from './change.ts';
import type { ExportOptions } from './export.ts';
import type { TaskQuery } from './query.ts';
import type { AttemptRecord, TaskRecord } from './record.ts';

/** Why a task is not running. */
export interface Explanation {
  id: string;
  state: TaskStateName;
  /** In words; empty: nothing holds it. */
  reasons: string[];
}

/**
 * Queries and changes of tasks. What changes tasks takes a list of ids or a query (`{}`: all of them; nothing at all is refused) and resolves, after the
 * commit, with the number of tasks that it changed. Without a server the file is held for the moment of the change: ERR_DATABASE_IN_USE where a
 * server holds it. (Source: HyperShell, `hs list` and `hs update`.)
 */
export interface TaskData {
  /** A task by its id; null: there is none. Errors: ERR_QUERY for what is no id. */
  get(id: string): Promise<TaskRecord | null>;
  /** Tasks in the order of their acceptance unless `orderBy` says otherwise; a page of them is in memory at a time. Errors: ERR_QUERY. */
  find(query?: TaskQuery): AsyncIterable<TaskRecord>;
  /** How many tasks a query names; default: all. Errors: ERR_QUERY. */
  count(query?: TaskQuery): Promise<number>;
  /** Every recorded attempt, oldest first. Errors: ERR_NOT_FOUND. */
  history(id: string): Promise<AttemptRecord[]>;
  /** Why a task is not running. Errors: ERR_NOT_FOUND. */
  explain(id: string): Promise<Explanation>;
  /** Set and remove tags, in any state; what runs keeps those that it was started with. Errors: ERR_QUERY, ERR_TAG, ERR_OPTION. */
  update(which: readonly string[] | TaskQuery, update: TaskUpdate): Promise<number>;
  /** Queue tasks as if they had never run: their history is forgotten. What runs is killed first. Errors: ERR_QUERY, ERR_ENDED. */
  revert(which: readonly string[] | TaskQuery): Promise<number>;
  /** Queue tasks again that ended without success: their history stays, the count of attempts goes on, retries start afresh. Errors: ERR_QUERY, ERR_ENDED. */
  requeue(which: readonly string[] | TaskQuery): Promise<number>;
  /** Forget tasks with every trace; what is not done is cancelled first. Errors: ERR_QUERY, ERR_ENDED. */
  delete(which: readonly string[] | TaskQuery): Promise<number>;
  /**
   * Write tasks as JSON lines or CSV, to a file (made anew, mode 0600, complete or not at all) or a stream (which is left open).
   * @returns How many. Errors: ERR_QUERY, ERR_OPTION, ERR_EXPORT for a target that cannot be written.
   */
  export(target: string | URL | Writable, options: ExportOptions): Promise<number>;
  /** Of a file: close it. Of a handle or connection it does nothing to that. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RotateOptions {
  /** Only what ended longer ago; default: all. */
  readonly age?: Duration;
}

/** The task data of a database file that no server is needed for. */
export interface StoredTaskData extends TaskData {
  /**
   * Move the tasks that are done, with their history, to another file, which is made or, if it is an earlier rotation of this one, added to; ids stay. At
   * worst (a power cut) a task is in both. What was moved is done with: a submission or `resume` no longer knows its key. Of PostgreSQL: to another schema of the
   * same database, given by its address; with an `age` also while servers work on it.
   * @returns How many. Errors: ERR_DATABASE_IN_USE, ERR_DATABASE and its kin, ERR_OPTION.
   */
  rotate(target: string, options?: RotateOptions): Promise<number>;
  /**
   * Give the room of what was removed back to the disk.
   * @returns The bytes that the file has become smaller. Errors: ERR_DATABASE_IN_USE, ERR_DATABASE.
   */
  vacuum(): Promise<number>;
  /** A copy of the database, consistent also while a server writes to it; its file must not exist. Errors: ERR_DATABASE and its kin. */
  backup(target: string): Promise<void>;
}
