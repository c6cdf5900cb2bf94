/**
 * What a session knows of its tasks and objects, behind the handles that users hold. A record knows its session only as the few calls
 * of `Home`.
 */
import type { Opaque } from '../protocol/graph-messages.ts';
import type { DataType, ObjectInfo, TaskInfo, UserAttributes } from './attributes.ts';
import type { DataInstance } from './data-instance.ts';
import type { WaitOptions } from './options.ts';

/** null: not submitted. `unfinished` until somebody waited for it or asked. */
export type ObjectState = null | 'unfinished' | 'finished' | 'failed' | 'removed';
export type TaskState = null | 'waiting' | 'ready' | 'assigned' | 'running' | 'finished' | 'failed';

export interface ObjectRecord {
  readonly kind: 'object';
  id: number;
  readonly home: Home;
  readonly label: string;
  readonly dataType: DataType;
  readonly contentType: string | null;
  readonly user: UserAttributes;
  /** A constant's bytes, or how to make them when it is submitted; let go then. null: a task makes it. */
  bytes: Uint8Array | (() => Promise<Uint8Array>) | null;
  readonly isConstant: boolean;
  kept: boolean;
  /** The task that makes it; null: a constant. */
  producer: TaskRecord | null;
  state: ObjectState;
  info: ObjectInfo | null;
}

export interface TaskRecord {
  readonly kind: 'task';
  id: number;
  readonly home: Home;
  readonly type: string;
  readonly name: string | null;
  readonly config: unknown;
  /** As it travels. */
  readonly encoded: Opaque | null;
  readonly inputs: readonly { readonly object: ObjectRecord; readonly label: string | null }[];
  readonly outputs: readonly ObjectRecord[];
  readonly resources: Readonly<Record<string, number>>;
  readonly priority: number;
  readonly user: UserAttributes;
  /** Where the program made it; let go when it has ended well, since it weighs more than all the rest. */
  createdAt: (() => string) | null;
  state: TaskState;
  info: TaskInfo | null;
}

export type NodeRecord = ObjectRecord | TaskRecord;

/** The session of a record. */
export interface Home {
  readonly id: number;
  /**
   * Takes a task and objects in, or throws and takes none.
   * @throws SessionException
   */
  enrol(task: TaskRecord | null, objects: readonly ObjectRecord[]): void;
  fetch(object: ObjectRecord, options: WaitOptions): Promise<DataInstance>;
  stream(object: ObjectRecord, options: WaitOptions): AsyncIterable<Uint8Array>;
  wait(nodes: readonly NodeRecord[], options: WaitOptions): Promise<void>;
  update(nodes: readonly NodeRecord[], options: WaitOptions): Promise<void>;
  unkeep(objects: readonly ObjectRecord[], options: WaitOptions): Promise<void>;
  /** The code of a function, a constant that is made once in a session. */
  constant(key: string, make: () => ObjectRecord): ObjectRecord;
}
