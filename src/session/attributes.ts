/**
 * What is known of tasks and objects: a *spec* is what the program asked for, fixed when it is submitted; an *info* is what became of it. Both have a
 * place for the user's own words, which tasks read and write too.
 */

/** Words of the user's own: whatever can be cloned, at most 256 KiB of each task or object. Keys that begin with `_` are the library's. */
export type UserAttributes = Record<string, unknown>;

export type DataType = 'blob' | 'dir';

/** An input of a task: an object, under a label where it has one. */
export interface TaskInput {
  readonly id: number;
  readonly label: string | null;
}

export interface TaskSpec {
  readonly id: number;
  readonly taskType: string;
  readonly name: string | null;
  readonly config: unknown;
  readonly inputs: readonly TaskInput[];
  readonly outputs: readonly number[];
  readonly resources: Readonly<Record<string, number>>;
  /** To be set before `submit()`. */
  readonly user: UserAttributes;
}

export interface TaskInfo {
  /** '': it did not fail. */
  readonly error: string;
  /** Epoch ms, by the clock of the client that ran it; null: it has not begun. */
  readonly startedAt: number | null;
  /** ms; null: it has not ended. */
  readonly durationMs: number | null;
  /** The id of the client that ran it, '' before that. */
  readonly client: string;
  readonly debug: string;
  readonly user: UserAttributes;
}

export interface ObjectSpec {
  readonly id: number;
  readonly label: string;
  readonly contentType: string | null;
  readonly dataType: DataType;
  /** To be set before `submit()`. */
  readonly user: UserAttributes;
}

export interface ObjectInfo {
  readonly error: string;
  /** Bytes; of a directory those of its archive. */
  readonly size: number;
  readonly contentType: string | null;
  readonly debug: string;
  readonly user: UserAttributes;
}
