/**
 * The port between what reads a source and what sends its tasks on: items are taken, never pushed, so nothing is read that
 * nobody has room for.
 */
import type { TaskInput } from '../task/task.ts';

export interface SourceReader {
  /** Its items are texts, and each is one value of JSON. Absent: they are tasks. */
  readonly json?: boolean;
  /**
   * What comes next: at least one item and at most `limit`, at once where they are at hand; an empty list is the end. Not called
   * again before the last call has been answered, nor after the end.
   *
   * @throws ERR_SOURCE (or rejects) where the source fails; every item before that has been delivered.
   */
  take(limit: number): readonly TaskInput[] | Promise<readonly TaskInput[]>;
  /** Ask for nothing more until the next `take`; what came and was not given yet, a `take` that waits aside. Absent: there is never any. */
  halt?(): readonly TaskInput[];
  /** Give the source back (`return()` of an iterator, the file); safe at any time, never rejects. */
  close(): Promise<void>;
}
