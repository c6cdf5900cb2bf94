/** The handle of a task, and the making of one: all is checked before anything is registered. */
import { encodeValue } from '../task/value.ts';
import type { TaskInfo, TaskSpec } from './attributes.ts';
import { checkLabel } from './blob.ts';
import { creationPlace } from './creation.ts';
import type { DataInstance } from './data-instance.ts';
import { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { homeFor } from './home.ts';
import { ID } from './id.ts';
import { OutputBase } from './input-output.ts';
import { LabeledList } from './labeled-list.ts';
import { checkOptions, optionalText, type WaitOptions } from './options.ts';
import type { Home, ObjectRecord, TaskRecord, TaskState } from './records.ts';
import { priorityOf, resourcesOf } from './task-needs.ts';

/** Inputs and outputs of a task, once it is made: no cycle can be made of them. */
const fixed = 'the inputs and outputs of a task are fixed when it is made: make another one';
/** Of `config`, encoded (bytes): it travels inside of a message, beside others. */
const largestConfig = 2 ** 20;

/** What every maker of tasks takes. */
export interface TaskOptions {
  /** For people; tasks of one name are counted together. */
  readonly name?: string;
  /** A `Session`; default: the active one. */
  readonly session?: object;
  /** Cores that it holds while it runs. Default 1; 0: none. */
  readonly cpus?: number;
  /** Bytes that it holds while it runs. Default 0. */
  readonly memory?: number;
  /** Other resources, as clients name theirs: `{ gpu: 1 }`. */
  readonly resources?: Readonly<Record<string, number>>;
  /** Higher first. Default 0. */
  readonly priority?: number;
}

export const taskOptionNames: readonly (keyof TaskOptions)[] = ['name', 'session', 'cpus', 'memory', 'resources', 'priority'];

/** A data object, or a task with one output. */
export type DataLike = DataObject | Task;
export type TaskInputLike = DataLike | readonly [label: string | null, object: DataLike];
export type TaskOutputsLike = null | number | Iterable<string | OutputBase>;

export interface BareTaskOptions extends TaskOptions {
  /** Which kind of task: what its client looks it up by. Default: the class's `taskType`. */
  readonly taskType?: string;
  /** What it is told: any value that can be cloned. */
  readonly config?: unknown;
}

const bareNames: readonly (keyof BareTaskOptions)[] = [...taskOptionNames, 'taskType', 'config'];

/**
 * A task of a graph; made by the functions of `tasks`, by a `Program` or by a remote function. Where a data object is wanted, a task with one output
 * will do. (Source: Rain, `client.Task`.)
 */
export class Task {
  /** The kind of the tasks of a subclass. */
  static readonly taskType: string | null = null;

  /** Each under its label; they cannot be changed. */
  readonly inputs: LabeledList<DataObject>;
  readonly outputs: LabeledList<DataObject>;
  readonly #record: TaskRecord;

  /**
   * @param outputs How many, or the label or description of each; null: none.
   * @throws RainException, ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_NOT_CLONEABLE (`config`): then nothing was registered
   */
  constructor(inputs: Iterable<TaskInputLike>, outputs: TaskOutputsLike, options: BareTaskOptions = {}) {
    if (inputs instanceof Submitted) {
      this.#record = inputs.record;
      const { inputs: read, outputs: made } = inputs.record;
      this.inputs = LabeledList.fix(LabeledList.fromPairs(read.map(({ object, label }) => [label, new DataObject(object)])), fixed);
      this.outputs = LabeledList.fix(LabeledList.fromPairs(made.map((own) => [own.label, new DataObject(own)])), fixed);
      return;
    }
    const given = checkOptions(options, bareNames, 'a task');
    const type = given.taskType ?? new.target.taskType;
    if (typeof type !== 'string' || type === '') throw new RainException('a task needs a `taskType`');
    const name = optionalText(given.name, 'name') ?? null;
    const home = homeFor(given.session);
    this.inputs = LabeledList.fix(inputList(inputs, home), fixed);
    const created = outputRecords(outputs, home);
    const { config } = given;
    this.#record = {
      kind: 'task',
      id: -1,
      home,
      type,
      name: name === null ? null : checkLabel(name),
      config,
      encoded: config === undefined ? null : encodedConfig(config),
      inputs: this.inputs.items().map(([label, object]) => ({ object: DataObject.recordOf(object), label })),
      outputs: created,
      resources: resourcesOf(given),
      priority: priorityOf(given.priority),
      user: {},
      createdAt: creationPlace(),
      state: null,
      info: null,
    };
    for (const output of created) output.producer = this.#record;
    home.enrol(this.#record, created);
    this.outputs = LabeledList.fix(LabeledList.fromPairs(created.map((own) => [own.label, new DataObject(own)])), fixed);
  }

  /** For the library: the handle of a task that is there already. */
  static of(record: TaskRecord): Task {
    return new Task(new Submitted(record), null);
  }

  /** For the library. */
  static recordOf(task: Task): TaskRecord {
    return task.#record;
  }

  get id(): ID {
    return new ID(this.#record.home.id, this.#record.id);
  }

  get name(): string | null {
    return this.#record.name;
  }

  get taskType(): string {
    return this.#record.type;
  }

  /** As of the last `submit()`, `wait()` or `update()`; null: not submitted. */
  get state(): TaskState {
    return this.#record.state;
  }

  /** What the program asked for; `spec.user` may be set until it is submitted. */
  get spec(): TaskSpec {
    const { id, type, name, config, inputs, outputs, resources, user } = this.#record;
    return {
      id,
      taskType: type,
      name,
      config,
      inputs: inputs.map(({ object, label }) => ({ id: object.id, label })),
      outputs: outputs.map((output) => output.id),
      resources,
      user,
    };
  }

  /** What became of it; null until the first `update()`. */
  get info(): TaskInfo | null {
    return this.#record.info;
  }

  /** The one output. @throws RainException when it has none, or several */
  get output(): DataObject {
    if (this.outputs.length === 1) return this.outputs.get(0);
    throw new RainException(`${this} has ${this.outputs.length} outputs: say which by outputs.get(label)`);
  }

  /** `keep()` of each output. */
  keepOutputs(): this {
    for (const output of this.outputs) output.keep();
    return this;
  }

  /** `unkeep()` of each output. */
  async unkeepOutputs(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.unkeep(this.#record.outputs, options);
  }

  /** `fetch()` of each output, in order. */
  fetchOutputs(options: WaitOptions = {}): Promise<DataInstance[]> {
    return Promise.all([...this.outputs].map((output) => output.fetch(options)));
  }

  /** Until it has ended. */
  async wait(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.wait([this.#record], options);
  }

  /** Asks what became of it: `state` and `info`. */
  async update(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.update([this.#record], options);
  }

  toString(): string {
    const { home, id, type, name } = this.#record;
    return `<Task ${home.id}/${id} ${type}${name === null ? '' : ` '${name}'`}>`;
  }
}

/** @throws RainException, ERR_NOT_CLONEABLE */
function encodedConfig(config: unknown): string | Uint8Array {
  const encoded = encodeValue(config, 'config');
  if (encoded.length > largestConfig)
    throw new RainException(
      `the config of a task has ${encoded.length} bytes encoded, more than ${largestConfig}: make a blob() or pickled() of what is large, and an input of that`,
    );
  return encoded;
}

/** What `Task.of` tells the constructor. */
class Submitted extends Array<never> {
  readonly record: TaskRecord;

  constructor(record: TaskRecord) {
    super();
    this.record = record;
  }
}

/** What stands for a data object. @throws RainException that says what to do for what does not */
export function toDataObject(value: unknown): DataObject {
  if (value instanceof DataObject) return value;
  if (value instanceof Task) return value.output;
  const hint = typeof value === 'string' || value instanceof Uint8Array ? 'wrap it by blob()' : 'wrap it by pickled() or json()';
  throw new RainException(`a data object, or a task with one output, is wanted here, not ${typeof value}: ${hint}`);
}

/** The same, of this session. @throws RainException for another's */
export function ownObject(value: unknown, home: Home): DataObject {
  const object = toDataObject(value);
  const { home: its } = DataObject.recordOf(object);
  if (its !== home) throw new RainException(`${object} is of another session: fetch it there and make a blob of it here`);
  return object;
}

function inputList(inputs: unknown, home: Home): LabeledList<DataObject> {
  if (typeof inputs !== 'object' || inputs === null || !(Symbol.iterator in inputs) || inputs instanceof Uint8Array)
    throw new RainException('the inputs of a task are a list of data objects, each alone or as [label, object]');
  const list = new LabeledList<DataObject>();
  if (inputs instanceof LabeledList) {
    for (const [label, item] of inputs.items()) list.append(ownObject(item, home), label);
    return list;
  }
  for (const item of inputs as Iterable<unknown>) {
    const isPair = Array.isArray(item) && item.length === 2 && (item[0] === null || typeof item[0] === 'string');
    const [label, object] = isPair ? (item as [string | null, unknown]) : [null, item];
    list.append(ownObject(object, home), label === null ? null : checkLabel(label));
  }
  return list;
}

function outputRecords(outputs: TaskOutputsLike, home: Home): ObjectRecord[] {
  if (outputs === null) return [];
  if (typeof outputs === 'number') {
    if (!Number.isSafeInteger(outputs) || outputs < 0 || outputs > 100_000)
      throw new RainException(`a task cannot have ${outputs} outputs`);
    return Array.from({ length: outputs }, (_, at) => outputRecord(home, outputs === 1 ? 'output' : `out${at}`, null));
  }
  if (typeof outputs !== 'object' || !(Symbol.iterator in outputs))
    throw new RainException('the outputs of a task are null, a number, or a list of labels and Outputs');
  const records = Array.from(outputs, (given: unknown, at) => {
    if (typeof given === 'string') return outputRecord(home, checkLabel(given), null);
    if (given instanceof OutputBase) return outputRecord(home, checkLabel(given.label ?? `out${at}`), given);
    throw new RainException(`an output is a label, an Output or an OutputDir, not ${typeof given}`);
  });
  const labels = new Set<string>();
  for (const { label } of records) {
    if (labels.has(label)) throw new RainException(`two outputs have the label '${label}'`);
    labels.add(label);
  }
  return records;
}

function outputRecord(home: Home, label: string, output: OutputBase | null): ObjectRecord {
  return {
    kind: 'object',
    id: -1,
    home,
    label,
    dataType: output?.dataType ?? 'blob',
    contentType: output?.contentType ?? null,
    user: {},
    bytes: null,
    isConstant: false,
    kept: false,
    producer: null,
    state: null,
    info: null,
  };
}
