/** The handle of a task, and the making of one: all is checked before anything is registered. */
import type { Size } from '../task/task.ts';
import { decodeValue } from '../task/value.ts';
import type { TaskInfo, TaskSpec } from './attributes.ts';
import { checkLabel } from './blob.ts';
import { creationPlace } from './creation.ts';
import type { DataInstance } from './data-instance.ts';
import { DataObject } from './data-object.ts';
import { RainException } from './exceptions.ts';
import { homeFor } from './home.ts';
import { ID } from './id.ts';
import { LabeledList } from './labeled-list.ts';
import { checkOptions, optionalText, type WaitOptions } from './options.ts';
import { type Home, type ObjectRecord, TaskRecord, type TaskState } from './records.ts';
import { priorityOf, resourcesOf } from './task-needs.ts';
import { encodedConfig, outputRecords, type TaskOutputsLike } from './task-records.ts';

/** Inputs and outputs of a task, once it is made: no cycle can be made of them. */
const fixed = 'the inputs and outputs of a task are fixed when it is made: make another one';

/** What every maker of tasks takes. */
export interface TaskOptions {
  /** For people; tasks of one name are counted together. */
  readonly name?: string;
  /** A `Session`; default: the active one. */
  readonly session?: object;
  /** Cores that it holds while it runs. Default 1; 0: none. */
  readonly cpus?: number;
  /** Bytes that it holds while it runs, also as `'2GB'`. Default 0. */
  readonly memory?: Size;
  /** Other resources, as clients name theirs: `{ gpu: 1 }`. */
  readonly resources?: Readonly<Record<string, number>>;
  /** Higher first. Default 0. */
  readonly priority?: number;
}

export const taskOptionNames: readonly (keyof TaskOptions)[] = ['name', 'session', 'cpus', 'memory', 'resources', 'priority'];

/** A data object, or a task with one output. */
export type DataLike = DataObject | Task;
export type TaskInputLike = DataLike | readonly [label: string | null, object: DataLike];

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

  readonly #record: TaskRecord;
  /** Made when they are asked for: most programs hold many tasks, and ask few of them. */
  #inputs: LabeledList<DataObject> | null = null;
  #outputs: LabeledList<DataObject> | null = null;

  /**
   * @param outputs How many, or the label or description of each; null: none.
   * @throws RainException, ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_NOT_CLONEABLE (`config`): then nothing was registered
   */
  constructor(inputs: Iterable<TaskInputLike>, outputs: TaskOutputsLike, options: BareTaskOptions = {}) {
    if (inputs instanceof Submitted) {
      this.#record = inputs.record;
      return;
    }
    const given = checkOptions(options, bareNames, 'a task');
    const type = given.taskType ?? new.target.taskType;
    if (typeof type !== 'string' || type === '') throw new RainException('a task needs a `taskType`');
    const name = optionalText(given.name, 'name') ?? null;
    const home = homeFor(given.session);
    const read = inputList(inputs, home);
    const created = outputRecords(outputs, home);
    const { config } = given;
    this.#record = new TaskRecord(home, {
      type,
      name: name === null ? null : checkLabel(name),
      encoded: config === undefined ? null : encodedConfig(config),
      inputs: read.objects,
      labels: read.labels,
      outputs: created,
      resources: resourcesOf(given),
      priority: priorityOf(given.priority),
    });
    this.#record.createdAt = creationPlace();
    home.enrol(this.#record, created);
  }

  /** For the library: the handle of a task that is there already. */
  static of(record: TaskRecord): Task {
    return new Task(new Submitted(record), null);
  }

  /** For the library. */
  static recordOf(task: Task): TaskRecord {
    return task.#record;
  }

  /** Each under its label; they cannot be changed. */
  get inputs(): LabeledList<DataObject> {
    const { inputs, labels } = this.#record;
    this.#inputs ??= LabeledList.fixed(
      inputs.map((own) => DataObject.of(own)),
      labels === null ? null : [...labels],
      fixed,
    );
    return this.#inputs;
  }

  /** Each under its label; they cannot be changed. */
  get outputs(): LabeledList<DataObject> {
    const { outputs } = this.#record;
    this.#outputs ??= LabeledList.fixed(
      outputs.map((own) => DataObject.of(own)),
      outputs.map(({ label }) => label),
      fixed,
    );
    return this.#outputs;
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
    const own = this.#record;
    own.user ??= {};
    const { id, type, name, encoded, inputs, labels, outputs, resources, user } = own;
    return {
      id,
      taskType: type,
      name,
      config: encoded === null ? undefined : decodeValue(encoded),
      inputs: inputs.map((object, at) => ({ id: object.id, label: labels?.[at] ?? null })),
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
    const { outputs } = this.#record;
    if (outputs.length === 1) return DataObject.of(outputs[0] as ObjectRecord);
    throw new RainException(`${this} has ${outputs.length} outputs: say which by outputs.get(label)`);
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

function inputList(inputs: unknown, home: Home): Pick<TaskRecord, 'labels'> & { readonly objects: readonly ObjectRecord[] } {
  if (typeof inputs !== 'object' || inputs === null || !(Symbol.iterator in inputs) || inputs instanceof Uint8Array)
    throw new RainException('the inputs of a task are a list of data objects, each alone or as [label, object]');
  const [items, named]: [readonly unknown[], readonly unknown[]] =
    inputs instanceof LabeledList ? [inputs.slice(), inputs.labels] : unlabelled([...(inputs as Iterable<unknown>)]);
  // Not a literal that is filled: those that live long are put among what is seldom cleared away, with all that they lead to.
  const objects = items.map((item) => DataObject.recordOf(ownObject(item, home)));
  if (named.length === 0 || named.every((label) => label === null)) return { objects, labels: null };
  const taken = new Set<string>();
  const labels = named.map((label) => {
    if (label === null) return null;
    const text = checkLabel(label);
    if (taken.has(text)) throw new RainException(`two inputs have the label '${text}'`);
    taken.add(text);
    return text;
  });
  return { objects, labels };
}

/** Items of a list, each alone or as `[label, item]`: the items and, where one has any, the labels. */
function unlabelled(list: readonly unknown[]): [items: readonly unknown[], labels: readonly unknown[]] {
  if (!list.some(isPair)) return [list, []];
  return [list.map((item) => (isPair(item) ? item[1] : item)), list.map((item) => (isPair(item) ? item[0] : null))];
}

function isPair(item: unknown): item is readonly [string | null, unknown] {
  return Array.isArray(item) && item.length === 2 && (item[0] === null || typeof item[0] === 'string');
}
