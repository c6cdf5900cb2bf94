/**
 * What a session knows of its tasks and objects, behind the handles that users hold. A record knows its session only as the few calls
 * of `Home`.
 */
import type { Opaque } from '../protocol/graph-messages.ts';
import type { DataType, ObjectInfo, TaskInfo, UserAttributes } from './attributes.ts';
import type { CreationPlace } from './creation.ts';
import type { DataInstance } from './data-instance.ts';
import type { WaitOptions } from './options.ts';

/** null: not submitted. `unfinished` until somebody waited for it or asked. */
export type ObjectState = null | 'unfinished' | 'finished' | 'failed' | 'removed';
export type TaskState = null | 'waiting' | 'ready' | 'assigned' | 'running' | 'finished' | 'failed';

/** What an object is made with. */
export interface ObjectFacts {
  readonly label: string;
  readonly dataType: DataType;
  readonly contentType: string | null;
  readonly bytes: ObjectRecord['bytes'];
  readonly isConstant: boolean;
}

/** A class, as `TaskRecord`: of literals V8 learns that they live long, and puts even those of the next moment among what is seldom cleared away. */
export class ObjectRecord implements ObjectFacts {
  readonly kind = 'object';
  id = -1;
  readonly home: Home;
  readonly label: string;
  readonly dataType: DataType;
  readonly contentType: string | null;
  /** null: nothing yet. */
  user: UserAttributes | null = null;
  /** A constant's bytes, or how to make them when it is submitted; let go then. null: a task makes it. */
  bytes: Uint8Array | (() => Promise<Uint8Array>) | null;
  readonly isConstant: boolean;
  kept = false;
  /** The task that makes it; null: a constant. */
  producer: TaskRecord | null = null;
  state: ObjectState = null;
  info: ObjectInfo | null = null;
  /** What the program holds of it, once it does. */
  handle: object | null = null;

  constructor(home: Home, { label, dataType, contentType, bytes, isConstant }: ObjectFacts) {
    this.home = home;
    this.label = label;
    this.dataType = dataType;
    this.contentType = contentType;
    this.bytes = bytes;
    this.isConstant = isConstant;
  }
}

/** What a task is made with. */
export interface TaskFacts {
  readonly type: string;
  readonly name: string | null;
  /** Its config as it travels. */
  readonly encoded: Opaque | null;
  readonly inputs: readonly ObjectRecord[];
  /** Of each input; null: none has one. */
  readonly labels: readonly (string | null)[] | null;
  readonly outputs: readonly ObjectRecord[];
  readonly resources: Readonly<Record<string, number>>;
  readonly priority: number;
}

export class TaskRecord implements TaskFacts {
  readonly kind = 'task';
  id = -1;
  readonly home: Home;
  readonly type: string;
  readonly name: string | null;
  readonly encoded: Opaque | null;
  readonly inputs: readonly ObjectRecord[];
  readonly labels: readonly (string | null)[] | null;
  readonly outputs: readonly ObjectRecord[];
  readonly resources: Readonly<Record<string, number>>;
  readonly priority: number;
  /** null: nothing yet. */
  user: UserAttributes | null = null;
  /** Where the program made it; let go when it has ended well, since it weighs more than all the rest. */
  createdAt: CreationPlace | null = null;
  state: TaskState = null;
  info: TaskInfo | null = null;

  /** Its outputs know it from here on. */
  constructor(home: Home, { type, name, encoded, inputs, labels, outputs, resources, priority }: TaskFacts) {
    this.home = home;
    this.type = type;
    this.name = name;
    this.encoded = encoded;
    this.inputs = inputs;
    this.labels = labels;
    this.outputs = outputs;
    this.resources = resources;
    this.priority = priority;
    for (const output of outputs) output.producer = this;
  }
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
