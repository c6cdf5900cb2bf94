/**
 * What the task data of a server and of a file have in common: which tasks, what to do to them and what to export is checked here, in the host;
 * who carries a change out is the one thing in which they differ.
 */
import type { Writable } from 'node:stream';
import { checkUpdate, checkWhich, type TaskChange, type TaskUpdate } from './change.ts';
import { type ExportOptions, exportTasks } from './export.ts';
import type { CheckedQuery, TaskQuery } from './query.ts';
import type { TaskRecord } from './record.ts';

export abstract class TaskChanges {
  /** As of `TaskData`. */
  abstract find(query?: TaskQuery): AsyncIterable<TaskRecord>;

  /** Carry it out; resolves, after the commit, with the number of tasks that it changed. */
  protected abstract change(query: CheckedQuery, change: TaskChange): Promise<number>;

  async update(which: readonly string[] | TaskQuery, update: TaskUpdate): Promise<number> {
    return this.change(checkWhich('update', which), checkUpdate(update));
  }

  async revert(which: readonly string[] | TaskQuery): Promise<number> {
    return this.change(checkWhich('revert', which), { kind: 'revert' });
  }

  async requeue(which: readonly string[] | TaskQuery): Promise<number> {
    return this.change(checkWhich('requeue', which), { kind: 'requeue' });
  }

  async delete(which: readonly string[] | TaskQuery): Promise<number> {
    return this.change(checkWhich('delete', which), { kind: 'delete' });
  }

  async export(target: string | URL | Writable, options: ExportOptions): Promise<number> {
    return exportTasks((query) => this.find(query), target, options);
  }
}
